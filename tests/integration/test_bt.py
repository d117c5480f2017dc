"""Stacks: of native code as gdb and the C library's own unwinder see them, of JavaScript as V8 prints them."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import TARGETS, Node, Skip, Target, ask, at_most, equal, memwhy, refuses, test
from test_account import Held, becomes
from test_core import Folder, gdb_core, kernel_core

NODES = [16, 18, 20, 22, 24, 26]

# How stack.c is built: with tables only, with frame pointers only, without a symbol, without libc.so.
BUILDS = {
    "tables": ["-O2", "-fomit-frame-pointer"],
    "pointers": ["-O2", "-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
    "stripped": ["-O2", "-fomit-frame-pointer", "-s"],
    "static": ["-O2", "-static"],
    "plain": ["-O0"],
}


class Built:
    """A folder with what was compiled from tests/targets for this test, gone afterwards."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="memwhy-bt-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def compile(self, source, name, *flags):
        made = self.path / name
        p = subprocess.run(["gcc", "-D_GNU_SOURCE", *flags, "-o", made, TARGETS / source], capture_output=True, text=True)
        if p.returncode:
            raise Skip(f"gcc cannot build {source} with {' '.join(flags)}: {p.stderr[-200:]}")
        return made

    def program(self, build):
        return self.compile("stack.c", "stack", *BUILDS[build])

    def addon(self):
        return self.compile("addon/calls.c", "calls.node", "-shared", "-fPIC", "-O2", "-fomit-frame-pointer")


class Standing(Target):
    """A target that is where it says it will stay: asleep, after it has said so."""

    def hear(self):
        truth = super().hear()
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            becomes(f"{self.pid}/task/{tid}", "S")
        return truth


def stacks(what, *options, codes=(0,)):
    """Its threads by id."""
    return {t["tid"]: t for t in ask("bt", what, *options, codes=codes)["threads"]}


def names(thread):
    return [f.get("name") for f in thread["frames"]]


def whole(thread):
    equal(f"the walk of {thread['tid']} ({names(thread)}) was cut", thread.get("cut"), None)
    return thread


# --- C ---

KNOWN = {
    "calls": ["pause", "tell_and_stay", "three", "two", "one", "main"],
    "signal": ["pause", "tell_and_stay", "on_signal", "<signal handler called>", "raise", "three", "two", "one", "main"],
    "altstack": ["pause", "tell_and_stay", "on_signal", "<signal handler called>", "raise", "three", "two", "one", "main"],
    "null": ["pause", "tell_and_stay", "on_signal", "<signal handler called>", None, "three", "two", "one", "main"],
}


def without_internals(found):
    """raise() is some functions of the C library, whose names are its own business."""
    return [n for n in found if n not in ("__pthread_kill_implementation", "pthread_kill",
                                          "__pthread_kill_implementation.constprop.0", "__libc_start_call_main",
                                          "__libc_start_main", "__libc_start_main_impl", "_start")]


def as_the_library_says(thread, truth, mode):
    """glibc's backtrace() has the same return addresses, from the function that called it on."""
    own, want = [f["pc"] for f in thread["frames"]][2:], truth["stack"][1:]
    if mode == "null":  # there it gives up
        own = own[:own.index("0x0")]
    equal("return addresses", own, want)


def known_stack(build, mode):
    with Built() as b, Standing([b.program(build), mode]) as t:
        thread = whole(stacks(t.pid)[t.pid])
        if build != "stripped":
            found = without_internals(names(thread))
            if build != "static" and "raise" in KNOWN[mode] and found.count(None) == 1:
                found.remove(None)  # a function of the C library without a symbol
            equal(f"{build}, {mode}", found, KNOWN[mode])
        if build != "pointers":  # which it cannot follow
            as_the_library_says(thread, t.truth, mode)


@test(timeout=200)
def calls():
    for build in BUILDS:
        known_stack(build, "calls")


@test(timeout=200)
def signals():
    for build in BUILDS:
        for mode in ("signal", "altstack", "null"):
            known_stack(build, mode)


@test
def stripped_has_offsets():
    """Without a symbol a frame is the file and a place in it."""
    with Built() as b, Standing([b.program("stripped"), "calls"]) as t:
        frames = stacks(t.pid)[t.pid]["frames"]
        maps = Path(f"/proc/{t.pid}/maps").read_text().splitlines()
        start = int(next(line for line in maps if line.endswith("/stack")).split("-")[0], 16)
        at = [f for f in frames if f.get("module", "").endswith("/stack")]
        at_most("frames with invented names", len([f for f in at if f.get("name") not in (None, "_start")]), 0)
        for f in at[:-1]:
            equal("offset in the file", int(f["offset"], 16), int(f["pc"], 16) - start)


