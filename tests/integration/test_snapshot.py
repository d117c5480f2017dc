"""`memwhy snapshot` as others read it, and beside V8's own snapshot of the same process."""
import collections
import json
import os
import random
import re
import signal
import stat
import subprocess
import tempfile
import zlib
from pathlib import Path
from devtools import Snapshot
from harness import ROOT, Node, Skip, Target, ask, at_most, equal, near, refuses, test
from test_heap import stopped

ARGS = {"node_args": ["--expose-gc", "--no-warnings", "--no-flush-bytecode"]}
VIEWERS = ROOT / ".cache" / "viewers"


def viewers():
    """DevTools' worker and memlab, fetched once."""
    done = subprocess.run([ROOT / "dev", "viewers"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(done.stderr.strip().split("\n")[-1])
    return VIEWERS


def resume(t, line):
    """Send a line to the stopped target and wait until it has stopped again."""
    t.say(line)
    os.kill(t.pid, signal.SIGCONT)
    t.hear()
    stopped(t.pid)


def snapshot(target, folder, *options, name="ours.heapsnapshot"):
    path = os.path.join(folder, name)
    return path, ask("snapshot", target, "-o", path, *options)["snapshot"]


def number(addr):
    """The id of an object that begins there (snapshot/ids.h)."""
    unit, word = addr >> 18 & 0xffff, (addr & 0x3ffff) >> 3
    return (unit << 15 | word) << 1 | 1


def seen_by_devtools(path, *more):
    """What devtools.mjs prints."""
    return json.loads(subprocess.run(
        [Node(24).need().path, "--no-warnings", "--experimental-transform-types",
         Path(__file__).with_name("devtools.mjs"), viewers() / "devtools", path, *more],
        capture_output=True, text=True, check=True).stdout)


@test(nodes=[16, 20, 24, 26], timeout=240)
def devtools(node):
    """DevTools' own worker loads it without a word, and says of it what memwhy says."""
    with tempfile.TemporaryDirectory() as folder, Target("dominators.js", node=node, **ARGS) as t:
        stopped(t.pid)
        path, ours = snapshot(t.pid, folder)
        shown = seen_by_devtools(path)
        equal("what DevTools says", shown["said"], [])
        equal("nodes", shown["nodes"], ours["nodes"])
        equal("edges", shown["edges"], ours["edges"])
        classes = collections.Counter()
        for c in ask("objects", t.pid)["classes"]:
            name = "(system)" if c["name"] == "(object shape)" and node.version < 20 else c["name"]
            classes[name] += c["count"] - c["garbage_count"]
        theirs = collections.Counter()
        for name, n in shown["classes"].items():  # it names objects without a class by their properties
            if name not in ("(synthetic)", "system / JSArrayBufferData"):
                theirs["Object" if name.startswith("{") else name] += n
        equal("classes", theirs - classes, collections.Counter())
        equal("classes that DevTools has not", classes - theirs, collections.Counter())
        retained = {number(int(i["addr"], 16)): i["retained"]
                    for i in ask("instances", t.pid, "*", "--live", "--sort", "retained", "--limit", 2000)["instances"]}
        read = Snapshot(path)
        away = dict(zip(read.id, read.distances()))
        for o in shown["objects"][:50]:
            equal(f"retained by {o['class']} @{o['id']}", o["retained"], retained.get(o["id"]))
        for o in shown["objects"]:
            equal(f"our own reading's distance of {o['class']} @{o['id']}", away[o["id"]], o["distance"])


@test(nodes="all", timeout=240)
def memlab(node):
    library = viewers() / "memlab" / "node_modules" / "@memlab" / "heap-analysis"
    script = """
        require(process.argv[1]).getFullHeapFromFile(process.argv[2]).then((heap) => {
          let leaves = 0;
          heap.nodes.forEach((n) => { leaves += n.name === 'Leaf' && n.type === 'object'; });
          require('fs').writeFileSync(process.argv[3], JSON.stringify({nodes: heap.nodes.length, edges: heap.edges.length, leaves}));
        });"""
    with tempfile.TemporaryDirectory() as folder, Target("snapshot.js", node=node, **ARGS) as t:
        stopped(t.pid)
        path, ours = snapshot(t.pid, folder)
        told = Path(folder, "told")
        subprocess.run([Node(24).need().path, "-e", script, library, path, told], capture_output=True, check=True)
        equal("as memlab has it", json.loads(told.read_text(encoding="utf-8")),
              {"nodes": ours["nodes"], "edges": ours["edges"], "leaves": 740})


def meta(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)["snapshot"]["meta"]


def places(path, kinds):
    """Where DevTools would lead for objects of a name: (script, line, column) and how many."""
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    names = collections.Counter()
    for i in range(0, len(doc["locations"]), 4):
        at, *place = doc["locations"][i:i + 4]
        kind = doc["snapshot"]["meta"]["node_types"][0][doc["nodes"][at]]
        if kind in kinds:
            names[(kind, doc["strings"][doc["nodes"][at + 1]], *place)] += 1
    return names


def comparable(s):
    """Classes of what both count: V8 leaves numbers out, knows objects of Node's C++, and sorts some of
    its own arrays as code."""
    counts = collections.Counter()
    for node in range(s.n):
        name = s.class_name(node)
        if s.kind[node] in ("number", "synthetic") or s.name[node].startswith("Node / "):
            continue
        if name in ("(system)", "(array)", "(compiled code)", "(object shape)", "(symbol)", "Proxy"):
            name = "(system)"
        counts[re.sub(r"^global\b.*", "global", name)] += 1
    return counts


def labels(s):
    """What the program keeps, by the properties and elements that lead to it; but for proxies, which are no
    objects to V8's snapshots."""
    kinds = {k: i for i, k in enumerate(s.edge_kinds)}
    named, element = kinds["property"], kinds["element"]
    kept = next(s.edge_to[e] for e in range(len(s.edge_to))
                if s.edge_kind[e] == named and s.strings[s.edge_name[e]] == "kept")
    found, seen, level = {"kept": kept}, {kept}, [("kept", kept)]
    for _ in range(6):
        below = []
        for label, node in level:
            for e in range(s.first[node], s.first[node + 1]):
                name = s.strings[s.edge_name[e]] if s.edge_kind[e] == named else str(s.edge_name[e])
                child = s.edge_to[e]
                if s.edge_kind[e] in (named, element) and name != "__proto__" and child not in seen:
                    seen.add(child)
                    below.append((f"{label}.{name}", child))
        level = below
        found.update(below)
    return {label: node for label, node in found.items()
            if s.kind[node] in ("object", "closure", "array", "string", "regexp") and s.name[node] != "Proxy"}


class Retainers:
    """How DevTools says objects are held: at each step by what is nearest to the program's roots."""

    def __init__(self, s):
        self.s, self.away = s, s.distances()
        self.back = collections.defaultdict(list)
        for node in range(s.n):
            for e in range(s.first[node], s.first[node + 1]):
                if s.edge_kinds[s.edge_kind[e]] != "weak":
                    self.back[s.edge_to[e]].append((node, e))

    def name(self, e):
        s = self.s
        kind = s.edge_kinds[s.edge_kind[e]]
        return kind, s.edge_name[e] if kind in ("element", "hidden") else re.sub(r"@\d+|^\d+ /", "", s.strings[s.edge_name[e]])

    def path(self, node):
        steps, s = [], self.s
        while self.away[node] > 1 and len(steps) < 30:
            nearest = min(self.away[n] for n, _ in self.back[node] if self.away[n] is not None)
            name, holder, node = min((self.name(e), re.sub(r"^global\b.*", "global", s.class_name(n)), n)
                                     for n, e in self.back[node] if self.away[n] == nearest)
            steps.append((name, holder))
        return steps


def same_paths(ours, v8):
    mine, theirs = labels(ours), labels(v8)
    equal("what the program keeps", sorted(set(mine) ^ set(theirs)), [])
    a, b = Retainers(ours), Retainers(v8)
    chosen = random.Random(1).sample(sorted(mine), 100)
    for label in chosen:
        equal(f"distance of {label}", a.away[mine[label]], b.away[theirs[label]])
        equal(f"path of {label}", a.path(mine[label]), b.path(theirs[label]))


def shallow(s):
    sizes = collections.Counter()
    for node in range(s.n):
        sizes[s.class_name(node)] += s.size[node]
    return sizes


OWN = ["Leaf", "Tree", "Session", "RegExp", "Date", "Set", "WeakMap", "SharedArrayBuffer", "Buffer"]
# The line that asks V8 for its snapshot is read into a buffer, and goes through functions that live then.
SHARED = ["Function", "Array", "Map", "ArrayBuffer", "system / JSArrayBufferData", "system / Context"]


@test(nodes="all", timeout=240)
def against_v8(node):
    with tempfile.TemporaryDirectory() as folder, Target("snapshot.js", node=node, **ARGS) as t:
        stopped(t.pid)
        theirs = os.path.join(folder, "theirs.heapsnapshot")
        resume(t, f"snapshot {os.path.join(folder, 'first.heapsnapshot')}")  # compiles what writes it
        path, _ = snapshot(t.pid, folder)
        resume(t, f"snapshot {theirs}")
        equal("meta", meta(path), meta(theirs))
        ours, v8 = Snapshot(path), Snapshot(theirs)
        for s in (ours, v8):  # Node 18 to 22 say of some of their own C++ objects that they are detached
            equal("detached", [s.name[n] for n in range(s.n) if s.detached[n] and not s.name[n].startswith("Node / ")], [])
        got, want = comparable(ours), comparable(v8)
        if node.version == 16:  # where V8 calls a class by the built-in one it extends
            got["Map"] += got.pop("Session")
        for name in OWN:
            equal(name, got[name], want[name])
        for name in SHARED:
            at_most(f"{name}: difference", abs(got[name] - want[name]), 2)
        if node.version > 16:  # V8 9.4 leaves out handlers of bytecodes and strings that are its own roots
            near("objects", sum(got.values()), sum(want.values()), 0.005)
            near("edges", len(ours.edge_to), len(v8.edge_to), 0.03)
        same_paths(ours, v8)
        for s in (ours, v8):
            s.leave_out_program_file(node.version)
        got, want = shallow(ours), shallow(v8)
        if node.version == 16:
            got["Map"] += got.pop("Session")
        for name in OWN:
            equal(f"bytes of {name}", got[name], want[name])
        for name in SHARED:
            at_most(f"bytes of {name}: difference", abs(got[name] - want[name]), 300)
        if node.version > 22:  # before, V8's builtins hold strings that are no roots of ours
            near("bytes of strings", got["(string)"], want["(string)"], 0.0005)
            near("bytes of all", sum(got.values()), sum(want.values()), 0.005)
        roots = [[s.name[e] for e in s.edge_to[s.first[1]:s.first[2]]] for s in (ours, v8)]
        equal("subroots", *roots)
        mine = places(path, ["object", "closure"])
        equal("places", [k for k in places(theirs, ["object", "closure"])
                         if k[1] in ("Leaf", "Tree", "counted", "drop", "stop", "ready") and k not in mine], [])
        print(f"Node {node.version}: nodes {ours.n} ({v8.n}), edges {len(ours.edge_to)} ({len(v8.edge_to)})")


@test(nodes="all", timeout=240)
def options(node):
    with tempfile.TemporaryDirectory() as folder, Target("snapshot.js", node=node, **ARGS) as t:
        stopped(t.pid)
        strings = t.truth["strings"]
        resume(t, "drop")
        plain = Snapshot(snapshot(t.pid, folder)[0])
        for s in strings:
            equal(f"the string {s[:20]!r}", s[:1024] in plain.strings, True)
        equal("the secret", any("swordfish" in s for s in plain.strings), True)
        equal("no garbage", "Dropped" in [plain.class_name(n) for n in range(plain.n)], False)
        redacted = Snapshot(snapshot(t.pid, folder, "--redact", name="redacted")[0])
        equal("the secret, redacted", any("swordfish" in s or "(fish)" in s for s in redacted.strings), False)
        for attribute in ("kind", "size", "id", "edge_to", "edge_kind"):
            equal(f"redacted, the same {attribute}", getattr(redacted, attribute) == getattr(plain, attribute), True)
        equal("names stay", {"secret", "Leaf", "counted", "leaves"} <= set(redacted.strings), True)
        path, doc = snapshot(t.pid, folder, "--with-garbage", name="all")
        all_ = Snapshot(path)
        classes = collections.Counter(all_.class_name(n) for n in range(all_.n))
        equal("garbage", (classes["Dropped"], classes["Ring"]), (500, 50))
        objects, others = [sum(k != "native" for k in s.kind) for s in (all_, plain)]  # native: memory of Buffers
        equal("objects of it", doc["garbage_objects"], objects - others - 1)  # and their root
        under = {all_.name[n] for n in all_.edge_to[all_.first[0]:all_.first[1]]}
        equal("its root", "(Garbage)" in under, True)
        worker = Snapshot(snapshot(t.pid, folder, "--isolate", 1, name="worker")[0])
        classes = collections.Counter(worker.class_name(n) for n in range(worker.n))
        equal("in the worker", (classes["InWorker"], classes["Leaf"]), (250, 0))
        refuses("snapshot", t.pid, "-o", os.path.join(folder, "x"), "--isolate", "other", code=2, says="no isolate")


def scripts(path):
    """Of the sources that are a megabyte long: how many, their bytes, and from which roots they are reached."""
    s = Snapshot(path)
    long = [n for n in range(s.n) if s.kind[n] == "string" and s.size[n] > 1 << 20]
    back, roots, seen = collections.defaultdict(list), set(), set(long)
    for node in range(s.n):
        for e in range(s.first[node], s.first[node + 1]):
            if s.edge_kinds[s.edge_kind[e]] != "weak":
                back[s.edge_to[e]].append(node)
    rest = list(long)
    while rest:
        for node in back[rest.pop()]:
            if s.kind[node] == "synthetic":
                roots.add(s.name[node])
            elif node not in seen:
                seen.add(node)
                rest.append(node)
    return len(long), sum(s.size[n] for n in long), roots


@test(nodes=[20, 24, 26])
def compilation_cache(node):
    """What only V8's compilation cache holds is in our snapshot; V8 empties the cache before its own."""
    with tempfile.TemporaryDirectory() as folder, Target("compiled.js", node=node, **ARGS) as t:
        stopped(t.pid)
        used = t.truth["used"]
        count, size, roots = scripts(snapshot(t.pid, folder)[0])
        equal("sources, and what holds them", (count, roots), (12, {"(Compilation cache)"}))
        print(f"Node {node.version}: {size} bytes of sources")
        theirs = os.path.join(folder, "theirs.heapsnapshot")
        resume(t, f"snapshot {theirs}")
        equal("in V8's own", scripts(theirs)[0], 0)
        at_most("left of them", t.truth["used"], used - (12 << 20))


def tracked(path, order):
    """By their numbers, the ids of the objects that moving.js holds, which says in which order."""
    s = Snapshot(path)
    equal("objects with one id", s.n - len(set(s.id)), 0)
    kinds = {k: i for i, k in enumerate(s.edge_kinds)}

    def child(node, name):
        return next(s.edge_to[e] for e in range(s.first[node], s.first[node + 1])
                    if s.edge_kind[e] == kinds["property"] and s.strings[s.edge_name[e]] == name)
    holder = next(s.edge_to[e] for e in range(len(s.edge_to))
                  if s.edge_kind[e] == kinds["property"] and s.strings[s.edge_name[e]] == "moving")
    held = child(holder, "list")
    return {order[s.edge_name[e]]: s.id[s.edge_to[e]]
            for e in range(s.first[held], s.first[held + 1]) if s.edge_kind[e] == kinds["element"]}, set(s.id)


@test(nodes="all", timeout=240)
def identity(node):
    """V8 knows its objects while it moves them; we know them again."""
    args = {"node_args": ["--expose-gc", "--no-warnings",
                          "--compact-on-every-full-gc" if node.version > 16 else "--always-compact"]}
    with tempfile.TemporaryDirectory() as folder, Target("moving.js", node=node, **args) as t:
        stopped(t.pid)

        def of_v8(name):
            path = os.path.join(folder, name)
            resume(t, f"snapshot {path}")
            return tracked(path, t.truth["order"])[0]

        def of_ours(name, after=None):
            path, _ = snapshot(t.pid, folder, *(["--after", os.path.join(folder, after)] if after else []), name=name)
            return tracked(path, t.truth["order"])
        v8_before = of_v8("v0")
        before, all_before = of_ours("m0")
        resume(t, "churn move")
        remade = set(t.truth["remade"])
        after, all_after = of_ours("m1", "m0")
        v8_after = of_v8("v1")
        same = [n for n in v8_after if v8_before.get(n) == v8_after[n]]
        equal("those V8 knows again", set(same), (set(before) & set(after)) - remade)
        kept = sum(before[n] == after[n] for n in same)
        print(f"Node {node.version}: {kept} of {len(same)} that were moved have their ids")
        at_most("lost, of 1000", (len(same) - kept) * 1000 // len(same), 50)
        known = {i: n for n, i in before.items()}
        equal("others with ids of theirs", [n for n, i in after.items() if i in known and (known[i] != n or n in remade)], [])
        resume(t, "churn scavenge")
        last, all_last = of_ours("m2", "m1")
        same = (set(after) & set(last)) - set(t.truth["remade"])
        at_most("lost the next time, of 1000", sum(after[n] != last[n] for n in same) * 1000 // len(same), 50)
        equal("ids that come back", (all_before - all_after) & all_last, set())


@test(nodes=[24])
def after_what(node):
    with tempfile.TemporaryDirectory() as folder, Target("snapshot.js", node=node, **ARGS) as t, \
            Target("snapshot.js", node=node, **ARGS) as other:
        stopped(t.pid)
        stopped(other.pid)
        first, _ = snapshot(t.pid, folder, "--redact", name="first.zst")
        path, doc = snapshot(t.pid, folder, "--after", first, name="again")
        equal("nothing has moved", (doc["kept_objects"], doc["gone_objects"]), (doc["objects"], 0))
        again = os.path.join(folder, "x")
        refuses("snapshot", other.pid, "-o", again, "--after", path, code=2, says="another process")
        refuses("snapshot", t.pid, "-o", again, "--after", path, "--isolate", 1, code=2, says="another of its isolates")
        text = Path(path).read_text(encoding="utf-8")
        at = text.index('"memwhy":"') + len('"memwhy":"')
        for what, broken in (("cut", text[:-100]), ("hostile", text[:at] + "00 0 " + text[at:]),
                             ("of V8", text[:at - len('"memwhy":"')] + text[text.index('"strings"'):])):
            Path(folder, what).write_text(broken, encoding="utf-8")
            refuses("snapshot", t.pid, "-o", again, "--after", os.path.join(folder, what))
        equal("nothing is written", os.path.exists(again), False)


@test(nodes=[24])
def files(node):
    with tempfile.TemporaryDirectory() as folder, Target("snapshot.js", node=node, **ARGS) as t:
        stopped(t.pid)
        path, doc = snapshot(t.pid, folder)
        equal("mode", stat.S_IMODE(os.stat(path).st_mode), 0o600)
        equal("bytes", os.stat(path).st_size, doc["bytes"])
        refuses("snapshot", t.pid, "-o", path, says="is there already")
        packed, _ = snapshot(t.pid, folder, name="x.heapsnapshot.zst")
        same = subprocess.run(["zstd", "-dc", packed], capture_output=True, check=True).stdout
        with open(path, "rb") as f:
            equal("packed is the same", same == f.read(), True)
        zipped, told = snapshot(t.pid, folder, name="x.heapsnapshot.gz")
        equal("told", (told["gzip"], told["zstd"]), (True, False))
        same = subprocess.run(["gzip", "-dc", zipped], capture_output=True, check=True)
        equal("what gzip says", same.stderr, b"")
        with open(path, "rb") as f:
            equal("zipped is the same", same.stdout == f.read(), True)
        with open(zipped, "rb") as f:  # one member, for readers that know no more
            unpacker = zlib.decompressobj(31)
            unpacker.decompress(f.read())
            equal("it ends where the file does", (unpacker.eof, unpacker.unused_data), (True, b""))
        refuses("snapshot", t.pid, "-o", os.path.join(folder, "x.heapsnapshot.xz"), code=2, says=".xz")
        limited = os.path.join(folder, "limited")
        done = subprocess.run(["bash", "-c", f"ulimit -f 100; exec {ROOT}/build/memwhy snapshot {t.pid} -o {limited}"],
                              capture_output=True, text=True, check=False)
        equal("a full disk", done.returncode != 0 and "nothing is left of it" in done.stderr, True)
        equal("nothing is left", sorted(os.listdir(folder)), ["ours.heapsnapshot", "x.heapsnapshot.gz", "x.heapsnapshot.zst"])


@test(nodes=[24])
def taken_again(node):
    """Large memory of others is left out of the copy; a string's characters may be there, and then all is looked at."""
    code = "globalThis.s = Buffer.alloc(40 << 20, 'x').toString('latin1'); console.log('READY {}'); setInterval(() => {}, 1e6)"
    for _ in range(5):  # where the kernel put the string beside memory of V8's, it is in the copy at once
        with tempfile.TemporaryDirectory() as folder, Target([node.path, "-e", code]) as t:
            path = os.path.join(folder, "ours.heapsnapshot")
            doc = ask("snapshot", t.pid, "-o", path, "--freeze=fork")
            equal("its name", f'"{1024 * "x"}"' in Path(path).read_text(encoding="utf-8"), True)
            equal("nothing else is left", os.listdir(folder), ["ours.heapsnapshot"])
        if doc["cost"]["stops"] > 1:
            return
    raise AssertionError("it was never looked at twice")
