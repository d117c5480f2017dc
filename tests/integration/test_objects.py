"""`memwhy objects` against V8's own heap snapshot of the same process, written right after."""
import collections
import os
import signal
import tempfile
from devtools import Snapshot
from harness import VERSIONS, Target, ask, at_most, equal, memwhy, near, refuses, test
from test_heap import stopped

NODE_ARGS = ["--expose-gc", "--no-warnings", "--no-flush-bytecode"]
# What the program makes itself: nothing of it comes or goes while the snapshot is made. Of the
# others Node makes one or two for that.
OWN = ["Base", "Derived", "Generator", "Float64Array"]
SHARED = ["Map", "Set", "Promise", "RegExp", "ArrayBuffer"]


def classes_of(snapshot):
    """class -> [count, bytes]."""
    sums = collections.defaultdict(lambda: [0, 0])
    for node in range(snapshot.n):
        row = sums[snapshot.class_name(node)]
        row[0] += 1
        row[1] += snapshot.size[node]
    return sums


def write_snapshot(t, path):
    """And stands still again."""
    stopped(t.pid)
    t.say(f"snapshot {path}")
    os.kill(t.pid, signal.SIGCONT)
    t.hear()
    stopped(t.pid)


def compare_bytes(node, doc, heap, snapshot):
    """All but strings, to which V8 adds characters outside its heap, and but what is no object on it.
    From 24 on V8 counts what is read-only as 0, strings among it."""
    theirs = sum(size for size, kind in zip(snapshot.size, snapshot.kind) if kind != "native" and "string" not in kind)
    ours = sum(c["shallow"] - c["garbage_bytes"] for c in doc["classes"] if not c["name"].endswith("string)"))
    if node.version < 24:
        near("bytes of all but strings", ours, theirs, 0.005)
        return
    least = ours - heap["read_only"]["used"]
    equal(f"bytes of all but strings: {least} to {ours}, V8 {theirs}", least * 0.995 <= theirs <= ours * 1.005, True)


@test(nodes=VERSIONS, timeout=240)
def against_a_snapshot(node):
    with tempfile.TemporaryDirectory() as folder, \
            Target("liveness.js", node=node, args=["20000", "3"], node_args=NODE_ARGS) as t:
        path = os.path.join(folder, "own.heapsnapshot")
        write_snapshot(t, path)  # makes the ends of lines of scripts, which stay
        doc, heap = ask("objects", t.pid), ask("heap", t.pid)
        write_snapshot(t, path)
        snapshot = Snapshot(path)
        v8 = classes_of(snapshot)
        ours = {c["name"]: c for c in doc["classes"]}
        for name in OWN:
            c = ours.get(name, {"count": 0, "garbage_count": 0, "shallow": 0, "garbage_bytes": 0})
            equal(f"live objects of {name}", c["count"] - c["garbage_count"], v8[name][0])
            equal(f"their bytes of {name}", c["shallow"] - c["garbage_bytes"], v8[name][1])
        for name in SHARED:
            at_most(f"live objects of {name} against V8", abs(ours[name]["count"] - ours[name]["garbage_count"] -
                                                               v8[name][0]), 5)
        if node.version == 12:  # the same of what programs make; of V8's own kinds some are told apart otherwise
            return
        live = sum(c["count"] - c["garbage_count"] for c in doc["classes"])
        theirs = sum(kind not in ("native", "synthetic") for kind in snapshot.kind)  # those are no objects
        near("all live objects", live, theirs, 0.001)
        compare_bytes(node, doc, heap, snapshot)
        print(f"Node {node.version}: {live:,} live objects, V8's snapshot {theirs:,}")


def row(c):
    return c["name"], c.get("properties"), c["count"], c["shallow"], c["off_heap"]


def compare_shapes(pid, quick):
    """Counted by shape in one pass, without knowing what lives: the same, and that is not claimed."""
    plain = ask("objects", pid, "--no-liveness")
    equal("without liveness", sorted(map(row, plain["classes"])), sorted(map(row, quick["classes"])))
    equal("garbage and retained sizes are not told", [k for c in plain["classes"] for k in c
                                                      if "garbage" in k or k == "retained"], [])
    by_shape = [ask("objects", pid, "--by", "shape", *more)["classes"] for more in (["--no-liveness"], ["--no-retained"])]
    equal("by shape", *[sorted(map(str, map(row, rows))) for rows in by_shape])
    some = ask("objects", pid, "--no-liveness", "--class", "D*d")["classes"]
    equal("of one class", [row(c) for c in some], [row(c) for c in quick["classes"] if c["name"] == "Derived"])
    for more in (["--garbage"], ["--where", "size>1k"], ["--by", "script"], ["--sort", "retained"]):
        refuses("objects", pid, "--no-liveness", *more, code=2, json_code="usage", says="--no-liveness")


@test(nodes=[24])
def retained(node):
    """The objects of one class hold all that is theirs alone."""
    with Target("liveness.js", node=node, args=["20000", "3"], node_args=["--expose-gc"]) as t:
        stopped(t.pid)
        doc = ask("objects", t.pid)
        ours = {c["name"]: c for c in doc["classes"]}
        derived = ours["Derived"]
        # Each has a string of its own, an object, its number, and an array with elements.
        equal("count", derived["count"], 10_000)
        at_most("not more than everything", derived["retained"], sum(c["shallow"] for c in doc["classes"]))
        equal("at least itself and {half, list}", derived["retained"] > derived["shallow"] + 10_000 * (32 + 32 + 32), True)
        quick = ask("objects", t.pid, "--no-retained")
        equal("the same counts", [(c["name"], c["count"]) for c in sorted(quick["classes"], key=lambda c: c["name"])],
              [(c["name"], c["count"]) for c in sorted(doc["classes"], key=lambda c: c["name"])])
        equal("no retained sizes", ["retained" in c for c in quick["classes"]].count(True), 0)
        compare_shapes(t.pid, quick)
        a = memwhy("objects", t.pid, "--class", "Derived", "--top", "1")
        equal("exit code", a.code, 0)
        equal("the class is there", "Derived" in a.out and "Base" not in a.out, True)


@test
def no_v8():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("objects", t.pid, code=3, json_code="unsupported", says="no V8")
