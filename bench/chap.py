#!/usr/bin/env python3
"""The same cores asked by chap (https://github.com/vmware/chap) and by memwhy, beside what the programs know of
themselves: tests/targets/leaks.c, Node with an addon that forgets blocks and gives JavaScript others' addresses as
numbers, and the same beside a heap of MB megabytes of JavaScript and 200 of Buffers.

    bench/chap.py CHAP [--node 24] [--mb 1300] [--runs 3] [--keep FOLDER]

CHAP is the path of its binary. Cores are gdb's. Time is the least of the runs, wall and processors', of opening the
core and counting what is leaked; memory is the most that was resident, the core's pages in the page cache that are
mapped among it."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import MEMWHY, ROOT, TARGETS, Node, Target
from test_core import gdb_core

BOTH = """
const { argv } = process, mb = argv[2], addon = argv[3];
globalThis.buffers = Array.from({ length: %d }, () => Buffer.allocUnsafeSlow(4000).fill(7));
require('%s');
argv[2] = addon;
require('%s');
"""
BUFFERS_MB = 200


# In a process of its own: what a program had at most counts what the one that starts it has.
MEASURE = """
import resource, subprocess, sys, time
began = time.monotonic()
subprocess.run(sys.argv[2:], input=sys.argv[1].encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def said(command, stdin=""):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def cheapest(runs, command, stdin=""):
    """Seconds of wall and of processors, and the most memory it had, in MB."""
    measured = [said([sys.executable, "-c", MEASURE, stdin, *map(str, command)]) for _ in range(runs)]
    return list(map(min, zip(*(map(float, m.split()) for m in measured))))


def of_chap(chap, core, runs):
    counts = ["used", "free", "leaked"]
    text = said([chap, core], "".join(f"count {c}\n" for c in counts))
    found = [(int(n), int(size.replace(",", ""))) for n, size in
             re.findall(r"^(\d+) allocations use 0x[0-9a-f]+ \(([0-9,]+)\)", text, re.M)]
    leaked = said([chap, core], "enumerate leaked\n")
    return {**dict(zip(counts, found)), "where": {int(x, 16) for x in leaked.split()},
            "cost": cheapest(runs, [chap, core], "count leaked\n")}


def of_memwhy(core, runs):
    doc = json.loads(said([MEMWHY, "leaks", core, "--each", "--json"]))
    chunks = json.loads(said([MEMWHY, "malloc", core, "--chunks", "--json"]))["chunks"]
    free = [c["size"] for c in chunks if c["state"] in ("tcached", "fast", "binned", "top")]
    return {"used": (doc["in_use_count"], doc["in_use_bytes"]), "free": (len(free), sum(free)),
            "leaked": (doc["lost_count"], doc["lost_bytes"]),
            "where": {int(g["sample"], 16) for g in doc["groups"]},
            "number": doc["by_number_count"], "mangled": doc["by_mangled_count"],
            "states": {int(c["address"], 16) + 16: c["state"] for c in chunks},
            "cost": cheapest(runs, [MEMWHY, "leaks", core])}


def amount(pair):
    return f"{pair[0]:,} ({pair[1] / 1e6:.1f} MB)"


def compare(name, core, truth, rss, chap, runs):
    lost = {int(x, 16) for x in truth["lost"]}
    with open(core, "rb") as f:  # into the page cache
        while f.read(1 << 20):
            pass
    a, b = of_chap(chap, core, runs), of_memwhy(core, runs)
    print(f"\n{name}: {rss / 1e6:.0f} MB resident, core of {core.stat().st_size / 1e6:.0f} MB")
    print(f"  {'':34}{'the truth':>22}{'chap':>24}{'memwhy':>24}")
    row = "  {:34}{:>22}{:>24}{:>24}".format
    for what in ("used", "free", "leaked"):
        print(row(what, f"{len(lost):,}" if what == "leaked" else "", amount(a[what]), amount(b[what])))
    print(row("leaked indeed", f"{len(lost):,}", f"{len(a['where'] & lost):,}", f"{len(b['where'] & lost):,}"))
    print(row("not leaked, and called so", "0", f"{len(a['where'] - lost):,}", f"{len(b['where'] - lost):,}"))
    of = Counter(b["states"].get(x, "not a chunk") for x in a["where"] - lost)
    print(f"    chap's: {', '.join(f'{n:,} {state}' for state, n in of.most_common())}; memwhy says that only numbers "
          f"hold {b['number']:,}, mangled addresses {b['mangled']:,}")
    for i, what in enumerate(("seconds of wall", "seconds of processors", "MB of memory")):
        print(row(what, "", f"{a['cost'][i]:.2f}", f"{b['cost'][i]:.2f}"), flush=True)


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def main():
    p = argparse.ArgumentParser()
    p.add_argument("chap", type=Path)
    p.add_argument("--node", type=int, default=24)
    p.add_argument("--mb", type=int, default=1300)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--keep", type=Path)
    o = p.parse_args()
    node = Node(o.node).need().path
    print(f"load of the machine {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=o.keep) as folder:
        folder = Path(folder)
        program, addon = folder / "leaks", folder / "leaky.node"
        subprocess.run(["gcc", "-O0", "-w", "-o", program, TARGETS / "leaks.c", "-lpthread"], check=True)
        subprocess.run(["g++", "-shared", "-fPIC", "-O1", "-o", addon, TARGETS / "addon" / "leaky.cc"], check=True)
        both = BOTH % (BUFFERS_MB * 250, ROOT / "bench" / "heap.js", TARGETS / "leaks.js")
        (folder / "both.js").write_text(both)
        flags = ["--zero-fill-buffers", "--expose-gc", f"--max-old-space-size={4 * o.mb + 2000}"]
        for name, command in (
                ("a C program", [program]),
                (f"Node {o.node} with an addon", [node, *flags, TARGETS / "leaks.js", addon]),
                (f"Node {o.node}, {o.mb} MB of JavaScript", [node, *flags, folder / "both.js", o.mb, addon])):
            with Target(command, timeout=900) as t:
                while "lost" not in t.truth:  # the heap's own
                    t.hear()
                rss = resident(t.pid)
                core = Path(gdb_core(t.pid, folder))
            compare(name, core, t.truth, rss, o.chap.resolve(), o.runs)
            core.unlink()


main()
