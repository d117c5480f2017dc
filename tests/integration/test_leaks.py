"""memwhy leaks against programs that know what they forgot, and against some that forget nothing."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import TARGETS, Target, ask, at_most, equal, memwhy, refuses, test
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


@test(nodes="all")
def addon(node):
    """An addon forgets objects with what they hold; blocks whose address is a JavaScript number are held."""
    with Folder() as f, Target("leaks.js", node=node, args=[f.addon()]) as t:
        found, _ = lost_blocks(t.pid)
        groups = ask("leaks", t.pid)["groups"]
        lost = set(t.truth["lost"])
    false = {at: (g["size"], g.get("label")) for at, g in found.items() if at not in lost}
    print(f"Node {node.version}: {len(lost & set(found))} of {len(lost)}, {len(false)} false {false}")
    equal("forgotten", len(lost), 4500)
    at_most("not found", len(lost - set(found)), 90)
    equal("held and called lost", false, {})
    count = {label: sum(g["count"] for g in groups if g.get("label") == label) for label in ("leaky::Connection", "text")}
    at_most("not found by name", 4500 - count["leaky::Connection"] - count["text"], 90)


def is_healthy(node, kinds, how):
    with Target("healthy.js", node=node, args=[*kinds, *how]) as t:
        doc = ask("leaks", t.pid)
    what = [(g["count"], g["size"], g.get("label"), g.get("text")) for g in doc["groups"]]
    print(f"Node {node.version} {' '.join(kinds)} {' '.join(how)}: {what}")
    equal(f"lost of {kinds} {how}", what, [])


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
