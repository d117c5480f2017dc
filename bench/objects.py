#!/usr/bin/env python3
"""What it costs to ask for the histogram (with and without what is garbage), for live and garbage, for
retained sizes: the standard heap (bench/heap.js) of so many MB on one Node version, and what a user has
today, V8's own snapshot.

    bench/objects.py [--runs N] [--no-snapshot] [VERSION [MB...]]        24, 500

Wall time is that of this machine at this moment; processor time (user and system, of memwhy alone) is
not disturbed by other work as much. Each figure is the median of the runs beside its goal; ends with
exit code 1 if one is over."""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import MEMWHY, ROOT, Node, Target, ask

COMMANDS = {"histogram": ["objects", "--no-liveness"], "live and garbage": ["heap"],
            "histogram of both": ["objects", "--no-retained"], "retained sizes": ["objects"]}
# Seconds of wall time on two processors, by MB; and of processor time: a 30th of llnode's histogram.
GOALS = {500: {"histogram": 1.5, "live and garbage": 2.5, "histogram of both": 2.5, "retained sizes": 10},
         1500: {"retained sizes": 30}}
CPU_GOALS = {100: {"histogram": 0.4}}
# Bytes of memwhy for retained sizes, by MB and number of objects.
MEMORY_GOALS = {500: lambda objects: 40 * objects, 1500: lambda objects: 2e9}
over = []


def run(command):
    """Seconds of wall and of processor time, and the most memory, of one run."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([MEMWHY, *map(str, command)], stdout=out, stderr=out)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode not in (0, 1):
            out.seek(0)
            raise SystemExit(f"memwhy {' '.join(map(str, command))}: exit code {p.returncode}\n{out.read().decode()}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def judge(what, got, goal):
    if goal is None:
        return ""
    if got > goal:
        over.append(what)
    return f"{goal:.4g}{' OVER' if got > goal else ''}"


def measure(t, mb, runs):
    objects = sum(c["count"] for c in ask("objects", t.pid, "--no-liveness")["classes"])
    print(f"{mb} MB, {objects:,} objects; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"  {'':18} {'wall s':>8} {'goal':>10} {'cpu s':>8} {'goal':>10} {'memory MB':>10} {'goal':>10} "
          f"{'bytes an object':>16}")
    for name, command in COMMANDS.items():
        wall, cpu, memory = map(statistics.median, zip(*(run([*command, t.pid]) for _ in range(runs))))
        most = MEMORY_GOALS[mb](objects) / 1e6 if name == "retained sizes" and mb in MEMORY_GOALS else None
        print(f"  {name:18} {wall:8.2f} {judge(f'{mb} MB, {name}', wall, GOALS.get(mb, {}).get(name)):>10} {cpu:8.2f} "
              f"{judge(f'{mb} MB, {name}, cpu', cpu, CPU_GOALS.get(mb, {}).get(name)):>10} {memory / 1e6:10.0f} "
              f"{judge(f'{mb} MB, memory', memory / 1e6, most):>10} {memory / objects:16.1f}", flush=True)


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def snapshot(t, folder):
    """V8's own: the target does nothing else from the signal until the file stands."""
    began, before = time.monotonic(), cpu_of(t.pid)
    os.kill(t.pid, 12)  # SIGUSR2
    size, idle = 0, 0
    while idle < 20:
        time.sleep(0.1)
        found = sum(f.stat().st_size for f in Path(folder).glob("*.heapsnapshot"))
        idle = idle + 1 if found and found == size and cpu_of(t.pid) - before < 1e-9 + last else 0
        last, size = cpu_of(t.pid) - before, found
    print(f"  V8's own snapshot: blocked {time.monotonic() - began - 2:.1f} s, {last:.1f} s of processor time, a file of "
          f"{size / 1e6:.0f} MB (to be loaded yet), target's memory {peak(t.pid) / 1e6:.0f} MB at its most")


def peak(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")) * 1024


def main():
    a = argparse.ArgumentParser()
    a.add_argument("version", nargs="?", type=int, default=24)
    a.add_argument("mb", nargs="*", type=int, default=[500])
    a.add_argument("--runs", type=int, default=3)
    a.add_argument("--no-snapshot", action="store_true")
    o = a.parse_args()
    for mb in o.mb:
        with tempfile.TemporaryDirectory() as folder:
            command = [Node(o.version).need().path, "--expose-gc", f"--max-old-space-size={4 * mb + 2000}",
                       "--heapsnapshot-signal=SIGUSR2", ROOT / "bench" / "heap.js", mb]
            with Target(command, timeout=900, cwd=folder) as t:
                measure(t, mb, o.runs)
                if not o.no_snapshot:
                    snapshot(t, folder)
    sys.exit(1 if over else 0)


main()
