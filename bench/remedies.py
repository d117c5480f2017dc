#!/usr/bin/env python3
"""What `memwhy malloc` foretells of each remedy, beside the same work done under that remedy.

    bench/remedies.py [--runs N] [--work WORK:AMOUNT]... [--app FILE [--env NAME=VALUE]...] [VERSION...]

WORK is one of tests/targets/remedies.js (burst:4000 stay:1600 churn:3 hashes:40 unless others are named;
burst:30000 takes 6.5 GB); FILE a program of yours that prints a line READY when its work is done. Settings are
taken in turn, and each in every run (3). Foretold is what each run without a setting says of it; measured is
VmRSS, of malloc_trim(0) after `memwhy trim`. `off` compares the middle of both; OVER: by more than a fifth, and
not within what was said to be left to chance; SIGN: it went the other way, by more than a twentieth each.
Ends with exit code 1 if there was one of them."""
import argparse
import os
import re
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))
from harness import Node, Target, ask

THRESHOLD = 131072
SETTINGS = {"": {}, "MALLOC_ARENA_MAX=1": {"MALLOC_ARENA_MAX": 1}, "MALLOC_ARENA_MAX=2": {"MALLOC_ARENA_MAX": 2},
            "MALLOC_ARENA_MAX=4": {"MALLOC_ARENA_MAX": 4},
            f"MALLOC_TRIM_THRESHOLD_={THRESHOLD}": {"MALLOC_TRIM_THRESHOLD_": THRESHOLD},
            f"MALLOC_MMAP_THRESHOLD_={THRESHOLD}": {"MALLOC_MMAP_THRESHOLD_": THRESHOLD}}
THREADS = {"stay": 16, "hashes": 16}
TRIM = "malloc_trim(0)"


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def start(node, what, env):
    if isinstance(what, str):
        work, amount = what.split(":")
        return Target("remedies.js", node=node, args=[work, amount], node_args=["--expose-gc"], timeout=180,
                      env={"UV_THREADPOOL_SIZE": THREADS.get(work, 4), **env})
    file, own = what
    return Target([node.need().path, file], env={**own, **env}, timeout=180, cwd=Path(file).resolve().parent)


def look(t, foretold, measured):
    """A process without a setting: what is foretold, and what a trim does."""
    measured.setdefault("", []).append(rss(t.pid))
    for r in ask("malloc", t.pid)["remedies"]:
        if "rss" in r:
            foretold.setdefault(r["setting"], []).append((r.get("rss_least", r["rss"]), r["rss"],
                                                         r.get("rss_most", r["rss"])))
    ask("trim", t.pid)
    time.sleep(0.2)
    measured.setdefault(TRIM, []).append(rss(t.pid))


def run(node, what, runs):
    foretold, measured = {}, {}
    for _ in range(runs):
        for setting, env in SETTINGS.items():
            with start(node, what, env) as t:
                time.sleep(0.5)
                if setting:
                    measured.setdefault(setting, []).append(rss(t.pid))
                else:
                    look(t, foretold, measured)
    return foretold, measured


def span(values):
    low, high = min(values) >> 20, max(values) >> 20
    return f"{low}" if low == high else f"{low}-{high}"


def way(rss_then, now):
    return 0 if abs(rss_then - now) <= now / 20 else 1 if rss_then > now else -1


def judge(said, seen, now):
    """How far the middles are apart, and what is wrong with it."""
    least, mean, most = (statistics.median(v) for v in zip(*said))
    middle = statistics.median(seen)
    off = (mean - middle) / middle
    if way(mean, now) * way(middle, now) < 0:
        return off, "SIGN"
    return off, "OVER" if abs(off) > 0.2 and not (least < most and least * 0.8 <= middle <= most) else ""


def show(name, foretold, measured):
    now = statistics.median(measured[""])
    print(f"{name}: {span(measured[''])} MiB without a setting; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"  {'':32} {'foretold MiB':>14} {'measured MiB':>14} {'off':>8}")
    wrong = 0
    for setting in [TRIM, *filter(None, SETTINGS)]:
        said, seen = foretold[setting], measured[setting]
        off, verdict = judge(said, seen, now)
        chance = f" (by chance {span([x for s in said for x in s])})" if any(s[0] < s[2] for s in said) else ""
        print(f"  {setting:32} {span([s[1] for s in said]):>14} {span(seen):>14} {off:>+8.1%} {verdict}{chance}")
        wrong += bool(verdict)
    sys.stdout.flush()
    return wrong


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("versions", nargs="*", type=int, default=[24])
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--work", action="append", default=[])
    p.add_argument("--app")
    p.add_argument("--env", action="append", default=[])
    a = p.parse_args()
    works = a.work or ([] if a.app else ["burst:4000", "stay:1600", "churn:3", "hashes:40"])
    if a.app:
        works.append((a.app, dict(e.split("=", 1) for e in a.env)))
    wrong = 0
    for version in a.versions:
        for what in works:
            name = what if isinstance(what, str) else " ".join([what[0], *a.env])
            wrong += show(f"{name}, Node {version}", *run(Node(version), what, a.runs))
    return wrong > 0


sys.exit(main())
