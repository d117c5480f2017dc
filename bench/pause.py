#!/usr/bin/env python3
"""How long a look stands in the way of a Node process, as its own event loop sees it: memwhy frozen and
stopped, gcore, V8's own snapshot, and what fork() alone costs a C program of the same size.

Each figure is the longest gap of the loop while the tool ran: of several runs the least, the median and
the most. `baseline` is the same without a tool: what the machine's other work does to the loop. Ends
with exit code 1 if a median of the frozen image is over its limit."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import MEMWHY, ROOT, Node, Target

LIMITS_MS = {100: 12, 1024: 50, 4096: 200}  # of the frozen image
CODES = (0, 1, 4)


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def available_mb():
    line = next(l for l in open("/proc/meminfo") if l.startswith("MemAvailable:"))
    return int(line.split()[1]) >> 10


def fork_alone(size, runs, folder, urgent):
    program = Path(folder) / "fork"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, ROOT / "bench" / "fork.c"], check=True)
    first = ["chrt", "--rr", "1"] if urgent else []
    out = subprocess.run([*first, program, str(size), str(runs)], check=True, capture_output=True, text=True).stdout
    return [float(line) for line in out.split()]


def hurry(pid, on):
    """Real-time priority for every thread of it, before the tool, or none."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        os.sched_setscheduler(int(tid), os.SCHED_RR if on else os.SCHED_OTHER, os.sched_param(2 if on else 0))


class Subject:
    """A Node process with a heap of so many megabytes."""

    def __init__(self, node, size, urgent):
        self.urgent = urgent
        self.target = Target([node.need().path, "--expose-gc", f"--max-old-space-size={size * 2}",
                              "-r", ROOT / "bench" / "loop.js", ROOT / "bench" / "heap.js", size], timeout=900)
        self.pid, self.rss = self.target.pid, self.target.truth["rss"]
        time.sleep(2)  # V8 gives memory back some time after

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.target.kill()

    def ask(self, line):
        self.target.say(line)
        return self.target.hear()

    def measure(self, tool):
        """The longest gap of the loop around tool(), in ms; tool may give more to note."""
        if self.urgent:
            hurry(self.pid, True)
        self.ask("start")
        began = time.monotonic()
        more = tool() or {}
        took = time.monotonic() - began
        seen = self.ask("stop")
        if self.urgent:
            hurry(self.pid, False)
        return {"pause_ms": max(seen["loop_ms"], seen["ticker_ms"]), "loop_ms": seen["loop_ms"],
                "ticker_ms": seen["ticker_ms"], "slow_ms": seen["slow_ms"], "took_s": took,
                "load": os.getloadavg()[0], **more}

    def run(self, *command):
        """Where it is not alone on the machine the tool hurries, too."""
        return subprocess.run(["chrt", "--rr", "1", *command] if self.urgent else command, capture_output=True)

    def explain(self, how):
        p = self.run(MEMWHY, "explain", str(self.pid), f"--freeze={how}", "--max-pause=60s", "--json")
        doc = json.loads(p.stdout)
        if p.returncode not in CODES:
            raise RuntimeError(f"memwhy: {doc['error']['message']}")
        cost = doc["cost"]
        return {"said_ms": cost["longest_pause_ns"] / 1e6, "stops": cost["stops"],
                "extra_mb": cost.get("target_extra_bytes", 0) / 2**20}

    def gcore(self, folder):
        self.run("gcore", "-o", f"{folder}/core", str(self.pid)).check_returncode()
        self.drop(folder)

    def snapshot(self, folder):
        self.ask(f"snapshot {folder}/heap.heapsnapshot")
        self.drop(folder)

    @staticmethod
    def drop(folder):
        for pattern in ("core.*", "*.heapsnapshot"):
            for file in Path(folder).glob(pattern):
                file.unlink()


def row(of, node, size, what, runs):
    pauses = sorted(r["pause_ms"] for r in runs)
    limit = LIMITS_MS.get(size) if what == "frozen" else None
    r = {"node": node, "mb": size, "what": what, "limit_ms": limit, "least_ms": pauses[0],
         "median_ms": statistics.median(pauses), "most_ms": pauses[-1], "runs": runs}
    mark = "" if not limit else f"   of {limit} ms" + ("   OVER" if r["median_ms"] > limit else "")
    said = f"   said {statistics.median(x['said_ms'] for x in runs):8.1f}" if "said_ms" in runs[0] else ""
    took = f"   took {statistics.median(x['took_s'] for x in runs):7.2f} s" if "took_s" in runs[0] else ""
    print(f"{node or 'C':>4} {size:>5} MB  {what:<12} {r['least_ms']:>9.1f} {r['median_ms']:>9.1f} "
          f"{r['most_ms']:>9.1f} ms{said}{took}   load {runs[-1]['load']:.1f}{mark}", flush=True)
    of.append(r)


def one_size(size, o, folder, rows):
    need = max(size * 3 // 2, 300)
    if available_mb() < need:
        say(f"{size} MB: left out, {available_mb()} MB are available")
        return
    runs = [{"pause_ms": ms, "load": os.getloadavg()[0]} for ms in fork_alone(size, o.runs, folder, o.urgent)]
    row(rows, None, size, "fork()", runs)
    for version in o.nodes:
        with Subject(Node(version), size, o.urgent) as s:
            def several(what, tool, n=o.runs):
                row(rows, version, size, what, [s.measure(tool) for _ in range(n)])
            several("baseline", lambda: time.sleep(1))
            several("frozen", lambda: s.explain("fork"))
            if size <= o.stop_up_to:
                several("stopped", lambda: s.explain("stop"))
            if size <= o.gcore_up_to:
                several("gcore", lambda: s.gcore(folder), 2)
            if size <= o.snapshot_up_to:
                several("snapshot", lambda: s.snapshot(folder), 1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(n) for n in text.split(",")]
    p.add_argument("--nodes", type=numbers, default=[20, 22, 24, 26])
    p.add_argument("--sizes", type=numbers, default=[100, 1024], help="MB; 4096 takes 10 GB of memory")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--stop-up-to", type=int, default=1 << 20, metavar="MB")
    p.add_argument("--gcore-up-to", type=int, default=1024, metavar="MB")
    p.add_argument("--snapshot-up-to", type=int, default=100, metavar="MB", help="1 GB takes minutes and 12 GB")
    p.add_argument("--folder", default=None, help="where gcore and the snapshot write (a disk)")
    p.add_argument("--urgent", action="store_true",
                   help="real-time priority for target and tool, on a machine that others use (root)")
    p.add_argument("--json", metavar="FILE")
    o = p.parse_args()
    rows = []
    print(f"the loop's longest gap in ms: least, median and most of {o.runs} runs")
    for size in o.sizes:
        with tempfile.TemporaryDirectory(dir=o.folder) as folder:
            one_size(size, o, folder, rows)
    if o.json:
        Path(o.json).write_text(json.dumps(rows, indent=1))
    sys.exit(any(r["limit_ms"] and r["median_ms"] > r["limit_ms"] for r in rows))


main()
