#!/usr/bin/env python3
"""What `memwhy leaks` costs: programs (bench/leaks.c) of 1 GiB in blocks of several sizes that refer to each other,
near by and all over the heap, and a Node process with as much in Buffers and in JavaScript objects.

    bench/leaks.py [--runs N] [--mib N] [--node VERSION] [SIZE...]        3, 1024, 24, 16384 1024 120 56

Wall time is that of this machine at this moment, on two processors; processor time (user and system, of memwhy
alone) is not disturbed by other work as much. Each figure is the least of the runs beside its goal; ends with exit
code 1 if one is over, or if what is lost is not found."""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import MEMWHY, ROOT, Node, Target, ask

GOAL_SECONDS = 1.5  # of wall time on two processors, for 1 GiB
BUFFERS = """
const held = [];
for (let i = 0; i < %d; i++) { const b = Buffer.allocUnsafeSlow(4000); b.fill(i & 127); held.push({ i, b }); }
globalThis.held = held;
console.log('READY {}');
setInterval(() => {}, 1 << 30);
"""
failed = []


def run(pid):
    """Seconds of wall and of processor time, and the most memory, of one look."""
    began = time.monotonic()
    p = subprocess.Popen([MEMWHY, "leaks", str(pid)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode not in (0, 1):
        raise SystemExit(f"memwhy leaks: exit code {p.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(name, target, runs, goal):
    doc = ask("leaks", target.pid, codes=(0, 1))
    wall, cpu, memory = map(min, zip(*(run(target.pid) for _ in range(runs))))
    known = target.truth.get("lost")
    wrong = known is not None and doc["lost_count"] != known
    if wrong or wall > goal:
        failed.append(name)
    print(f"{name:28}{doc['in_use_count']:12,}{doc['lost_count']:10,}{wall:9.2f}{goal:7.2f}{cpu:9.2f}{memory:11.0f}"
          f"{f'   WRONG: {known} are lost' if wrong else ''}{'   OVER' if wall > goal else ''}", flush=True)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("size", nargs="*", type=int, default=[16384, 1024, 120, 56])
    a.add_argument("--runs", type=int, default=3)
    a.add_argument("--mib", type=int, default=1024)
    a.add_argument("--node", type=int, default=24)
    o = a.parse_args()
    goal = GOAL_SECONDS * o.mib / 1024
    print(f"memwhy leaks, {o.mib} MiB; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'':28}{'blocks':>12}{'lost':>10}{'wall s':>9}{'goal':>7}{'cpu s':>9}{'memory MB':>11}")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "leaks")
        subprocess.run(["gcc", "-O1", "-o", program, ROOT / "bench" / "leaks.c"], check=True)
        for size in o.size:
            for how in ("near", "far"):
                with Target([program, size, o.mib, how], timeout=300) as t:
                    measure(f"{size} bytes, {how}", t, o.runs, goal)
    node = Node(o.node).need().path
    with Target([node, "-e", BUFFERS % (o.mib * 256)], timeout=300) as t:
        measure(f"Node {o.node}, Buffers", t, o.runs, goal)
    with Target([node, "--expose-gc", "--max-old-space-size=8000", ROOT / "bench" / "heap.js", o.mib],
                timeout=900) as t:
        measure(f"Node {o.node}, objects", t, o.runs, goal)
    sys.exit(1 if failed else 0)


main()
