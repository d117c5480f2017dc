"""`memwhy open` of files that V8 wrote, beside DevTools' own parser, and of broken ones."""
import collections
import gzip
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path
from harness import MEMWHY, Target, ask, equal, memwhy, refuses, test
from test_snapshot import seen_by_devtools, snapshot

NODE_ARGS = ["--expose-gc", "--no-warnings"]


def plain_classes(shown):
    """DevTools' classes: it names objects without one by their properties."""
    classes = collections.Counter()
    for name, n in shown["classes"].items():
        classes["Object" if name.startswith("{") else name] += n
    return classes


def as_devtools(path):
    """Classes, retained sizes of the 50 largest and distances are those of DevTools."""
    shown = seen_by_devtools(path)
    doc = ask("open", path, "objects")
    equal("nodes", doc["target"]["nodes"], shown["nodes"])
    equal("edges", doc["target"]["edges"], shown["edges"])
    ours = collections.Counter({c["name"]: c["count"] for c in doc["classes"]})
    ours["(synthetic)"] += 1  # the root
    equal("classes", ours - plain_classes(shown), collections.Counter())
    equal("classes of DevTools", plain_classes(shown) - ours, collections.Counter())
    largest = shown["objects"][:50]
    rows = ask("open", path, "dominators", "--top", 0, "--min", largest[-1]["retained"])["dominators"]
    retained = {row["id"]: row["retained"] for row in rows if "id" in row}
    equal("50 are shown", len(largest), 50)
    for o in largest:
        equal(f"retained by {o['class']} @{o['id']}", retained.get(o["id"]), o["retained"])
    for o in shown["objects"][::17]:
        way = ask("open", path, "path", o["id"])
        equal(f"distance of {o['class']} @{o['id']}", way["distance"], o["distance"])
        equal(f"retained by {o['class']} @{o['id']}, asked by itself", way["retained"], o["retained"])


@test(nodes="all", timeout=240)
def of_v8(node):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "v8.heapsnapshot")
        with Target("open.js", node=node, args=[path], node_args=NODE_ARGS) as t:
            truth = t.truth
        as_devtools(path)
        doc = ask("open", path)
        kinds = {k["kind"]: k["count"] for k in doc["kinds"]}
        equal("every node is of a kind", sum(kinds.values()), doc["target"]["nodes"])
        classes = {c["name"]: c for c in doc["classes"]}
        equal("classes shown", len(classes), 12)
        named(path, ask("open", path, "suspects", "--min=200k"), truth)


def named(path, doc, truth):
    """What holds much, in words, and how it is reached."""
    texts = {s.get("path"): s for s in doc["suspects"]}
    sessions = texts["global.sessions"]
    equal("what it is", sessions["text"].startswith("one Map holds"), True)
    equal("how many", (sessions["count"], sessions["parts"][0]["text"]), (truth["sessions"], "Session"))
    chain = next(s for s in doc["suspects"] if "chain" in s["text"])
    equal("the chain's links", abs(chain["count"] - truth["links"]) < truth["links"] / 10, True)
    equal("of Links", "(Link)" in chain["text"], True)
    pending = next((s for s in doc["suspects"] if s["text"].startswith("one Array holds") and
                    s["path"].startswith("variable pending of ")), None)
    if not pending:
        raise AssertionError(f"no array of pending ones: {[(s['text'], s.get('path')) for s in doc['suspects']]}")
    equal("its script", pending["path"].endswith("open.js"), True)
    one = next(r["id"] for r in ask("open", path, "dominators", sessions["id"], "--top", 0)["dominators"]
               if r.get("id") and r["class"] == "Session")
    way = ask("open", path, "path", one)["paths"][0]
    equal("the way to a session", way["line"].startswith('global.sessions.get("session '), True)
    equal("begins with", (way["steps"][0]["kind"], way["steps"][-1]["summary"]), ("root", "Session"))


