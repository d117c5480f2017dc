"""memwhy leaks --growing against programs that know by how much they grow."""
import re
import tempfile
from pathlib import Path

from harness import Target, ask, at_most, equal, memwhy, refuses, test
from test_core import gdb_core
from test_leaks import Folder


def capture(t, path):
    equal("captured", memwhy("capture", t.pid, "--output", path).code, 0)
    return path


def command(t, line):
    t.say(line)
    t.hear()


def kinds(doc):
    return {(g["count_delta"], g.get("label")): g for g in doc["groups"]}


def share(group, pattern):
    return sum(h["share"] for h in group["held_by"] if re.search(pattern, h["what"]))


@test
def of_a_program():
    """A list, a table, a vector: by how many, and on what they hang; from captures, a core, a process."""
    with tempfile.TemporaryDirectory() as folder, Target("natives") as t:
        a = capture(t, f"{folder}/a")
        command(t, "churn")
        steady = capture(t, f"{folder}/steady")
        equal("what comes and goes", ask("leaks", "--growing", "--min=0", a, steady, codes=(0,))["groups"], [])
        command(t, "grow")
        command(t, "churn")
        doc = ask("leaks", "--growing", "--min=0", a, t.pid, codes=(1,))
        core = gdb_core(t.pid, Path(folder))
        equal("of a core", ask("leaks", "--growing", "--min=0", a, core, codes=(1, 4))["groups"], doc["groups"])
        found = kinds(doc)
        nodes, blobs, keys = found[2000, None], found[300, None], found[500, "text"]
        equal("bytes", [nodes["bytes_delta"], nodes["size"]], [2000 * 80, 80])
        equal("largest first", doc["groups"][0], blobs)
        equal("entries", sum(g["count_delta"] for g in doc["groups"] if g["size"] in (32, 48)), 500)
        equal("the list's", share(nodes, "^variable grown of natives$"), 1)
        equal("the vector's", share(blobs, "^a chunk of .*, from variable vector of natives$"), 1)
        equal("the table's", share(keys, "^a chunk of (32|48) B, from variable hash of natives$"), 1)
        equal("text", keys["text"], "the key of entry 500")
        line = ask("path", t.pid, blobs["sample"])["paths"][0]["line"]
        equal(f"way to one ({line})", line.startswith("variable vector of natives -> chunk +0x"), True)
        text = memwhy("leaks", "--growing", a, t.pid)
        equal("exit code", text.code, 1)
        equal("said", "variable grown of natives (100.0 %)" in text.out, True)
        refuses("leaks", "--growing", a, code=2, says="two looks")
        refuses("leaks", a, core, code=2, says="too many")
        with Target("natives") as other:
            refuses("leaks", "--growing", a, other.pid, code=2, says="of process")


@test(nodes=[18, 26])
def of_an_addon_and_of_buffers(node):
    with Folder() as f, Target("kept.js", node=node, node_args=["--expose-gc"], args=[f.addon()]) as t:
        a = capture(t, f.path / "a")
        command(t, "nothing")
        equal("nothing is kept", ask("leaks", "--growing", a, t.pid, codes=(0,))["groups"], [])
        command(t, "native")
        b = capture(t, f.path / "b")
        native = ask("leaks", "--growing", "--min=32K", a, b, codes=(1,))
        command(t, "buffers")
        buffers = ask("leaks", "--growing", b, t.pid, codes=(1,))
    rows = [g for g in native["groups"] if g.get("label") in ("leaky::Connection", "text")]
    print(f"Node {node.version}: {list(kinds(native))}, {list(kinds(buffers))}")
    # where malloc cannot split what is left, it gives 16 bytes more: a kind of its own, maybe too few to be seen
    few, on_it = 2000 // 50, "from variable remembered of leaky.node$"
    for name, sizes, on in (("connections", (160, 176), f"^a chunk of .*, {on_it}"),
                            ("their buffers", (1520, 1536), f"^leaky::Connection, {on_it}"),
                            ("their names", (48, 64), f"^leaky::Connection, {on_it}")):
        some = [g for g in rows if g["size"] in sizes and g["count_delta"] > few]
        at_most(f"{name} that are missing", abs(2000 - sum(g["count_delta"] for g in some)), few)
        at_most(f"{name} that something else has", 1 - min(share(g, on) for g in some), 0.02)
        equal(f"{name} that are lost", [g["lost_count"] for g in some], [0] * len(some))
    stores = [g for g in buffers["groups"] if g.get("label") == "ArrayBuffer" and 20000 < g["size"] < 20100]
    equal("stores", [g["count_delta"] for g in stores], [300])
    others = 1 - share(stores[0], "^JavaScript's (ArrayBuffer|Buffer|Uint8Array)$")
    at_most("stores that JavaScript does not have", others, 0.02)
