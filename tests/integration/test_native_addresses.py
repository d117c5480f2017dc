"""inspect, refs and path of addresses outside V8's heap, against programs that know what is where."""
import random
import re
import tempfile
from pathlib import Path

from harness import Target, ask, equal, memwhy, refuses, test
from test_core import gdb_core

CHUNK_OF = {"first": 80, "last": 80, "vector": 816, "item": 208, "lost": 512, "mangled": 720, "number": 912,
            "mapped": 96, "stacked": 1008, "local": 2016, "register": 3008, "packed": 3120}
# who refers to it: kind, a part of what it is called, where in it, how
REFERRER = {
    "first": ("data", "variable list of natives", "", "begin"),
    "last": ("chunk", "chunk of 80 B", "+0x0", "begin"),
    "vector": ("data", "variable table of natives", "+0x38", "begin"),
    "item": ("chunk", "chunk of 816 B", "+0x60", "begin"),
    "mangled": ("data", "variable mangled of natives", "", "mangled"),
    "number": ("data", "variable number of natives", "", "number"),
    "mapping": ("data", "variable mapping of natives", "", "begin"),
    "mapped": ("mapping", "anonymous mapping", "", "begin"),
    "stacked": ("stack", "stack of thread", "", "begin"),
    "local": ("tls", "thread-local storage of thread", "", "begin"),
}
LINE = {
    "first": "variable list of natives -> chunk",
    "last": "variable list of natives -> chunk( +0x0 -> chunk × 999)",
    "item": "variable table of natives +0x38 -> chunk +0x60 -> text",
    "mangled": "variable mangled of natives -> chunk (mangled by glibc)",
    "mapped": "anonymous mapping -> chunk",
}


def inspected(target, *addrs, codes=(0,)):
    return ask("inspect", target, *addrs, codes=codes)["native"]


def check_chunks(target, at, codes):
    names = list(CHUNK_OF)
    found = dict(zip(names, inspected(target, *[at[n] for n in names], codes=codes)))
    for name, chunk in found.items():
        equal(f"size of {name}", [chunk["kind"], chunk["size"], chunk["state"], chunk["addr"]],
              ["chunk", CHUNK_OF[name], "in-use", at[name]])
    equal("text", [found["item"]["name"], found["item"]["text"]], ["text", "what an item of the table begins with"])
    equal("first word of the first", found["first"]["words"][0]["kind"], "chunk")
    equal("a word of the vector", [w.get("to") for w in found["vector"]["words"] if w["offset"] == 0x60], [at["item"]])
    equal("nobody has the lost one", [found["lost"]["refs_found"], found["lost"]["refs"]], [0, []])


def check_referrers(target, at, codes):
    for name, (kind, summary, where, how) in REFERRER.items():
        first = ask("refs", target, at[name], codes=codes)["refs"][0]
        equal(f"who refers to {name}", [first["kind"], summary in first["from_summary"], first["name"], first["how"],
                                        first["to"]], [kind, True, where, how, at[name]])
    refs = ask("refs", target, at["register"], codes=codes)["refs"]
    equal("the register", [r["name"] for r in refs if r["kind"] == "register" and r["name"] == "r12"], ["r12"])
    refs = ask("refs", target, at["packed"], codes=codes)["refs"]
    equal("half a register", [r["name"] for r in refs if r["kind"] == "register"], ["xmm6"] * 2)
    equal("the lost one", ask("refs", target, at["lost"], codes=codes)["found"], 0)
    out = ask("refs", target, "--outgoing", at["vector"], codes=codes)["refs"]
    equal("what the vector refers to", [[r["name"], r["to"]] for r in out], [["+0x60", at["item"]]])


def check_ways(target, at, codes):
    for name, line in LINE.items():
        doc = ask("path", target, at[name], codes=codes)
        equal(f"way to {name}", [doc["live"], doc["paths"][0]["line"]], [True, line])
        equal(f"last step to {name}", doc["paths"][0]["steps"][-1]["addr"], at[name])
    equal("steps to the last", len(ask("path", target, at["last"], codes=codes)["paths"][0]["steps"]), 1001)
    lost = ask("path", target, at["lost"], codes=codes)
    equal("way to the lost one", [lost["live"], lost["paths"]], [False, []])


def check_all(target, at, codes=(0,)):
    check_chunks(target, at, codes)
    check_referrers(target, at, codes)
    check_ways(target, at, codes)
    free, = inspected(target, at["freed"], codes=codes)
    equal("the freed one", [free["state"], free["size"], free["refs"][0]["from_summary"]],
          ["tcached", 608, "variable dangling of natives"])
    inside = hex(int(at["item"], 16) + 100)
    found, = inspected(target, inside, codes=codes)
    equal("an address inside", [found["addr"], found["asked"]], [at["item"], inside])
    exact = [ask("refs", target, "--exact", addr, codes=codes)["found"] for addr in (at["item"], inside)]
    equal("who has the item itself, and that address inside", exact, [1, 0])
    table = ask("refs", target, at["vector"], codes=codes)["refs"][0]["from"]
    found, = inspected(target, table, codes=codes)
    equal("a variable", [found["kind"], found["name"], found["module"], found["words"][7]["to"]],
          ["data", "table", "natives", at["vector"]])
    first, = ask("refs", target, "--outgoing", at["first"], codes=codes)["refs"]
    equal("what the first refers to", [first["kind"], first["name"]], ["chunk", "+0x0"])


