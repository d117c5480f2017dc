"""`memwhy growth` and `memwhy compare` on programs in which several things grow, or nothing does."""
import os
import tempfile
import time
from harness import Target, ask, equal, memwhy, refuses, test

ARGS = {"node_args": ["--no-warnings"]}


def names(holders):
    return [h.get("path_text", "?") for h in holders]


def fits(holder, want):
    return (holder["kind"] == want["kind"] and want["path"] in holder["path_text"] and
            want.get("class", "") in holder.get("entries_class", ""))


def all_told(doc, truth, what):
    """Each that grows is named, and nothing else."""
    for name, want in truth.items():
        found = [h for h in doc["containers"] if fits(h, want)]
        equal(f"{what}, {name}: named {names(doc['containers'])}, undecided {names(doc['undecided'])}",
              len(found), 1)
        equal(f"{what}, {name}: held outside the heap", found[0]["off_heap"] > 0, want.get("off_heap", False))
    equal(f"{what}: and nothing else: {names(doc['containers'])}", len(doc["containers"]), len(truth))


@test(nodes="all")
def leaks(node):
    with Target("growing.js", node=node, args=["leaks"], **ARGS) as t:
        doc = ask("growth", t.pid, "--for", "3s", codes=(1,))
        all_told(doc, t.truth, "growth")
        orders = next(h for h in doc["containers"] if h["path_text"] == "global.orders")
        equal("its path", orders["path"], ["global", "orders"])
        equal("three looks", len(doc["looks"]), 3)
        classes = {c["name"]: c for c in doc["classes"]}
        for name in ("Order", "Quote", "Link", "Timeout"):
            equal(f"{name}: as many more as of orders", abs(classes[name]["count_delta"] - orders["entries_delta"]) <=
                  8 * 4, True)
        source = next(c for c in doc["sources"] if c["name"] == "Order")
        equal("where Order is written", os.path.basename(source["script"]), "growing.js")
        text = open(source["script"]).read().split("\n")[source["line"] - 1]
        equal("its line", text.startswith("class Order"), True)


@test(nodes="all")
def healthy(node):
    """Caches at their bound, rings, pools, work under way, batches, weak tables."""
    with Target("growing.js", node=node, args=["healthy"], **ARGS) as t:
        doc = ask("growth", t.pid, "--for", "3s")
        equal("what grows", names(doc["containers"]), [])


@test(nodes=[20, 26])
def filling(node):
    """What has a bound it has not reached, and what slows down, are not decided."""
    with Target("growing.js", node=node, args=["filling"], **ARGS) as t:
        doc = ask("growth", t.pid, "--for", "3s", codes=(0,))
        equal("what grows", doc["containers"], [])
        memo = next(h for h in doc["undecided"] if h["path_text"].endswith("memo.seen"))
        equal("its bound", (memo["verdict"], memo["bound"]), ("bounded", {"name": "max", "value": 1000000}))
        a = memwhy("growth", t.pid, "--for", "1s")
        equal("in words", "max beside it is 1,000,000" in a.out and "decides" in a.out, True)


@test(nodes=[18, 24])
def two_captures(node):
    with tempfile.TemporaryDirectory() as folder, \
            Target("growing.js", node=node, args=["leaks"], **ARGS) as t:
        files = [os.path.join(folder, name) for name in ("before", "after", "later")]
        for path in files[:2]:
            equal("captured", memwhy("capture", t.pid, "-o", path).code, 0)
            time.sleep(1.5)
        doc = ask("compare", *files[:2], codes=(1,))
        all_told(doc, t.truth, "compare")
        equal("one process", doc["same_process"], True)
        equal("how they were found", {h["identity"] for h in doc["containers"]} <= {"address", "path"}, True)
        now = ask("compare", files[0], t.pid, codes=(1,))
        all_told(now, t.truth, "a capture and the process")
        back = ask("compare", files[1], files[0], codes=(0,))
        equal("nothing grows backwards", back["containers"], [])
        same = ask("compare", files[0], files[0], codes=(0,))
        equal("nor in no time", same["containers"] + same["undecided"] + same["classes"] + same["shapes"], [])
        classes = {c["name"]: c for c in doc["classes"]}
        grown = {c["name"]: c for c in ask("objects", files[1], "--growing", files[0])["growing"]}
        equal("as objects --growing says", {n: c["count_delta"] for n, c in classes.items()},
              {n: c["count_delta"] for n, c in grown.items()})
        equal("of objects written down once a turn", classes["Order"]["count_delta"],
              next(h for h in doc["containers"] if h["path_text"] == "global.orders")["entries_delta"])


@test
def another_process():
    """Of two processes paths and classes are compared, and that is said."""
    with Target("growing.js", args=["leaks"], **ARGS) as a, Target("growing.js", args=["leaks"], **ARGS) as b:
        time.sleep(1)
        stopped_at = ask("compare", a.pid, b.pid, codes=(0, 1))
        equal("one process", stopped_at["same_process"], False)
        note = " ".join(stopped_at["looks"][1]["coverage"]["notes"])
        equal("says so", "are not one process: their process ids differ" in note, True)
        equal("no rates", any("per_second" in h for h in stopped_at["containers"]), False)


@test
def refused():
    with tempfile.TemporaryDirectory() as folder, Target("growing.js", args=["healthy"], **ARGS) as t:
        path = os.path.join(folder, "capture")
        equal("captured", memwhy("capture", t.pid, "-o", path).code, 0)
        refuses("growth", path, "--for", "1s", code=2, json_code="usage", says="compare A B")
        refuses("growth", t.pid, "--for", "10ms", code=2, json_code="usage", says="half a second")
        refuses("compare", path, code=2, json_code="usage")
        refuses("compare", path, os.path.join(folder, "none"), code=3)
