"""`memwhy refs` against V8's own heap snapshot of the same process, `memwhy path` against what the
program did."""
import collections
import json
import os
import random
import re
import signal
import tempfile
from harness import SUPPORTED, TARGETS, Target, ask, equal, memwhy, refuses, test
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


def only(what, list_):
    equal(what, len(list_), 1)
    return list_[0]


def ask_the_leak(target, file):
    """Which instance is the 988th; who refers to it; why it lives."""
    ref = only("who has the string", [r for r in ask("refs", target, "--string", "the 988th")["refs"]
                                      if r["kind"] == "property"])
    equal("by which name", (ref["name"], ref["from_summary"].startswith("Leak")), ("name", True))
    doc = ask("refs", target, ref["from"])
    array = only("who refers to it", [r for r in doc["refs"] if r["kind"] == "element"])
    equal("element", (array["from_summary"].startswith("Array(4290)"), array["name"], array["live"]),
          (True, "988", True))
    a = memwhy("refs", target, ref["from"])
    equal("as text", bool(re.search(rf"^{array['from']}  Array\(4290\).*  \[988\]$", a.out, re.M)), True)
    line = only("paths", paths(target, ref["from"]))["line"]
    equal("the line", line, f"variable list of {file}: list[988]")
    return ref["from"], array["from"]


@test(nodes=[12, *SUPPORTED])
def leak(node):
    """From one leaked object to the list, live and in a core; and what else can be looked for."""
    with tempfile.TemporaryDirectory() as folder, Target("leak.js", node=node) as t:
        core = os.path.join(folder, "core")
        equal("captured", memwhy("capture", t.pid, "-o", core).code, 0)
        live, kept = ask_the_leak(t.pid, t.truth["file"]), ask_the_leak(core, t.truth["file"])
        equal("the same in both", live, kept)
        by_name = only("who has such a property", ask("refs", core, "--name", "only")["refs"])
        equal("it is", (by_name["from_class"], by_name["to_summary"]), ("Leak", '"here"'))
        for name, what in (("naïve", '"Grüße"'), ("tagged", None)):
            one = only(f"who has {name}", ask("refs", core, "--name", name)["refs"])
            equal(f"{name} is", (one["from"], one.get("to_summary")), (by_name["from"], what))
        grüße = ask("refs", core, "--string", "Grüße")["refs"]
        equal("not only ASCII", [r["name"] for r in grüße if r.get("from") == by_name["from"]], ["naïve"])
        for number in (987654321, 770003.25) if node.version > 12 else ():  # V8 7.8: doubles in the object itself
            by_value = [r["name"] for r in ask("refs", core, "--value", number)["refs"] if r["from_class"] == "Leak"]
            equal(f"who has {number}", by_value, ["number"])
        out = ask("refs", core, "--outgoing", live[0])["refs"]
        equal("what it refers to", [r["to_summary"].split("(")[0] for r in out if r["kind"] == "property" and r["name"] in
                                    ("name", "arr")], ['"the 988th"', "Array"])
        short = memwhy("refs", core, "--outgoing", live[1], "--limit", 3)
        equal("the rest is counted", re.search(r"and (\S+) more", short.out) is not None, True)
        several = ask("refs", core, *live)["refs"]
        equal("of both", {r["to"] for r in several}, set(live))


@test
def questions():
    """What cannot be answered is said."""
    with Target("leak.js") as t:
        refuses("refs", t.pid, code=2, says="--string")
        refuses("refs", t.pid, "0x1000", code=2, says="nothing is mapped")
        refuses("refs", t.pid, "0x1000", "--name", "x", code=2)
        refuses("refs", t.pid, "--value", "seven", code=2, says="no number")
        refuses("path", t.pid, "here", code=2)
        refuses("path", t.pid, "0x1000", code=2, says="nothing is mapped")
        equal("nothing", ask("refs", t.pid, "--string", "there is no such string")["refs"], [])
        equal("said", "Nothing refers to it" in memwhy("refs", t.pid, "--string", "there is no such string").out, True)


@test(nodes="all")
def garbage(node):
    """What only garbage refers to; and garbage has no path."""
    with Target("two_holders.js", node=node, node_args=["--expose-gc"]) as t:
        os.kill(t.pid, signal.SIGSTOP)
        stopped(t.pid)
        marked = only("the string", [r for r in ask("refs", t.pid, "--string", "kept by two", "--garbage")["refs"]
                                     if r["name"] == "mark"])
        left = ask("refs", t.pid, marked["from"])
        equal("live referrers", [r["name"] for r in left["refs"] if r["kind"] == "property"], ["kept"])
        equal("left out", left["garbage_left_out"] > 0, True)
        all_ = ask("refs", t.pid, marked["from"], "--garbage")["refs"]
        dead = only("garbage", [r for r in all_ if not r["live"] and r["kind"] == "property"])
        equal("its name", dead["name"], "dead")
        doc = ask("path", t.pid, dead["from"])
        equal("no path", (doc["live"], doc["paths"]), (False, []))
        equal("said", "is garbage" in memwhy("path", t.pid, dead["from"]).out, True)


@test(nodes="all")
def module(node):
    """Exports and variables of an ECMAScript module."""
    with Target([node.need().path, TARGETS / "exports.mjs"]) as t:
        os.kill(t.pid, signal.SIGSTOP)
        stopped(t.pid)
        for name, addr in kept(t.pid).items():
            equal(name, paths(t.pid, addr)[0]["line"], t.truth[name])


@test(nodes=[16, 24])
def long_chain(node):
    """Steps that repeat are told once."""
    program = ("class Last {} global.head = {}; (() => { let at = head;"
               "for (let i = 0; i < 20000; i++) at = at.next = { left: { right: {} } }, at = at.left.right;"
               "at.last = new Last(); })(); console.log('READY'); setInterval(() => head, 1e6);")
    with Target([node.path, "-e", program]) as t:
        last = ask("instances", t.pid, "Last")["instances"][0]["addr"]
        way = ask("path", t.pid, last)["paths"][0]
        equal("the line", way["line"], "global.head(.next.left.right × 20,000).last")
        equal("all steps are there", len(way["steps"]) > 60_000, True)
        text = memwhy("path", t.pid, last).out
        equal("of the text some are left out", " steps (--json has them)" in text and len(text.split("\n")) < 60, True)