@test
def threads():
    ends = {"waits": ["pthread_mutex_lock", "waits"], "sleeps": ["sleep", "sleeps"], "runs": ["runs"]}
    for build in ("tables", "plain", "static"):
        with Built() as b, Target([b.program(build), "threads"]) as t:
            for _ in range(5):
                found = {x["name"]: whole(x) for x in stacks(t.pid).values()}
                for name, functions in ends.items():
                    have = names(found[name])
                    where = have.index(name)
                    equal(f"{build}, {name}: {have}", have[where + 1 - len(functions):where + 1], functions)
                clock = names(found["asks_time"])
                equal(f"{clock} reads the clock", "asks_time" in clock, True)


@test
def too_deep_and_broken():
    with Built() as b:
        for build in ("tables", "pointers"):
            program = b.program(build)
            with Standing([program, "deep", "100000"]) as t:
                thread = stacks(t.pid)[t.pid]
                equal("cut", thread["cut"], "there are more frames than memwhy reads")
                equal("frames", len(thread["frames"]), 65536)
                equal("all of them", set(names(thread)[10:]), {"deeper"})
            with Standing([program, "deep", "30000"]) as t:
                equal("calls", names(whole(stacks(t.pid)[t.pid])).count("deeper"), 30001)
            for mode in ("smashed", "zeroed"):
                with Standing([program, mode]) as t:
                    thread = stacks(t.pid)[t.pid]
                    equal("names", names(thread)[:2], ["pause", "stay"])
                    equal("cut", "is not in code" in thread["cut"] or "frame pointer" in thread["cut"], True)


# --- the same from files ---

def comparable(threads):
    """What cannot differ between a process at rest and a picture of it."""
    return {tid: [{k: f.get(k) for k in ("kind", "name", "pc", "module", "offset", "script", "line", "column", "args")}
                  for f in t["frames"]] for tid, t in threads.items()}


def same(what, got, want):
    equal(f"{what}: threads", sorted(got), sorted(want))
    for tid in want:
        for i, (g, w) in enumerate(zip(got[tid], want[tid])):
            equal(f"{what}: thread {tid}, frame {i}", g, w)
        equal(f"{what}: frames of {tid}", len(got[tid]), len(want[tid]))


def same_from_files(t, folder):
    with Held(t.pid):
        live = comparable(stacks(t.pid, "-v"))
        same("stopped", comparable(stacks(t.pid, "-v", "--freeze=stop")), live)
        capture, packed = folder / "a.core", folder / "a.core.zst"
        memwhy("capture", t.pid, "-o", capture)
        memwhy("capture", t.pid, "-o", packed)
        same("capture", comparable(stacks(capture, "-v")), live)
        same("packed capture", comparable(stacks(packed, "-v")), live)
        same("gdb's core", comparable(stacks(gdb_core(t.pid, folder), "-v")), live)
        core = kernel_core(t, folder)
    if core:  # threads were on their way out of a system call when the signal came, or out of it
        dumped = comparable(stacks(core, "-v"))
        for tid, frames in live.items():
            if frames[0]["module"] != frames[1]["module"] and dumped[tid][0]["name"] == frames[1]["name"]:
                del frames[0]
        for frames in (*dumped.values(), *live.values()):
            frames[0].update(pc=None, offset=None)
        same("the kernel's core", dumped, live)


@test(timeout=200)
def files_of_c():
    with Folder() as folder, Built() as b:
        for build, mode in (("tables", "signal"), ("pointers", "calls"), ("static", "null")):
            with Standing([b.program(build), mode], cwd=folder) as t:
                same_from_files(t, folder)
            for f in folder.iterdir():
                f.unlink()


@test
def file_is_gone():
    """A core whose program is not here any more: frame pointers are followed, and offsets told."""
    with Folder() as folder, Built() as b, Standing([b.program("pointers"), "calls"], cwd=folder) as t:
        with Held(t.pid):
            live = stacks(t.pid)[t.pid]["frames"]
            memwhy("capture", t.pid, "-o", folder / "a.core")
        (b.path / "stack").unlink()
        gone = stacks(folder / "a.core")[t.pid]["frames"]
        own = [f for f in live if f["module"].endswith("/stack")][:-1]
        found = [f for f in gone if f["module"].endswith("/stack")][:len(own)]
        equal("the same frames", [f["pc"] for f in found], [f["pc"] for f in own])
        equal("no names", {f.get("name") for f in found}, {None})


