#!/usr/bin/env python3
"""Does `memwhy explain --for` tell a leak from what only goes up and down? bench/slopes.py [KIND...]

Each kind of tests/targets/slopes.js runs for as long as it is watched, 2 minutes unless SLOPES_SECONDS
says otherwise, from its very beginning, so its warm-up is in it; SLOPES_JOBS at a time (10), on the Node
versions of MEMWHY_NODES (18 to 26) in turn. A leak is found when its owner is said to be growing
(native memory: malloc's or RSS); a healthy program is right when nothing is. Leaks lose 100 KB/s, native
ones 320; the table has the slopes with their intervals of 95 %. Exit code 1: a leak was missed or left
undecided, or a healthy program called growing.
"""
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MEMWHY = ROOT / os.environ.get("MEMWHY_BUILD", "build") / "memwhy"
TARGET = Path(os.environ.get("SLOPES_TARGET", ROOT / "tests" / "targets" / "slopes.js"))
SECONDS = int(os.environ.get("SLOPES_SECONDS", 120))
JOBS = int(os.environ.get("SLOPES_JOBS", 10))
SEED = os.environ.get("SLOPES_SEED", "1")
NODES = [v for v in os.environ.get("MEMWHY_NODES", "18 20 22 24 26").split()]
OWNERS = ["heap", "workers_heap", "array_buffers", "malloc", "rss"]


def node(version):
    return str(ROOT / ".nodes" / version / "bin" / "node")


def run(kind, version):
    """What memwhy says of one run: the truth, the owners' verdicts, and what it cost."""
    p = subprocess.Popen([node(version), str(TARGET), kind, SEED], stdout=subprocess.PIPE)
    try:
        truth = json.loads(p.stdout.readline().decode().removeprefix("READY"))
        answer = subprocess.run([str(MEMWHY), "explain", str(p.pid), "--for", f"{SECONDS}s", "--json"],
                                capture_output=True)
        doc = json.loads(answer.stdout)
    finally:
        p.kill()
        p.wait()
        p.stdout.close()
    return {"kind": kind, "node": version, "truth": truth, "error": doc.get("error"),
            "series": doc.get("series", {"owners": [], "looks": 0})}


def owners(r):
    return {o["owner"]: o for o in r["series"]["owners"]}


def outcome(r):
    """"found", "missed", "undecided", "healthy", "WRONG", or "failed": there is no answer."""
    if r["error"]:
        return "failed"
    growing = [o for o in owners(r).values() if o["verdict"] == "growing"]
    if not r["truth"]["grows"]:
        return "WRONG" if growing else "healthy"
    meant = {"heap": ["heap"], "array_buffers": ["array_buffers"], "workers": ["workers_heap"],
             "native": ["malloc", "rss"]}[r["truth"]["grows"]]
    if any(o["owner"] in meant for o in growing):
        return "found"
    return "undecided" if any(owners(r).get(m, {}).get("verdict") == "undecided" for m in meant) else "missed"


def cell(o):
    if not o:
        return "-"
    if o["verdict"] == "growing":
        return f"+{o['per_second'] / 1e3:.0f} ({o['low'] / 1e3:.0f}..{o['high'] / 1e3:.0f})"
    return o["verdict"] + (f": {o['why']}" if "why" in o else "")


def show(r):
    o = owners(r)
    print(f"{r['kind']:22} {r['node']:>4} {outcome(r):10} {r['series']['looks']:>5} "
          + " ".join(f"{cell(o.get(name)):26}" for name in OWNERS), r["error"] or "", flush=True)


def main():
    kinds = json.loads(subprocess.check_output([node("24"), str(TARGET)]))
    work = [f"{s}/{n}" for s in ("leak", "healthy") for n in kinds[s]]
    if sys.argv[1:]:
        work = [w for w in work if w in sys.argv[1:] or w.split("/")[0] in sys.argv[1:]]
    print(f"{len(work)} programs, {SECONDS} s each, {JOBS} at a time; load {os.getloadavg()[0]:.1f}; KB/s where growing\n")
    print(f"{'PROGRAM':22} {'NODE':>4} {'OUTCOME':10} {'LOOKS':>5} " + " ".join(f"{n.upper():26}" for n in OWNERS))
    began, results = time.monotonic(), []
    with ThreadPoolExecutor(JOBS) as pool:
        for r in pool.map(lambda w: run(w[1], NODES[w[0] % len(NODES)]), enumerate(work)):
            results.append(r)
            show(r)
    counts = {}
    for r in results:
        key = (r["kind"].split("/")[0], outcome(r))
        counts[key] = counts.get(key, 0) + 1
    print("\n" + ", ".join(f"{n} {a} {b}" for (a, b), n in sorted(counts.items())),
          f"in {time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.1f}")
    if os.environ.get("SLOPES_OUT"):
        Path(os.environ["SLOPES_OUT"]).write_text(json.dumps(results))
    sys.exit(any(b in ("missed", "undecided", "WRONG", "failed") for _, b in counts))


if __name__ == "__main__":
    main()