@test(nodes=[24], timeout=240)
def of_memwhy(node):
    """Our own, plain and packed, are the same to it, and the same to DevTools."""
    with tempfile.TemporaryDirectory() as folder:
        v8 = os.path.join(folder, "v8.heapsnapshot")
        with Target("open.js", node=node, args=[v8], node_args=NODE_ARGS) as t:
            path, ours = snapshot(t.pid, folder)
            truth = t.truth
        as_devtools(path)
        doc = ask("open", path)
        equal("nodes", doc["target"]["nodes"], ours["nodes"])
        named(path, ask("open", path, "suspects", "--min=200k"), truth)
        limited = subprocess.run(["bash", "-c", f"ulimit -f 100; exec {MEMWHY} open {path}"], capture_output=True,
                                 text=True, check=False)
        equal("a full disk", (limited.returncode, "the temporary file cannot be written" in limited.stderr), (3, True))
        packed = path + ".gz"
        with open(path, "rb") as plain, gzip.open(packed, "wb", compresslevel=1) as to:
            data = plain.read()
            to.write(data[:len(data) // 2])
        with gzip.open(packed, "ab", compresslevel=1) as to:  # in two parts, as `cat` makes them
            to.write(data[len(data) // 2:])
        subprocess.run(["zstd", "-q", "-1", path], check=True)
        for other, form in ((packed, "gzip"), (path + ".zst", "zstd")):
            again = ask("open", other)
            equal("form", again["target"]["form"], form)
            equal("bytes of text", again["target"]["text_bytes"], len(data))
            for part in ("kinds", "classes", "suspects", "live_bytes"):
                equal(f"{form}: {part}", again[part], doc[part])
            with open(other, "rb") as f:
                half = f.read()
            Path(other).write_bytes(half[:len(half) // 2])
            refuses("open", other, json_code="bad-file", says=f"its {form} data ends at byte {len(half) // 2}")
            Path(other).write_bytes(half[:1000] + bytes(3000) + half[4000:])
            refuses("open", other, json_code="bad-file", says="makes no sense" if form == "zstd" else "")


def made_up(seed, nodes):
    """A snapshot that no V8 has written, of all there is to the rules: who is the program's, shortcuts, ephemerons,
    what nothing refers to, rings, detached elements, edges that do not count for distances."""
    rng = random.Random(seed)
    kinds = ["hidden", "array", "string", "object", "closure", "native", "synthetic", "regexp", "code"]
    edge_kinds = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"]
    strings = ["", "(GC roots)", "(Document DOM trees)", "(map descriptors)", "system / NativeContext",
               "sloppy_function_map", "a", "b", "Thing", "Other", "<div id=x>", "4", "7", "elements"]
    kind = [6] + [rng.choice([0, 1, 2, 3, 3, 3, 4, 5, 5, 7, 8]) for _ in range(nodes - 1)]
    kind[1] = kind[2] = 6
    name = [0, 1, 2] + [{0: rng.choice([4, 6]), 1: rng.choice([3, 6]), 5: rng.choice([8, 10])}.get(k, rng.choice([8, 9]))
                        for k in kind[3:]]
    detached = [rng.choice([0, 0, 0, 1, 2]) if k == 5 else 0 for k in kind]
    ids = [2 * i + 1 for i in range(nodes)]
    leads = [[] for _ in range(nodes)]

    def edge(at, to, odd=0.15):
        k = rng.choice(["shortcut", "weak"]) if rng.random() < odd else rng.choice(edge_kinds[:5])
        index = rng.randrange(9) if k in ("element", "hidden") else rng.choice([5, 6, 7, 11, 12, 13])
        leads[at].append((edge_kinds.index(k), index, to))

    leads[0] += [(1, 1, 1), (1, 2, 2), (5, 6, 3), (5, 7, 4), (1, 3, 5), (1, 4, 6)]
    for i in range(7, nodes):
        edge(rng.randrange(max(1, i - 60), i), i)
    for _ in range(nodes):
        edge(rng.randrange(1, nodes), rng.randrange(3, nodes))
    for n in range(nodes // 20):
        table, key, value = (rng.randrange(7, nodes) for _ in range(3))
        for at, number in ((table, 2 * n), (key, 2 * n + 1)):
            strings.append(f"{number} / part of key (k @{ids[key]}) -> value (v @{ids[value]}) pair in WeakMap "
                           f"(table @{ids[table]})")
            leads[at].append((3, len(strings) - 1, value))
    sizes = [0 if k in (0, 1, 6) else 8 * rng.randrange(1, 2000) for k in kind]  # theirs DevTools gives to their owners
    rows = [[kind[i], name[i], ids[i], sizes[i], len(leads[i]), detached[i]] for i in range(nodes)]
    flat = [(k, index, to * 6) for of in leads for k, index, to in of]
    meta = {"node_fields": ["type", "name", "id", "self_size", "edge_count", "detachedness"],
            "node_types": [kinds, "string", "number", "number", "number", "number"],
            "edge_fields": ["type", "name_or_index", "to_node"], "edge_types": [edge_kinds, "string_or_number", "node"],
            "location_fields": ["object_index", "script_id", "line", "column"]}
    return json.dumps({"snapshot": {"meta": meta, "node_count": nodes, "edge_count": len(flat)},
                       "nodes": [x for row in rows for x in row], "edges": [x for row in flat for x in row],
                       "locations": [], "strings": strings})


@test(timeout=240)
def made_up_graphs():
    """Of graphs as no program has them, too, DevTools and memwhy say the same."""
    nowhere = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed, nodes in ((1, 60), (2, 150), (3, 2000)):
            path = os.path.join(folder, f"{seed}.heapsnapshot")
            Path(path).write_text(made_up(seed, nodes), encoding="utf-8")
            shown = seen_by_devtools(path, "all")
            ours = collections.Counter({c["name"]: c["count"] for c in ask("open", path, "objects")["classes"]})
            ours["(synthetic)"] += 1  # the root
            equal(f"seed {seed}: classes", ours, plain_classes(shown))
            for o in shown["objects"][::len(shown["objects"]) // 50]:
                way = ask("open", path, "path", o["id"])
                equal(f"seed {seed}: retained by @{o['id']}", way["retained"], o["retained"])
                distance = o["distance"] if o["distance"] >= 0 else None
                nowhere += distance is None
                if o["id"] != 1:
                    equal(f"seed {seed}: distance of @{o['id']}", way.get("distance"), distance)
    equal("some are where no way leads", nowhere > 3, True)


@test
def broken():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.heapsnapshot")

        def refused(text, says, **more):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            return refuses("open", path, json_code="bad-file", says=says, **more)

        meta = {"node_fields": ["type", "name", "id", "self_size", "edge_count"],
                "node_types": [["object"], "string", "number", "number", "number"],
                "edge_fields": ["type", "name_or_index", "to_node"],
                "edge_types": [["property", "element"], "string_or_number", "node"]}
        head = json.dumps({"snapshot": {"meta": meta, "node_count": 2, "edge_count": 1}})[:-1]
        refused("", "it ends at byte 0")
        refused(b"\x7fELF" + bytes(100), "at byte 0")
        refused("[" * 10_000_000, "'{' is missing at byte 0")
        refused('{"x":' + "[" * 10_000_000, "it ends at byte 10000005")
        refused('{"snapshot":' + '{"a":' * 400_000, "there is far too much at byte")
        refused(head + ',"nodes":[0,0,1,' + "9" * 400 + ",0]", "a number is over 2^64 at byte")
        refused(head + ',"nodes":[0,0,1,8,1,0,0,3,8,0],"edges":[0,0,4]', "leads to where no node begins at byte")
        huge = head.replace('"node_count": 2', '"node_count": 4294967290')
        error = refused(huge + ',"nodes":[0,0,1,8,1,0,0,3,8,0],"edges":[0,0,5],"strings":["a"]}',
                        "says that it has 4294967290 nodes, and has 2")
        equal("one sentence", error["message"].count("\n"), 0)
        good = head + ',"nodes":[0,0,1,8,1,0,0,3,8,0],"edges":[0,0,5],"strings":["a"]}'
        path.write_text(good, encoding="utf-8")
        equal("a whole one", ask("open", path)["target"]["nodes"], 2)
        refuses("open", path, "path", 7, code=2, says="no node of id 7")
        refuses("open", path, "path", "x", code=2, says="no id")
        refuses("open", path, "path", code=2, says="takes the id")
        refuses("open", path, "things", code=2, says="objects, dominators [ID], suspects, path ID")
        refuses("open", folder, json_code="bad-file", says="is no file")
        refuses("open", path.with_suffix(".gone"), json_code="bad-file", says="No such file")
        refuses("objects", path, says="memwhy open")
        refused(good.replace('"node_count": 2', '"node_count": 1'), "more than it says at byte")
        with gzip.open(path, "wb") as f:
            for _ in range(100):
                f.write(b'{"a":' + b"[" * 1_000_000)
        refuses("open", path, json_code="unsupported", says="over 200 times its size")
        path.write_text(good, encoding="utf-8")
        text = memwhy("open", path, "dominators", 1)
        equal("as text", (text.code, "@3" in text.out), (0, True))