# --- native stacks of Node, beside gdb's ---

GDB = """
import gdb, json
found = {}
for t in gdb.selected_inferior().threads():
    t.switch()
    frame, at = gdb.newest_frame(), []
    while frame is not None and len(at) < 60:
        if frame.type() != gdb.INLINE_FRAME:
            at.append([hex(frame.pc()), frame.name()])
        try:
            frame = frame.older()
        except gdb.error:
            break
    found[t.ptid[1]] = at
print("FOUND" + json.dumps(found))
"""


def of_gdb(pid, folder):
    """By gdb without separate debug information, which has names of its own choice."""
    if not shutil.which("gdb"):
        raise Skip("gdb is not installed")
    script = folder / "stacks.py"
    script.write_text(GDB)
    p = subprocess.run(["gdb", "-nx", "-batch", "-iex", "set debug-file-directory /nonexistent", "-iex",
                        "set auto-load off", "-p", str(pid), "-x", script], capture_output=True, text=True, timeout=100)
    line = next((x for x in p.stdout.splitlines() if x.startswith("FOUND")), None)
    if not line:
        raise Skip(f"gdb has no Python, or cannot attach: {p.stderr[-200:]}")
    return {int(tid): at for tid, at in json.loads(line[5:]).items()}


def function_of(name):
    """Without parameters: gdb leaves them out of some names. Entries of a procedure linkage table have no symbol; gdb
    makes up names for them, memwhy does not."""
    if name and name.endswith("@plt"):
        return None
    return re.sub(r"\(.*", "", name.replace("(anonymous namespace)", "{anonymous}")) if name else name


def as_gdb_says(node, way, at_least):
    with Built() as b, Target("stacks.js", node=node, args=[way, "main"]) as t, Held(t.pid):
        own, compared = stacks(t.pid), set()
        for tid, theirs in of_gdb(t.pid, b.path).items():
            frames = whole(own[tid])["frames"]
            if any(f["kind"] != "native" for f in frames):
                continue  # gdb loses its way in generated code
            equal(f"{way}: thread {tid} ({own[tid].get('name')})", [f["pc"] for f in frames], [pc for pc, _ in theirs])
            for f, (pc, name) in zip(frames, theirs):
                if name:  # gdb has "?? ()" where only a separate file has the name
                    equal(f"{way}: {pc}", function_of(f.get("name")), function_of(name))
            compared.add(tid)
        equal(f"{way}: threads compared, of {len(own)}", len(compared) >= at_least, True)


@test(nodes=NODES, timeout=300)
def threads_of_node(node):
    as_gdb_says(node, "idle", 6)
    as_gdb_says(node, "pool", 6)


# --- JavaScript ---

LINE = re.compile(r"    at (?:(.*?) \((.*)\)|(?:async )?(.*))$")
PLACE = re.compile(r"(.*):(\d+):(\d+)$")


def printed(stack):
    """[(name, script, line, column)] of Error().stack; of V8's own code only the name."""
    out = []
    for text in stack.split("\n")[1:]:
        name, inner, bare = LINE.match(text).groups()
        place = PLACE.match(inner or bare)
        script, line, column = place.groups() if place else (None, 0, 0)
        out.append((name or "", script, int(line), int(column)))
    return out


def shown(thread):
    """The same of memwhy's frames."""
    out = []
    for f in thread["frames"]:
        name = ("async " if f.get("async") else "") + f.get("name", "?")
        if f["kind"] in ("js", "builtin"):
            out.append((name, f.get("script"), f.get("line", 0), f.get("column", 0)))
    return out


def js_thread(t):
    found = [x for x in stacks(t.pid).values() if any(f["kind"] == "js" for f in x["frames"])]
    equal("threads with JavaScript on them", len(found), 1)
    return whole(found[0])


