"""`memwhy inspect` of one object of every kind, against what the program says of each."""
import os
import struct
import tempfile
from random import Random
from harness import Target, ask, equal, memwhy, refuses, test

LEAST_KINDS = 150


def members(node, kind):
    return [m for m in node.get("members", []) if m["kind"] == kind]


def named(properties):
    """The names of those with strings as keys, which reflection gives in the order they were added."""
    return [name for name in properties if not name.startswith(("Symbol(", "#"))]


def shown(member):
    """A member's value as the target writes it: a summary, or getter and setter."""
    if member.get("accessor"):
        return {"get": member.get("getter"), "set": member.get("setter")}
    return member["summary"]


def differences(name, got, want):
    """What memwhy says otherwise than the program, as sentences."""
    found = []

    def compare(what, ours, theirs):
        if ours != theirs:
            found.append(f"{name}: {what}: got {ours!r}, want {theirs!r}")

    compare("summary", got["summary"], want["summary"])
    if "properties" in want:
        ours = {m["name"]: shown(m) for m in members(got, "property")}
        compare("properties", ours, want["properties"])
        compare("their order", named(ours), named(want["properties"]))
    if "elements" in want:
        compare("elements", {m["name"]: shown(m) for m in members(got, "element")}, want["elements"])
    if "entries" in want:
        compare("entries", [[m["key"], m["summary"]] if "key" in m else [m["summary"]] for m in members(got, "entry")],
                want["entries"])
    if "exports" in want:
        compare("exports", {m["name"]: m["summary"] for m in members(got, "export")}, want["exports"])
    slots = {}
    for m in members(got, "slot"):
        slots.setdefault(m["name"], m["summary"])
    compare("slots", {k: slots.get(k) for k in want["slots"]}, want["slots"])
    variables = {}
    for m in members(got, "variable"):
        variables.setdefault(m["name"], m["summary"])
    compare("variables", {k: variables.get(k) for k in want["variables"]}, want["variables"])
    if "frames" in want:
        compare("frames", [m["summary"] for m in members(got, "slot") if m["name"] == "[[StackFrame]]"], want["frames"])
    compare("more", got.get("more", {}), {})
    return found


def agrees(doc, truth):
    equal("objects of the class", len(doc["objects"]), 1)
    root = doc["objects"][0]
    ours = {m["name"]: m for m in members(root, "property")}
    equal("kinds", sorted(ours), sorted(truth["kinds"]))
    found = [d for name, want in truth["kinds"].items() for d in differences(name, ours[name], want)]
    if found:
        raise AssertionError(f"{len(found)} differences in {len(ours)} kinds:\n" + "\n".join(found))
    if len(ours) < LEAST_KINDS:
        raise AssertionError(f"only {len(ours)} kinds")
    return ours


ASK = ("--class", "Kinds", "--depth", "2", "--limit", "100000")


@test(nodes="all")
def every_kind(node):
    with Target("kinds.js", node=node) as t:
        for how in ("fork", "stop"):
            agrees(ask("inspect", t.pid, *ASK, "--freeze", how), t.truth)
        with tempfile.TemporaryDirectory() as folder:
            core = os.path.join(folder, "kinds.core")
            equal("capture", memwhy("capture", t.pid, "-o", core).code, 0)
            ours = agrees(ask("inspect", core, *ASK), t.truth)
            one_by_one(core, ours, t.truth)
        print(f"Node {node.version}: {len(ours)} kinds")


@test(nodes=[12])
def what_is_known_of_node_12(node):
    """Its values, properties, elements, entries and closures; less of what the language keeps inside."""
    with Target("kinds.js", node=node) as t:
        for want in t.truth["kinds"].values():
            want["slots"] = {}
            want.pop("frames", None)
            want.pop("exports", None)
        agrees(ask("inspect", t.pid, *ASK), t.truth)


def one_by_one(core, ours, truth):
    """The same by their addresses, with the first of what they hold in one line."""
    some = [m for m in ours.values() if m.get("addr")]
    doc = ask("inspect", core, *[m["addr"] for m in some], "--limit", "100000")
    equal("objects", [o["addr"] for o in doc["objects"]], [m["addr"] for m in some])
    details = {m["name"]: o["details"] for m, o in zip(some, doc["objects"])}
    for name, want in truth["kinds"].items():
        if "details" in want:
            equal(f"details of {name}", details[name], want["details"])
    equal("summaries", [o["summary"] for o in doc["objects"]], [m["summary"] for m in some])
    equal("members", [[(m.get("name"), m.get("summary")) for m in o.get("members", [])] for o in doc["objects"]],
          [[(m.get("name"), m.get("summary")) for m in one.get("members", [])] for one in some])


@test(nodes=[16, 24])
def depth_and_limits(node):
    with Target("kinds.js", node=node) as t:
        shallow = ask("inspect", t.pid, "--class", "Kinds", "--depth", "0")["objects"][0]
        equal("nothing is opened", "members" in shallow, False)
        equal("its place", (shallow["class"], shallow["live"], shallow["isolate"], shallow["type"]),
              ("Kinds", True, "main", "JSObject"))
        one = ask("inspect", t.pid, "--class", "Kinds", "--limit", "7")["objects"][0]
        equal("members", len(members(one, "property")), 7)
        equal("the rest", one["more"], {"property": len(t.truth["kinds"]) - 7})
        equal("not deeper", [m for m in one["members"] if "members" in m], [])
        with tempfile.TemporaryDirectory() as folder:
            deeper(t, os.path.join(folder, "kinds.core"))


