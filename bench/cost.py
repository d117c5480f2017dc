#!/usr/bin/env python3
"""What memwhy costs: explaining a 500 MB heap, and listing 60 idle Node processes. Each figure is the
median of five runs, beside the most it may be; ends with exit code 1 if one is over."""
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import ROOT, Node, Target, ask

RUNS = 5
over = []


def figure(what, got, limit, unit):
    mark = "" if got <= limit else "   OVER"
    print(f"  {what:<44} {got:>10.3f} {unit:<3} of at most {limit:g} {unit}{mark}")
    if got > limit:
        over.append(what)


def median(values):
    return statistics.median(values)


def explain_large(version, megabytes=500):
    command = [Node(version).need().path, "--expose-gc", "--max-old-space-size=4096", ROOT / "bench" / "heap.js", megabytes]
    with Target(command, timeout=300) as t:
        docs = [ask("explain", t.pid, codes=(0, 1, 4)) for _ in range(RUNS)]
    rss = docs[0]["account"]["rss_bytes"]
    print(f"explain, Node {version}, {megabytes} MB heap (RSS {rss / 2**20:.0f} MiB)")
    figure("whole run", median(d["cost"]["took_ns"] for d in docs) / 1e9, 2, "s")
    figure("target held", median(d["cost"]["pause_ns"] for d in docs) / 1e9, 0.2, "s")
    figure("memwhy's own memory, part of the target's", median(d["cost"]["own_rss_bytes"] for d in docs) / rss, 1 / 3, "")


def list_idle(version, count=60):
    command = [Node(version).need().path, "-e", "console.log('READY'); setInterval(() => {}, 1 << 30)"]
    targets = []
    try:
        for _ in range(count):
            targets.append(Target(command))
        took = median(ask("ps")["cost"]["took_ns"] for _ in range(RUNS)) / 1e9
    finally:
        for t in targets:
            t.kill()
    print(f"ps, {count} idle processes of Node {version}")
    figure("whole run", took, 1, "s")


for major in map(int, sys.argv[1:] or [24]):
    explain_large(major)
    list_idle(major)
sys.exit(1 if over else 0)