def as_v8_says(node, way, where="main"):
    with Built() as b, Standing("stacks.js", node=node, args=[way, where, b.addon()]) as t:
        want, got = printed(t.truth["stack"]), shown(js_thread(t))
    told = iter(got)  # V8's own code that Error().stack names stands among code that it does not
    for name in (x[0] for x in want if x[0]):
        equal(f"{way}: {name} in its place among {[x[0] for x in got]}", name in (x[0] for x in told), True)
    got, want = [x for x in got if x[2]], [x for x in want if x[2]]
    # Where it stands is a call behind the one that made the Error, on the same line.
    equal(f"{way}: where it stands", got[0][:3], want[0][:3])
    for i, (g, w) in enumerate(zip(got[1:], want[1:]), 1):
        equal(f"{way}: frame {i}", g, w)
    equal(f"{way}: frames", len(got), len(want))


WAYS = ["calls", "builtins", "async_", "timer", "evaluated", "addon", "optimised", "deep"]


@test(nodes=NODES, timeout=300)
def javascript(node):
    for way in WAYS:
        as_v8_says(node, way)


@test(nodes=NODES, timeout=300)
def javascript_in_a_worker(node):
    for way in ("calls", "async_", "addon"):
        as_v8_says(node, way, "worker")


def order(thread):
    """The kinds, each as often as they change."""
    kinds = [f["kind"] for f in thread["frames"]]
    return [k for i, k in enumerate(kinds) if i == 0 or kinds[i - 1] != k]


@test(nodes=NODES, timeout=200)
def through_an_addon(node):
    """JavaScript into C into JavaScript into C: one stack, no frame of C lost."""
    with Built() as b, Standing("stacks.js", node=node, args=["addon", "main", b.addon()]) as t:
        thread = whole(stacks(t.pid)[t.pid])
        found = [n for n in names(thread) if n and n.startswith("addon_")]
        equal("functions of the addon", found, ["addon_inner", "addon_outer"] * 2)
        equal("entries", len([f for f in thread["frames"] if f["kind"] == "entry"]), 3)
        equal("its first frame", names(thread)[-1], "_start")
        unnamed = [f for f in thread["frames"] if f["kind"] == "native" and not f.get("name")
                   and "/libc" not in f.get("module", "")]
        equal("native frames without a name", unnamed, [])
    with Built() as b, Standing("stacks.js", node=node, args=["addonStays", "main", b.addon()]) as t:
        equal("innermost", names(stacks(t.pid)[t.pid])[:2], ["pause", "addon_stay"])


@test(nodes=NODES, timeout=200)
def busy_worker(node):
    """Wherever it is interrupted, the stack is whole."""
    with Target("stacks.js", node=node, args=["busy", "worker"]) as t:
        time.sleep(0.5)
        for _ in range(10):
            found = [whole(x) for x in stacks(t.pid).values()]
            busy = [x for x in found if any(f.get("name", "").endswith(("busy", "spin")) for f in x["frames"])]
            equal("threads that spin", len(busy), 1)
            equal("its outermost frames", names(busy[0])[-1], "clone3" if "clone3" in names(busy[0]) else "clone")


@test(nodes=NODES, timeout=300)
def files_of_node(node):
    with Folder() as folder, Built() as b:
        with Standing("stacks.js", node=node, args=["addon", "main", b.addon()], cwd=folder) as t:
            same_from_files(t, folder)


# --- the command ---

@test(nodes=[24])
def options(node):
    with Target("stacks.js", node=node, args=["calls", "main"]) as t:
        one = ask("bt", t.pid, "-t", t.pid)["threads"]
        equal("one thread", [x["tid"] for x in one], [t.pid])
        equal("by its name", len(ask("bt", t.pid, "-t", one[0]["name"])["threads"]) >= 1, True)
        few = ask("bt", t.pid, "-t", t.pid, "-n", 3)["threads"][0]
        equal("three frames", (len(few["frames"]), few["more_frames"]), (3, True))
        js = ask("bt", t.pid, "--js")["threads"]
        equal("kinds", {f["kind"] for x in js for f in x["frames"]}, {"js"})
        native = ask("bt", t.pid, "--native")["threads"]
        equal("kinds", {f["kind"] for x in native for f in x["frames"]}, {"native"})
        refuses("bt", t.pid, "-t", "nosuch", code=2, says="nosuch")
        text = memwhy("bt", t.pid).out
        for part in ("#0 ", "native ", "_start", "stacks.js:", "Paused "):
            equal(f"the text has {part}", part in text, True)
        equal("a pause is told", ask("bt", t.pid)["cost"]["pause_ns"] > 0, True)
