#!/usr/bin/env python3
"""A snapshot of the standard heap (bench/heap.js) by memwhy, by V8 itself, and by memwhy again with the ids of its
first one, of the same process. Other work on the machine spoils the time, less so what the processor took.
    python3 bench/snapshot.py [MB...] [--node=24]"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = {100: 2, 500: 12}  # limits of the whole, on two processors; of memory: what the heap holds


def status(pid, field):
    """A field of /proc/PID/status in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1)) / 1024


def largest_so_far(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return status(pid, "VmHWM")


def seconds_of(pid):
    """Processor time it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def of_memwhy(pid, folder, after=None):
    path = os.path.join(folder, "after.heapsnapshot" if after else "memwhy.heapsnapshot")
    before = largest_so_far(pid)
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([ROOT / "build" / "memwhy", "snapshot", str(pid), "-o", path, "--json",
                           *(["--after", os.path.join(folder, after)] if after else [])],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}memwhy: exit code {done.returncode}")
    took, ended = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    doc = json.loads(done.stdout)
    cpu = ended.ru_utime - used.ru_utime + ended.ru_stime - used.ru_stime
    return {"took": took, "cpu": cpu, "pause": doc["cost"]["longest_pause_ns"] / 1e9, "own": doc["cost"]["own_rss_bytes"] / 2**20,
            "added": status(pid, "VmHWM") - before, "file": os.path.getsize(path) / 2**20,
            "nodes": doc["snapshot"]["nodes"], "edges": doc["snapshot"]["edges"],
            "kept": doc["snapshot"].get("kept_objects")}


def head(path):
    with open(path, encoding="utf-8") as f:
        return {k: int(re.search(rf'"{k}_count":(\d+)', text).group(1))
                for text in [f.read(4096)] for k in ("node", "edge")}


def of_v8(pid, folder):
    before = largest_so_far(pid)
    began, used = time.monotonic(), seconds_of(pid)
    os.kill(pid, signal.SIGUSR2)
    while True:  # the file grows until it is whole, and ends so
        time.sleep(0.05)
        files = list(Path(folder).glob("Heap*.heapsnapshot"))
        if files and files[0].stat().st_size:
            with open(files[0], "rb") as f:
                f.seek(-min(2, files[0].stat().st_size), os.SEEK_END)
                if f.read() == b"]}":
                    break
    took = time.monotonic() - began
    counts = head(files[0])
    return {"took": took, "cpu": seconds_of(pid) - used, "pause": took, "own": 0, "added": status(pid, "VmHWM") - before,
            "file": files[0].stat().st_size / 2**20, "nodes": counts["node"], "edges": counts["edge"]}


def over(ours, seconds, used):
    """Is one of memwhy's figures over its limit? Says which."""
    found = []
    if seconds and ours["took"] > seconds:
        found.append(f"{ours['took']:.1f} s, at most {seconds} s")
    if seconds == SECONDS[500] and ours["own"] > used:  # of a small heap the program itself would count
        found.append(f"{ours['own']:.0f} MB of our own, at most the {used:.0f} MB on the heap")
    for what in found:
        print(f"FAIL: {what}")
    return bool(found)


def measure(megabytes, node):
    folder = tempfile.mkdtemp(prefix="memwhy-bench-", dir=os.environ.get("TMPDIR"))
    target = subprocess.Popen([ROOT / ".nodes" / node / "bin" / "node", "--expose-gc", "--max-old-space-size=8192",
                               "--heapsnapshot-signal=SIGUSR2", f"--diagnostic-dir={folder}",
                               ROOT / "bench" / "heap.js", str(megabytes)], stdout=subprocess.PIPE, text=True)
    try:
        used = json.loads(target.stdout.readline().removeprefix("READY "))["heap_used"] / 2**20
        time.sleep(1)
        rss = status(target.pid, "VmRSS")
        print(f"{megabytes} MB of bench/heap.js, Node {node}: {used:.0f} MB on the heap, {rss:.0f} MB in memory")
        print(f"{'':8}{'time':>8}{'processor':>11}{'pause':>10}{'added to it':>13}{'of our own':>12}{'file':>9}{'nodes':>12}{'edges':>12}")
        for name, how in (("memwhy", of_memwhy), ("V8", of_v8),
                          ("--after", lambda pid, folder: of_memwhy(pid, folder, "memwhy.heapsnapshot"))):
            m = how(target.pid, folder)
            print(f"{name:8}{m['took']:7.1f}s{m['cpu']:10.1f}s{m['pause'] * 1000:8.0f}ms{m['added']:11.0f}MB{m['own']:10.0f}MB"
                  f"{m['file']:7.0f}MB{m['nodes']:12,}{m['edges']:12,}", flush=True)
            if m.get("kept") is not None:  # V8 has collected in between
                print(f"{m['kept']:,} objects have the ids they had")
            if name == "memwhy":
                ours = m
        return not over(ours, SECONDS.get(megabytes), used)
    finally:
        target.kill()
        target.wait()
        shutil.rmtree(folder)


def main():
    node = next((a[7:] for a in sys.argv[1:] if a.startswith("--node=")), "24")
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or [100]
    return 0 if all([measure(mb, node) for mb in sizes]) else 1


sys.exit(main())
