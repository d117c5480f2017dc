#!/usr/bin/env python3
"""What sampling costs: sampler.py [PROCESSES [ROUNDS [NODE [BUSY]]]]. CPU a round and memory of a sampler that reads so
many Node processes each second, of which BUSY serve their own load; the first round, which finds everything, apart."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUSY = """const kept = []; let n = 0;
setInterval(() => { for (let i = 0; i < 2000; i++) kept[n++ % 50000] = { n, text: 'x' + n }; }, 20);"""
IDLE = "setInterval(() => {}, 1000);"


def status(pid, key):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])


def main(processes=60, rounds=30, node="24", busy=0):
    command = str(ROOT / ".nodes" / node / "bin" / "node")
    targets = [subprocess.Popen([command, "-e", BUSY if i < int(busy) else IDLE]) for i in range(int(processes))]
    try:
        time.sleep(1 + int(processes) / 10)
        sampler = subprocess.Popen([str(ROOT / "build/tests/samples"), "1000", str(rounds)] +
                                   [str(t.pid) for t in targets if os.environ.get("MEMWHY_BENCH_PIDS")],
                                   stdout=subprocess.PIPE, text=True, env={**os.environ, "MEMWHY_SAMPLES_COST": "1"})
        costs = []
        for line in sampler.stdout:
            costs += [json.loads(line)["cost"]] if '"cost"' in line else []
            now = status(sampler.pid, "VmRSS"), status(sampler.pid, "VmHWM")
            rss, peak = now if all(now) else (rss, peak)  # it may have ended
        sampler.wait()
    finally:
        for t in targets:
            t.kill()
            t.wait()
    each = sorted((b["cpu_ns"] - a["cpu_ns"]) / 1e6 for a, b in zip(costs, costs[1:-1]))
    print(f"{processes} processes, {busy} of them busy; load {os.getloadavg()[0]:.1f}")
    print(f"first round {costs[0]['cpu_ns'] / 1e6:.1f} ms; then {sum(each) / len(each):.2f} ms of CPU a round"
          f" (median {each[len(each) // 2]:.2f}, most {each[-1]:.2f}); RSS {rss / 1024:.1f} MiB, peak {peak / 1024:.1f}")


main(*sys.argv[1:])
