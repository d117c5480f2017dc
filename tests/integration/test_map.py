"""`memwhy map` against the kernel's own listings of a process that stopped itself."""
import re
import shutil
import subprocess
from pathlib import Path

from harness import Target, ask, at_most, equal, memwhy, refuses, test
from test_heap import NODE_ARGS, stopped

KB, MB = 1 << 10, 1 << 20


def maps(pid):
    """[start, end, perms, name] of every mapping."""
    rows = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, perms, _, _, _, *name = line.split(None, 5)
        start, end = (int(x, 16) for x in span.split("-"))
        rows.append([start, end, perms, name[0] if name else ""])
    return rows


def rss(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss: +(\d+) kB", text, re.M)[1]) * KB


def anonymous(pid):
    """Sizes of what the founding story counted: private, anonymous, accessible, not the brk heap."""
    return [end - start for start, end, perms, name in maps(pid)
            if not name and perms[3] == "p" and perms[:2] != "--"]


def span(region):
    return int(region["start"], 16), int(region["end"], 16)


def started(node, *args):
    t = Target("heap_truth.js", node=node, args=args or ("2000",), node_args=NODE_ARGS)
    stopped(t.pid)
    return t


@test(nodes="all")
def everything_has_an_owner(node):
    with started(node, "2000", "1") as t:
        doc = ask("map", t.pid, "--all")
        regions = doc["regions"]
        equal("resident of all regions", sum(r["resident_bytes"] for r in regions), rss(t.pid))
        equal("the kernel's figure", doc["rss_bytes"], rss(t.pid))
        for before, after in zip(regions, regions[1:]):
            at_most("end of a region and start of the next", span(before)[1], span(after)[0])
        equal("address space", sum(span(r)[1] - span(r)[0] for r in regions),
              sum(end - start for start, end, _, _ in maps(t.pid)))
        equal("regions without owner", [r for r in regions if "owner" not in r], [])
        owners = {r["owner"] for r in regions}
        for owner in ("v8/main/old", "v8/main/new", "v8/worker-1/old", "malloc/arena-0", "code/node", "stacks/main"):
            equal(f"{owner} is an owner", owner in owners, True)
        by_owner = sum(r["resident_bytes"] for r in regions if r["owner"].startswith("unknown"))
        at_most("unknown", by_owner, rss(t.pid) // 50)


@test(nodes=[16, 24])
def merged(node):
    with started(node) as t:
        every, merged_ = (ask("map", t.pid, *args)["regions"] for args in (["--all"], []))
        equal("resident", sum(r["resident_bytes"] for r in merged_), sum(r["resident_bytes"] for r in every))
        at_most("lines when merged", len(merged_), len(every) - 1)
        equal("reservations are hidden", [r for r in merged_ if r["perms"][:3] == "---" and not r["resident_bytes"]], [])
        old = ask("map", t.pid, "--owner", "v8/main/old")["regions"]
        equal("owners asked for", {r["owner"] for r in old}, {"v8/main/old"})
        heap = {s["name"]: s for s in ask("heap", t.pid)["isolates"][0]["spaces"]}
        equal("size of the old space", sum(r["size_bytes"] for r in ask("map", t.pid, "--all", "--owner", "v8/main/old")["regions"]),
              heap["old_space"]["committed"])
        equal("resident of the old space", sum(r["resident_bytes"] for r in old), heap["old_space"]["resident"])
        by_rss = [r["resident_bytes"] for r in ask("map", t.pid, "--sort", "rss")["regions"]]
        equal("sorted by resident", by_rss, sorted(by_rss, reverse=True))
        by_size = [r["size_bytes"] for r in ask("map", t.pid, "--sort", "size")["regions"]]
        equal("sorted by size", by_size, sorted(by_size, reverse=True))


@test(nodes=[18, 26])
def histogram(node):
    with started(node) as t:
        sizes, want = ask("map", t.pid)["sizes"], anonymous(t.pid)
        equal("mappings", sizes["mappings"], len(want))
        got = {b["name"]: (b["count"], b["bytes"]) for b in sizes["bins"]}
        for name, inside in (("<64KB", lambda s: s < 64 * KB), ("64KB-1MB", lambda s: 64 * KB <= s <= MB), (">1MB", lambda s: s > MB)):
            equal(name, got[name], (len([s for s in want if inside(s)]), sum(s for s in want if inside(s))))
        for exact in sizes["exact"]:
            equal(f"mappings of {exact['size_bytes']}", exact["count"], want.count(exact["size_bytes"]))
        pages = sizes["exact"][0]
        equal("the most common size", pages["size_bytes"], 256 * KB)
        equal("is V8's", pages["owner"].split("/")[0], "v8")
        text = memwhy("map", t.pid, "--sizes").out
        for word in ("<64KB", "64KB-1MB", ">1MB", "256.0 KiB"):
            equal(f"{word} is there", word in text, True)


@test(nodes=[20])
def as_pmap(node):
    with started(node) as t:
        lines = memwhy("map", t.pid, "-x").out.split("\n\n")[0].splitlines()
        equal("heading", lines[0].split()[:6], ["Address", "Kbytes", "RSS", "Dirty", "Mode", "Mapping"])
        total = lines[-1].split()
        equal("RSS of all", int(total[3]) * KB, rss(t.pid))
        rows = [line.split(None, 5) for line in lines[1:-2]]
        equal("mappings", [int(r[0], 16) for r in rows], [start for start, *_ in maps(t.pid)])
        if shutil.which("pmap"):
            theirs = subprocess.run(["pmap", "-x", str(t.pid)], capture_output=True, text=True, check=True).stdout.splitlines()
            equal("pmap's total", total[2:], theirs[-1].split()[2:])
            equal("pmap's columns", [r[:5] for r in rows],
                  [[line.split()[0].rjust(16, "0"), *line.split()[1:5]] for line in theirs[2:-2]])


@test
def without_v8():
    with Target(["sleep", "60"], ready=False) as t:
        doc = ask("map", t.pid)
        equal("engine", doc["target"]["engine"], "none")
        equal("owners", "code/sleep" in {r["owner"] for r in doc["regions"]}, True)
    refuses("map", "1", "--sort", "colour", code=2, json_code="usage", says="rss")