@test
def of_a_program():
    """The same from a live process, a stopped one, a capture and a core; without V8."""
    with tempfile.TemporaryDirectory() as folder:
        capture = f"{folder}/capture"
        with Target("natives") as t:
            check_all(t.pid, t.truth)
            equal("stopped", inspected(t.pid, t.truth["item"], "--freeze=stop"), inspected(t.pid, t.truth["item"]))
            equal("captured", memwhy("capture", t.pid, "--output", capture).code, 0)
            core = gdb_core(t.pid, Path(folder))
            text = memwhy("inspect", t.pid, t.truth["item"])
            for command in ("inspect", "refs", "path"):
                refuses(command, t.pid, "0x10", code=2, says="nothing is mapped")
        check_all(capture, t.truth)
        check_all(core, t.truth, (0, 4))
    for word in ("text, chunk of 208 B", "referred to by", "chunk of 816 B  +0x60", "77 68 61 74", "what an "):
        if word not in text.out:
            raise AssertionError(f"the text lacks {word!r}:\n{text.out}")


def native_field(capture, class_name, field, wanted=None):
    """An object of a class, and the native address in one of its fields; of those where wanted = (field, value)."""
    for o in ask("inspect", capture, "--class", class_name, "--limit", 1000)["objects"]:
        members = {m["name"]: m.get("summary") for m in o["members"] if "name" in m}
        if field in members and (not wanted or members.get(wanted[0]) == wanted[1]):
            return o, members[field]
    raise AssertionError(f"no {class_name} with {field}")


def check_stream(node, capture, peer, live):
    chunk, = inspected(capture, peer)
    equal("the peer", [chunk["addr"], "ZlibStream" in chunk["name"]], [peer, True])
    owner = chunk["refs"][0]
    equal("its owner", [owner["owner"], owner["kind"], owner["from_class"], owner["how"]],
          [True, "object", "Zlib", "begin"])
    way = ask("path", capture, peer)["paths"][0]
    line = r"global\.kept\[\d+\]\._handle \[\[InternalField\d\]\] -> .*ZlibStream"
    equal(f"way to it ({way['line']})", bool(re.fullmatch(line, way["line"])), True)
    equal("the same of the process", live, way["line"])
    equal("object before it", ask("inspect", capture, way["steps"][-2]["addr"])["objects"][0]["class"], "Zlib")
    next_one = next(r for r in ask("refs", capture, "--outgoing", peer)["refs"] if r["kind"] == "chunk"
                    and r["to"] != peer and "ZlibStream" in ask("path", capture, r["to"])["paths"][0]["line"])
    print(f"Node {node.version}: {way['line']}, and on by {next_one['name']}")


def check_store(capture):
    buffer, store = native_field(capture, "ArrayBuffer", "[[ArrayBufferData]]", ("[[ArrayBufferByteLength]]", "30000"))
    chunk, = inspected(capture, store)
    byte = chunk["words"][5]["bytes"][:2]
    equal("the store", [chunk["name"], set(w["bytes"] for w in chunk["words"][2:])], ["ArrayBuffer", {byte * 8}])
    back = [r for r in chunk["refs"] if r["name"] == "<backing_store>"]
    equal("its ArrayBuffer", [r["from"] for r in back], [buffer["addr"]])
    line = ask("path", capture, store)["paths"][0]["line"]
    index = re.fullmatch(r"global\.kept\[(\d+)\](?: <buffer> <backing_store>| <data_ptr>) -> ArrayBuffer", line)
    equal(f"way to it ({line}), as target fills it", int(index[1]) & 0xff, int(byte, 16))


@test(nodes=[18, 26])
def of_objects_and_back(node):
    """From a stream to the C++ object, from there to its chunks, and back; from a store to its Buffer."""
    with tempfile.TemporaryDirectory() as folder:
        capture = f"{folder}/capture"
        with Target("native_names.js", node=node, node_args=["--expose-gc"]) as t:
            equal("captured", memwhy("capture", t.pid, "--output", capture).code, 0)
            _, peer = native_field(capture, "Zlib", "[[NativeObject]]")
            live = ask("path", t.pid, peer)["paths"][0]["line"]
        check_stream(node, capture, peer, live)
        check_store(capture)


def spoil(data, chance, addresses):
    """Words anywhere in it: small numbers, random ones, and addresses that are known, or near."""
    for _ in range(chance.choice((20, 2000, 20000))):
        value = chance.choice((chance.getrandbits(64), chance.randrange(4096),
                               int(chance.choice(addresses), 16) + chance.randrange(-64, 512)))
        at = chance.randrange(8192, len(data) // 8) * 8  # behind headers and notes
        data[at:at + 8] = value.to_bytes(8, "little")


@test
def of_what_was_trampled():
    """Of captures in which words were changed: an answer or a refusal."""
    chance = random.Random(1)
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        whole, spoilt = Path(folder, "whole"), Path(folder, "spoilt")
        with Target("natives") as t:
            equal("captured", memwhy("capture", t.pid, "--output", whole).code, 0)
        for _ in range(8):
            data = bytearray(whole.read_bytes())
            spoil(data, chance, list(t.truth.values()))
            spoilt.write_bytes(data)
            at = chance.choice(list(t.truth.values()))
            for question in (("inspect", spoilt, at), ("refs", "--garbage", spoilt, at), ("path", "-n", 3, spoilt, at),
                             ("leaks", "--growing", "--min=0", whole, spoilt)):
                codes.append(memwhy(*question).code)
    equal("exit codes", sorted(set(codes) - {0, 1, 2, 3, 4}), [])
    equal("some could be answered", 0 in codes or 4 in codes, True)
