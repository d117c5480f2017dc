#!/usr/bin/env python3
"""V8's own snapshot of the standard heap (bench/heap.js) opened, with suspects, by memwhy, and by DevTools' worker
and memlab where `./dev viewers` has fetched them.
    python3 bench/open.py [MB...] [--node=24] [--alone] [--keep=FOLDER]
--alone: memwhy only. --keep: the snapshots stay there, and are not made again."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VIEWERS = ROOT / ".cache" / "viewers"
LIMITS = {500: (8, 1000), 1500: (25, None)}  # seconds of wall clock on two processors, MB of memory
MEMLAB = """require(process.argv[1]).getFullHeapFromFile(process.argv[2]).then((h) => console.log(h.nodes.length));"""


def make(path, megabytes, node):
    """By a signal, as V8's own way is used in production."""
    folder = path.parent / "made"
    folder.mkdir()
    target = subprocess.Popen([ROOT / ".nodes" / node / "bin" / "node", "--expose-gc", "--max-old-space-size=8192",
                               "--heapsnapshot-signal=SIGUSR2", f"--diagnostic-dir={folder}",
                               ROOT / "bench" / "heap.js", str(megabytes)], stdout=subprocess.PIPE, text=True)
    try:
        target.stdout.readline()
        target.send_signal(signal.SIGUSR2)
        while True:
            time.sleep(0.2)
            files = list(folder.glob("*.heapsnapshot"))
            if files and files[0].stat().st_size > 2:
                with open(files[0], "rb") as f:
                    f.seek(-2, os.SEEK_END)
                    if f.read() == b"]}":
                        break
    finally:
        target.kill()
        target.wait()
    files[0].rename(path)
    folder.rmdir()


def run(*command):
    """Seconds of wall clock and of processors, and the most memory it had, in MB; None when it failed."""
    began = time.monotonic()
    p = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return {"wall": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024,
            "failed": p.returncode not in (0, 1)}


def viewers(node, path):
    program = [ROOT / ".nodes" / node / "bin" / "node", "--max-old-space-size=14000", "--no-warnings"]
    if (VIEWERS / "devtools").exists():
        yield "DevTools' worker", [*program, "--experimental-transform-types",
                                   ROOT / "tests" / "integration" / "devtools.mjs", VIEWERS / "devtools", path]
    if (VIEWERS / "memlab").exists():
        yield "memlab", [*program, "-e", MEMLAB, VIEWERS / "memlab/node_modules/@memlab/heap-analysis", path]


def measure(folder, megabytes, node, alone):
    path = Path(folder, f"{megabytes}.heapsnapshot")
    if not path.exists():
        make(path, megabytes, node)
    print(f"{megabytes} MB of bench/heap.js, Node {node}: a file of {path.stat().st_size / 2**20:.0f} MB; "
          f"load {os.getloadavg()[0]:.1f}")
    print(f"{'':18}{'wall':>9}{'processors':>12}{'memory':>11}")
    programs = [("memwhy", [ROOT / "build" / "memwhy", "open", path, "suspects"])]
    programs += [] if alone else viewers(node, path)
    ours = None
    for name, command in programs:
        m = run(*command)
        ours = ours or m
        print(f"{name:18}{m['wall']:8.1f}s{m['cpu']:11.1f}s{m['memory']:9.0f}MB{'  FAILED' if m['failed'] else ''}",
              flush=True)
    seconds, memory = LIMITS.get(megabytes, (None, None))
    over = ours["failed"] or (seconds and ours["wall"] > seconds) or (memory and ours["memory"] > memory)
    if over:
        print(f"FAIL: at most {seconds} s and {memory} MB")
    return not over


def main():
    options = dict(a[2:].partition("=")[::2] for a in sys.argv[1:] if a.startswith("--"))
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()] or [100]
    folder = options.get("keep") or tempfile.mkdtemp(prefix="memwhy-bench-", dir=os.environ.get("TMPDIR"))
    try:
        good = [measure(folder, mb, options.get("node", "24"), "alone" in options) for mb in sizes]
        return 0 if all(good) else 1
    finally:
        if "keep" not in options:
            shutil.rmtree(folder)


sys.exit(main())
