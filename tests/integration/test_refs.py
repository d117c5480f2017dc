"""`memwhy refs` against V8's own heap snapshot of the same process, `memwhy path` against what the
program did."""
import collections
import json
import os
import random
import re
import signal
import tempfile
from harness import Target, ask, equal, memwhy, refuses, test
from test_heap import stopped

OBJECTS = 200

# V8's snapshots name neither variables of blocks and catch clauses nor what is inside Maps, frozen
# arrays and cells; memwhy says of what it adds that it is not in snapshots.
CONTEXT = "system / Context"


def class_name(kind, name):
    """DevTools' name, without the tag of global objects; V8's own kinds as one, because memwhy sorts a few of them
    otherwise."""
    names = {"object": re.sub(r"^global .*", "global", name), "closure": "Function", "regexp": "RegExp", "string": "(string)", "native": name}
    return names.get(kind, "(system)")


def plain(name):
    """Without V8's count of auto-indexed edges, and without ids of nodes."""
    return re.sub(r"^part of key .*", "part of key", re.sub(r"^\d+ / ", "", name))


class Snapshot:
    """A .heapsnapshot: who refers to the objects with a `mark`."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.doc = json.load(f)
        meta, self.strings = self.doc["snapshot"]["meta"], self.doc["strings"]
        fields, self.kinds = meta["node_fields"], meta["node_types"][0]
        self.width, self.edge_kinds = len(fields), meta["edge_types"][0]
        self.edge_count = fields.index("edge_count")
        self.marked, self.into = {}, collections.defaultdict(collections.Counter)
        for edge in self.edges():
            if edge[2] == "mark" and edge[1] == "property":
                text = self.strings[self.doc["nodes"][edge[3] + 1]]
                self.marked[edge[0]] = text
        for source, kind, name, to in self.edges():
            of = self.kinds[self.doc["nodes"][source]]
            if to in self.marked and of != "synthetic":
                self.into[self.marked[to]][(self.class_of(source), kind, plain(name))] += 1

    def class_of(self, node):
        return class_name(self.kinds[self.doc["nodes"][node]], self.strings[self.doc["nodes"][node + 1]])

    def edges(self):
        at, nodes, edges = 0, self.doc["nodes"], self.doc["edges"]
        for node in range(0, len(nodes), self.width):
            for _ in range(nodes[node + self.edge_count]):
                kind = self.edge_kinds[edges[at]]
                name = str(edges[at + 1]) if kind in ("element", "hidden") else self.strings[edges[at + 1]]
                yield node, kind, name, edges[at + 2]
                at += 3


def ours(refs):
    """As V8 has it, where a Proxy is one of its own objects."""
    counts = collections.Counter()
    for r in refs:
        if "from" not in r or not r["in_snapshots"]:
            continue
        name = r["from_class"]
        if name == "Proxy" or name.startswith("(") and name != "(string)" or name.startswith("system /") and name != CONTEXT:
            name = "(system)"
        counts[(name, r["kind"], plain(r["name"]))] += 1
    return counts


def untold(counts):
    """V8 9.4 does not say yet that WeakRefs and WeakCells hold weakly, so it numbers their other fields differently."""
    folded = collections.Counter()
    for (name, kind, edge), k in counts.items():
        weak = kind == "hidden" and name in ("(system)", "WeakRef") or edge in ("target", "unregister_token")
        folded[("(system)", "hidden", "") if weak else (name, kind, edge)] += k
    return folded


def same(got, want):
    """Equal, but for variables of contexts that V8 only numbers."""
    unnamed = sum(k for (c, kind, _), k in want.items() if c == CONTEXT and kind == "hidden")
    named = {key: k for key, k in want.items() if not (key[0] == CONTEXT and key[1] == "hidden")}
    rest = got - collections.Counter(named)
    if collections.Counter(named) - got:
        return False
    return all(c == CONTEXT and kind == "context" for c, kind, _ in rest) and sum(rest.values()) == unnamed


@test(nodes="all", timeout=240)
def against_a_snapshot(node):
    """The referrers of 200 objects that are held in all kinds of ways."""
    with tempfile.TemporaryDirectory() as folder, \
            Target("referrers.js", node=node, args=["400", str(node.version)],
                   node_args=["--expose-gc", "--no-warnings"]) as t:
        stopped(t.pid)
        marked = {r["to_summary"].strip('"'): r["from"] for r in ask("refs", t.pid, "--name", "mark")["refs"]
                  if r["to_summary"].startswith('"mark ')}
        equal("objects with a mark", len(marked), t.truth["n"])
        some = random.Random(4).sample(sorted(marked), OBJECTS)
        refs = collections.defaultdict(list)
        for r in ask("refs", t.pid, *(marked[m] for m in some))["refs"]:
            refs[r["to"]].append(r)
        path = os.path.join(folder, "own.heapsnapshot")
        t.say(f"snapshot {path}")
        os.kill(t.pid, signal.SIGCONT)
        t.hear()
        v8 = Snapshot(path)
        fold = untold if node.version == 16 else collections.Counter
        pairs = {m: (fold(ours(refs[marked[m]])), fold(v8.into[m])) for m in some}
        wrong = [m for m in some if not same(*pairs[m])]
        for m in wrong[:10]:
            got, want = pairs[m]
            print(f"{m}: only memwhy {dict(got - want)}, only V8 {dict(want - got)}")
        equal("objects whose referrers differ", len(wrong), 0)
        total = sum(sum(v8.into[m].values()) for m in some)
        kinds = collections.Counter(kind for m in some for (_, kind, _), k in v8.into[m].items() for _ in range(k))
        print(f"Node {node.version}: {OBJECTS} objects, {total} references: {dict(kinds)}")


def kept(target):
    """The address of the one object of each class Kept*."""
    found = {}
    for one in ask("instances", target, "Kept*")["instances"]:
        name = re.match(r"\w+", one["summary"]).group()
        equal(f"the only {name}", name in found, False)
        found[name] = one["addr"]
    return found


def paths(target, addr, *options):
    doc = ask("path", target, addr, *options)
    equal("live", doc["live"], True)
    for p in doc["paths"]:
        equal("the last step", p["steps"][-1]["addr"], addr)
        equal("a root comes first", p["steps"][0]["kind"], "root")
    return doc["paths"]


@test(nodes="all", timeout=200)
def lines(node):
    """The way to objects that are kept in one way each."""
    with Target("paths.js", node=node, node_args=["--expose-gc", "--no-warnings"]) as t:
        os.kill(t.pid, signal.SIGSTOP)
        stopped(t.pid)
        addrs, wrong = kept(t.pid), 0
        equal("objects", sorted(addrs), sorted(t.truth["lines"]))
        for name, want in t.truth["lines"].items():
            got = paths(t.pid, addrs[name])[0]["line"].replace(t.truth["file"], "FILE")
            if want and got != want:
                print(f"{name}: got {got!r}, want {want!r}")
                wrong += 1
        equal("lines that differ", wrong, 0)
        steps = paths(t.pid, addrs["KeptGlobal"])[0]["steps"]
        equal("the steps end so", [s["name"] for s in steps[-2:]], [".list", "[2]"])
        equal("kinds", [s["kind"] for s in steps[-2:]], ["property", "element"])
