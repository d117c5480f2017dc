#!/usr/bin/env python3
"""What `memwhy gc-trace` costs the process it traces, for each collection: CPU time of the collecting thread
with a probe and without, in rounds that take turns. The collections are as small as they can be made, so
that the cost is not lost in them. And what it costs memwhy itself."""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import MEMWHY, ROOT, Node, Target

COLLECTIONS = 2000


def one(target):
    target.say("go")
    return target.hear()["cpu_ns"] / 1000


def own_cpu_us(pid):
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000


def with_probe(target):
    """(CPU of the target for each, memwhy's own), in microseconds."""
    with tempfile.TemporaryFile("w+") as out:
        watch = subprocess.Popen([str(MEMWHY), "gc-trace", str(target.pid), "--json"], stdout=out)
        while not out.seek(0) and not out.readline():
            time.sleep(0.01)
        before = own_cpu_us(watch.pid)
        cost = one(target)
        time.sleep(0.1)
        own = (own_cpu_us(watch.pid) - before) / COLLECTIONS
        watch.terminate()
        watch.wait()
        out.seek(0)
        summary = json.loads(out.readlines()[-1])
        assert (summary["kinds"][0]["count"], summary["lost"]) == (COLLECTIONS, 0), summary
        return cost, own


def measure(version, rounds):
    node = Node(version).need()
    plain, probed, own = [], [], []
    with Target([node.path, "--expose-gc", "--single-threaded-gc", ROOT / "bench" / "gc_trace.js", COLLECTIONS]) as t:
        one(t)  # warm
        for _ in range(rounds):
            plain.append(one(t))
            cost, of_memwhy = with_probe(t)
            probed.append(cost)
            own.append(of_memwhy)
    return plain, probed, own


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", default="16 18 20 22 24 26")
    parser.add_argument("--rounds", type=int, default=10)
    how = parser.parse_args()
    print("Node   a collection   with probe   the probe (least to most of the rounds)   memwhy itself   us of CPU")
    for version in map(int, how.nodes.split()):
        plain, probed, own = measure(version, how.rounds)
        cost = sorted(b - a for a, b in zip(plain, probed))
        print(f"{version:4} {statistics.median(plain):14.1f} {statistics.median(probed):12.1f} "
              f"{statistics.median(cost):11.1f} ({cost[0]:.1f} to {cost[-1]:.1f}) "
              f"{statistics.median(own):30.1f}", flush=True)


main()
