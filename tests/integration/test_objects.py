"""`memwhy objects` against V8's own heap snapshot of the same process, written right after."""
import collections
import os
import signal
import tempfile
from devtools import Snapshot
from harness import VERSIONS, Target, ask, at_most, equal, memwhy, near, refuses, test
from test_heap import stopped

# What the program makes itself: nothing of it comes or goes while the snapshot is made. Of the
# others Node makes one or two for that.
OWN = ["Base", "Derived", "Generator", "Float64Array"]
SHARED = ["Map", "Set", "Promise", "RegExp", "ArrayBuffer"]


def classes_of(path):
    """Of a .heapsnapshot: class -> [count, bytes]."""
    snapshot = Snapshot(path)
    sums = collections.defaultdict(lambda: [0, 0])
    for node in range(snapshot.n):
        row = sums[snapshot.class_name(node)]
        row[0] += 1
        row[1] += snapshot.size[node]
    return sums


@test(nodes=VERSIONS, timeout=240)
def against_a_snapshot(node):
    with tempfile.TemporaryDirectory() as folder, \
            Target("liveness.js", node=node, args=["20000", "3"], node_args=["--expose-gc", "--no-warnings"]) as t:
        stopped(t.pid)
        doc = ask("objects", t.pid)
        path = os.path.join(folder, "own.heapsnapshot")
        t.say(f"snapshot {path}")
        os.kill(t.pid, signal.SIGCONT)
        t.hear()
        v8 = classes_of(path)
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
        near("all live objects", live, sum(n for n, _ in v8.values()), 0.005)
        print(f"Node {node.version}: {live:,} live objects, V8's snapshot {sum(n for n, _ in v8.values()):,}")


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
        a = memwhy("objects", t.pid, "--class", "Derived", "--top", "1")
        equal("exit code", a.code, 0)
        equal("the class is there", "Derived" in a.out and "Base" not in a.out, True)


@test
def no_v8():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("objects", t.pid, code=3, json_code="unsupported", says="no V8")