def deeper(target, core):
    equal("capture", memwhy("capture", target.pid, "-o", core).code, 0)
    kinds = {m["name"]: m for m in ask("inspect", core, "--class", "Kinds", "--limit", "1000")["objects"][0]["members"]}
    ring, nested = ask("inspect", core, kinds["object cyclic"]["addr"], kinds["object nested"]["addr"], "--depth", "3")["objects"]
    addr = ring["addr"]
    for _ in range(3):
        ring = next(m for m in ring["members"] if m["name"] == "self")
        equal("the ring goes on with the same object", (ring["summary"], ring["addr"]), ("Object", addr))
    equal("and ends", "members" in ring, False)
    c = nested["members"][0]["members"][0]["members"][0]
    equal("a.b.c", (c["name"], c["summary"]), ("c", "1"))


@test(nodes=[16, 24])
def in_words(node):
    with Target("kinds.js", node=node) as t, tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "kinds.core")
        equal("capture", memwhy("capture", t.pid, "-o", core).code, 0)
        kinds = {m["name"]: m for m in ask("inspect", core, "--class", "Kinds", "--limit", "1000")["objects"][0]["members"]}
        text = memwhy("inspect", core, kinds["instance with privates"]["addr"]).out
        for part in ("Privates {shown: true}", "#secret: \"hidden\"", "shown: true", "[[Prototype]]: ", "live", "(type "):
            equal(f"the text has {part}", part in text, True)
        text = memwhy("inspect", core, kinds["object getter"]["addr"]).out
        equal("a getter is named", "answer: get function get answer" in text, True)
        long = ask("inspect", core, kinds["string sliced"]["addr"])["objects"][0]
        equal("a string", long["summary"], t.truth["kinds"]["string sliced"]["summary"])
        raw = ask("inspect", core, kinds["object fast"]["addr"], "--raw")["objects"][0]
        equal("words", {m["kind"] for m in raw["members"]}, {"field"})
        # Untagged addresses mean the same.
        addr = int(kinds["object fast"]["addr"], 16)
        equal("untagged", ask("inspect", core, hex(addr - 1))["objects"][0]["addr"], hex(addr))
        retained = ask("inspect", core, kinds["closure"]["addr"], "--retained")["objects"][0]
        equal("retains at least itself", retained["retained"] >= retained["shallow"], True)
        lists = ask("inspect", core, "--class", "Array", "--limit", "2")
        equal("of many two", len(lists["objects"]), 2)
        equal("and the rest counted", lists["more_objects"] > 10, True)
        refuses("inspect", core, hex(addr + 8), code=2, says="no object begins at")
        refuses("inspect", core, "house", code=2, says="no address")
        refuses("inspect", core, code=2, says="which object")
        refuses("inspect", core, "--class", "NoSuchClass", code=2, says="NoSuchClass")


def broken(core, addrs, random):
    """A copy of the core's bytes with words of these objects replaced: bits, objects, sizes, anything."""
    data = bytearray(core)
    first, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    loads = [struct.unpack_from("<IIQQQQ", data, first + 56 * i) for i in range(count)]
    for _ in range(random.choice((3, 30, 100))):
        addr = random.choice(addrs) - 1
        at = next((off + addr - start for kind, _, off, start, _, size in loads
                   if kind == 1 and start <= addr < start + size), None)
        if at is None:
            continue
        at += 8 * random.randrange(1, 12)
        word = struct.unpack_from("<Q", data, at)[0]
        word = random.choice((word ^ 1 << random.randrange(64), random.choice(addrs), random.randrange(1 << 31) << 32,
                              random.randrange(1 << 64), addr | 1))
        struct.pack_into("<Q", data, at, word)
    return data


@test(nodes=[16, 24, 26], timeout=240)
def objects_that_lie(node):
    """Words within objects replaced at random: an answer or a refusal, within 30 s."""
    random = Random(node.version)
    with Target("kinds.js", node=node) as t, tempfile.TemporaryDirectory() as folder:
        core, liar = os.path.join(folder, "kinds.core"), os.path.join(folder, "liar.core")
        equal("capture", memwhy("capture", t.pid, "-o", core).code, 0)
        root = ask("inspect", core, *ASK)["objects"][0]
        addrs = [int(m["addr"], 16) for k in root["members"] for m in [k, *k.get("members", [])] if "addr" in m]
        whole = open(core, "rb").read()
        answered = 0
        for _ in range(8):
            with open(liar, "wb") as f:
                f.write(broken(whole, addrs, random))
            a = memwhy("inspect", liar, "--class", "Kinds", "--depth", "3", "--limit", "300", timeout=30)
            equal("an exit code of ours", a.code in (0, 2, 3, 4), True)
            answered += a.code in (0, 4)
        equal("some of them could be answered", answered > 0, True)
