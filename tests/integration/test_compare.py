"""`memwhy growth` and `memwhy compare` on programs in which several things grow, or nothing does."""
import os
import signal
import tempfile
import time
from harness import Target, ask, equal, memwhy, near, refuses, test

ARGS = {"node_args": ["--no-warnings"]}


def names(holders):
    return [h.get("path_text", "?") for h in holders]


def fits(holder, want):
    return (holder["kind"] == want["kind"] and want["path"] in holder["path_text"] and
            want.get("class", "") in holder.get("entries_class", ""))


def all_told(doc, truth, what, is_file=False):
    """Each that grows is named, and nothing else. A snapshot has no numbers in it, and Buffers' bytes as objects."""
    if is_file:
        truth = {name: {**want, "off_heap": False} for name, want in truth.items() if name != "numbers"}
    for name, want in truth.items():
        found = [h for h in doc["containers"] if fits(h, want)]
        equal(f"{what}, {name}: named {names(doc['containers'])}, undecided {names(doc['undecided'])}",
              len(found), 1)
        equal(f"{what}, {name}: held outside the heap", found[0]["off_heap"] > 0, want.get("off_heap", False))
    equal(f"{what}: and nothing else: {names(doc['containers'])}", len(doc["containers"]), len(truth))


@test(nodes="all")
def leaks(node):
    with Target("growing.js", node=node, args=["leaks"], **ARGS) as t:
        doc = ask("growth", t.pid, "--for", "2s", codes=(1,))
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


FILLING_UP = """const held = [], began = Date.now();
setInterval(() => {
  while (held.length < (Date.now() - began) / 1000 * 50) held.push(new Array(20000).fill(1));
  gc();
}, 100);
console.log('READY {}')"""


@test(nodes=[18, 26])
def how_long_it_has(node):
    """Eight million bytes a second, under a limit that was set."""
    with Target([node.need().path, "--expose-gc", "--max-old-space-size=400", "-e", FILLING_UP]) as t:
        limit = ask("growth", t.pid, "--for", "5s", codes=(1,))["limit"]
    equal("limit", limit["old_generation"], 400 << 20)
    near("bytes a second", limit["bytes_per_second"], 50 * 20000 * 8, 0.1)
    near("seconds left", limit["seconds_left"], ((400 << 20) - limit["live_bytes"]) / 8e6, 0.1)


@test(nodes="all")
def healthy(node):
    """Caches at their bound, rings, pools, work under way, batches, weak tables."""
    with Target("growing.js", node=node, args=["healthy"], **ARGS) as t:
        doc = ask("growth", t.pid, "--for", "2s")
        equal("what grows", names(doc["containers"]), [])


@test(nodes=[26])
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
            time.sleep(1)
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


@test(nodes=[20])
def snapshots(node):
    """Of memwhy's and of V8's own; and a snapshot beside the process."""
    flags = {"node_args": ["--no-warnings", "--heapsnapshot-signal=SIGUSR2"]}
    with tempfile.TemporaryDirectory() as folder, \
            Target("growing.js", node=node, args=["leaks"], cwd=folder, **flags) as t:
        ours = [os.path.join(folder, name) for name in ("a.heapsnapshot", "b.heapsnapshot.zst")]
        for path in ours:
            equal("written", memwhy("snapshot", t.pid, "-o", path).code, 0)
            time.sleep(1)
        doc = ask("compare", *ours, codes=(1,))
        equal("memwhy's: one process", doc["same_process"], True)
        all_told(doc, t.truth, "memwhy's", is_file=True)
        mixed = ask("compare", ours[0], t.pid, codes=(1,))
        equal("a snapshot and a process", (mixed["same_process"], "shapes" in mixed), (False, False))
        equal("found by their paths", {h["identity"] for h in mixed["containers"]} <= {"path", "new"}, True)
        equal("global.orders", "global.orders" in names(mixed["containers"]), True)
        theirs = [v8_snapshot(t, folder, n) for n in (1, 2)]
        doc = ask("compare", *theirs, codes=(1,))
        equal("V8's: one process", doc["same_process"], True)
        all_told(doc, t.truth, "V8's", is_file=True)
        orders = {r["name"]: r["count_delta"] for r in doc["classes"]}["Order"]
        equal("as many Orders", next(h for h in doc["containers"] if h["path_text"] == "global.orders")["entries_delta"],
              orders)


def v8_snapshot(t, folder, n):
    """The nth that V8 writes of itself, after it has run for a while; whole when it ends so."""
    time.sleep(1)
    os.kill(t.pid, signal.SIGUSR2)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        files = sorted(f for f in os.listdir(folder) if f.startswith("Heap."))
        if len(files) == n:
            path = os.path.join(folder, files[-1])
            with open(path, "rb") as f:
                f.seek(max(0, os.path.getsize(path) - 4))
                if f.read().rstrip().endswith(b"]}"):
                    return path
        time.sleep(0.1)
    raise AssertionError("V8 wrote no snapshot")


@test
def another_process():
    """Of two processes paths and classes are compared, and that is said."""
    with Target("growing.js", args=["leaks"], **ARGS) as a, Target("growing.js", args=["leaks"], **ARGS) as b:
        time.sleep(1)
        stopped_at = ask("compare", a.pid, b.pid, codes=(0, 1))
        equal("one process", stopped_at["same_process"], False)
        note = " ".join(stopped_at["looks"][1]["coverage"]["notes"])
        equal("says so", "are not taken for one process: their process ids differ" in note, True)
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
