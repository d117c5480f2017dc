#!/usr/bin/env python3
"""What a capture costs, beside gcore: a heap of small objects, and Buffers. Each figure is the median of
three runs, beside the most it may be; ends with exit code 1 if one is over.    bench/capture.py [MB [MAJOR...]]"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import ROOT, Node, Target, ask

RUNS = 3
BUFFERS = "globalThis.b = []; for (let i = 0; i < %d; i++) b.push(require('crypto').randomBytes(10 << 20));" \
          "console.log('READY {}'); setInterval(() => {}, 1000)"
over = []


def figure(what, got, limit, unit):
    mark = "" if limit is None or got <= limit else "   OVER"
    most = "" if limit is None else f" of at most {limit:.2f} {unit}"
    print(f"  {what:<34} {got:>9.2f} {unit:<3}{most}{mark}")
    if mark:
        over.append(what)


def rss(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024


def by_memwhy(pid, folder, name, *options):
    """Seconds until the file is on disk, its size, the process's pause, our own memory."""
    runs = []
    for _ in range(RUNS):
        (folder / name).unlink(missing_ok=True)
        doc = ask("capture", pid, "-o", folder / name, "--max-pause=1000s", *options, timeout=600)
        runs.append((doc["cost"]["took_ns"] / 1e9, doc["capture"]["file_bytes"], doc["cost"]["pause_ns"] / 1e9,
                     doc["cost"]["own_rss_bytes"] / 2**20))
    (folder / name).unlink()
    return [statistics.median(r[i] for r in runs) for i in range(4)]


def by_gcore(pid, folder):
    """Seconds, disk synced as a capture's is, and the file's size."""
    runs = []
    for _ in range(RUNS):
        began = time.monotonic()
        subprocess.run(["gcore", "-o", folder / "gdb", str(pid)], capture_output=True, check=True)
        file = folder / f"gdb.{pid}"
        fd = os.open(file, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
        runs.append((time.monotonic() - began, file.stat().st_blocks * 512))
        file.unlink()
    return [statistics.median(r[i] for r in runs) for i in range(2)]


def compare(what, command, folder, packed_part):
    with Target(command, timeout=600) as t:
        memory = rss(t.pid)
        print(f"{what}: {memory >> 20} MiB resident")
        gdb = by_gcore(t.pid, folder) if shutil.which("gcore") else None
        if gdb:
            figure("gcore: time, the process held", gdb[0], None, "s")
            figure("gcore: file, part of RSS", gdb[1] / memory, None, "")
        for name, options, part in (("plain", [], 1.05), ("plain, stopped", ["--freeze=stop"], 1.05),
                                    ("packed", ["--zstd"], packed_part), ("redacted", ["--redact"], 1.05)):
            took, size, pause, own = by_memwhy(t.pid, folder, "a.core", *options)
            plain = name.startswith("plain")
            figure(f"{name}: time", took, gdb[0] if gdb and plain else None, "s")
            figure(f"{name}: pause", pause, None, "s")
            figure(f"{name}: file, part of RSS", size / memory, part, "")
            figure(f"{name}: memory of our own", own, 128, "MiB")


megabytes = int(sys.argv[1]) if sys.argv[1:] else 1024
with tempfile.TemporaryDirectory(prefix="memwhy-bench-", dir="/var/tmp") as at:
    for major in map(int, sys.argv[2:] or [24]):
        node = Node(major).need().path
        heap = [node, "--expose-gc", "--max-old-space-size=4096", ROOT / "bench" / "heap.js", megabytes]
        compare(f"small objects, Node {major}", heap, Path(at), 0.5)
        compare(f"Buffers of random bytes, Node {major}", [node, "-e", BUFFERS % (megabytes // 10)], Path(at), None)
sys.exit(1 if over else 0)
