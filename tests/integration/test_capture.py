"""A capture tells what the stopped process told, to the byte, and is there whole or not at all."""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import MEMWHY, Node, Skip, Target, ask, at_most, equal, memwhy, refuses, test
from test_account import Held, kernel_rss

COMMANDS = ("explain", "heap", "malloc", "map")
LARGE = "globalThis.b = []; for (let i = 0; i < 60; i++) b.push(require('crypto').randomBytes(10 << 20));" \
        "console.log('READY {}'); setInterval(() => {}, 1000)"


class Folder:
    """A folder for captures, gone afterwards."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="memwhy-capture-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        if shutil.disk_usage(self.path).free < 4 << 30:
            self.path.rmdir()
            raise Skip("less than 4 GiB free for captures")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def target(node, kind):
    return Target("account.js", node=node, args=[kind], node_args=["--expose-gc"])


def large():
    return Target([Node(24).need().path, "-e", LARGE])


# Other processes, and the file being written, change these between two looks.
MOVING = ("cgroup_cache_bytes", "cgroup_current", "cgroup_current_bytes", "other_process_rss", "other_process")


def without_pss(doc):
    """What is shared with others is theirs to change."""
    for part in doc.values() if isinstance(doc, dict) else doc if isinstance(doc, list) else ():
        without_pss(part)
    if isinstance(doc, dict) and "pss_bytes" in doc:
        doc["pss_bytes"] = "told"


def answer(command, what):
    """What the command says, but for the look itself: its kind, its cost, and what it says of files. Nor
    what is found, so explain need not look for it."""
    doc = ask(command, what, *(["--quick"] if command == "explain" else []), codes=(0, 1, 4))
    doc.pop("cost")
    doc.pop("coverage")
    doc["target"].pop("kind")
    for fact in MOVING:
        doc.get("facts", {}).pop(fact, None)
    without_pss(doc)
    for judged in ("cause", "verdict", "findings", "undecided"):  # of the facts, and of the processes beside
        doc.pop(judged, None)
    # What two isolates share is counted in the one that comes to it first, and they are walked at once.
    for isolate in doc.get("isolates", []):
        for key in [k for k in isolate if k.startswith(("array_buffer", "external_string"))]:
            doc[f"all {key}"] = doc.get(f"all {key}", 0) + isolate.pop(key)
    return doc


def same(path, got, want):
    """Equal, or an error that names the first place that is not."""
    if type(got) is dict and type(want) is dict:
        equal(f"{path}: fields", sorted(got), sorted(want))
        for k in want:
            same(f"{path}.{k}", got[k], want[k])
    elif type(got) is list and type(want) is list:
        equal(f"{path}: length", len(got), len(want))
        for i, w in enumerate(want):
            same(f"{path}[{i}]", got[i], w)
    else:
        equal(path, got, want)


def settled(pid, folder):
    """Answers and a capture of one state: reading a header brings file pages in, so the first may differ."""
    for i in range(4):
        core = folder / f"{i}.core"
        before = kernel_rss(pid)
        live = {c: answer(c, pid) for c in COMMANDS}
        doc = ask("capture", pid, "-o", core)
        if kernel_rss(pid) == before:
            return live, core, doc
        core.unlink()
    raise AssertionError("RSS keeps changing while memwhy looks")


def opens_in_gdb(core, node, threads):
    """With its threads, their registers and frames."""
    if not shutil.which("gdb"):
        print("gdb is not installed")
        return
    p = subprocess.run(["gdb", "-nx", "-batch", "-ex", "info threads", node.path, core], capture_output=True,
                       text=True, timeout=100)
    listed = [line for line in p.stdout.splitlines() if "LWP" in line and line[:4].strip(" *").isdigit()]
    equal(f"threads in gdb\n{p.stdout}{p.stderr}", len(listed), threads)
    p = subprocess.run(["gdb", "-nx", "-batch", "-ex", "p/x $mxcsr", "-ex", "p $rip", "-ex", "bt 3", node.path, core],
                       capture_output=True, text=True, timeout=100)
    equal(f"the floating point registers\n{p.stdout}{p.stderr}", "$1 = 0x1f" in p.stdout, True)  # all exceptions masked
    equal(f"native frames\n{p.stdout}", "#1  " in p.stdout, True)
    for sign in ("not a core dump", "Unexpected size", "truncated"):
        if sign in p.stderr:
            raise AssertionError(f"gdb complains: {p.stderr}")


def tells_the_same(node, kind):
    with Folder() as folder, target(node, kind) as t:
        with Held(t.pid):
            live, core, doc = settled(t.pid, folder)
            packed = folder / "packed.core.zst"
            packed_doc = ask("capture", t.pid, "-o", packed)
            rss = kernel_rss(t.pid)
        equal("packed", packed_doc["capture"]["zstd"], True)
        for file, said in ((core, doc), (packed, packed_doc)):
            equal("mode", stat.S_IMODE(file.stat().st_mode), 0o600)
            equal("bytes on disk as told", said["capture"]["file_bytes"], file.stat().st_blocks * 512)
            at_most("bytes on disk", said["capture"]["file_bytes"], 1.05 * rss)
            equal("a pause is told", said["cost"]["pause_ns"] > 0, True)
            equal("nothing was unreadable", said["capture"]["unreadable_bytes"], 0)
            for command in COMMANDS:
                same(f"{kind}, {file.name}: {command}", answer(command, file), live[command])
        opens_in_gdb(core, node, doc["target"]["threads"])
        print(f"{kind}: RSS {rss}, plain {doc['capture']['file_bytes']} in {doc['cost']['pause_ns'] / 1e6:.1f} ms, "
              f"packed {packed_doc['capture']['file_bytes']} in {packed_doc['cost']['pause_ns'] / 1e6:.1f} ms")
        equal("files left", sorted(f.name for f in folder.iterdir()), sorted([core.name, packed.name]))
        t.say("still there?")
        t.hear()


@test(nodes=[20, 24, 26], timeout=200)
def pool(node):
    tells_the_same(node, "pool")


@test(nodes=[20, 24], timeout=200)
def workers(node):
    tells_the_same(node, "workers")


@test(nodes=[24], timeout=200)
def shared_and_wasm(node):
    tells_the_same(node, "shared")
    tells_the_same(node, "wasm")


@test(nodes=[16, 20, 24, 26], timeout=200)
def of_a_forked_copy(node):
    """Written while the process runs on, the same file: what it tells is what the stopped process told."""
    with Folder() as folder, target(node, "pool") as t:
        with Held(t.pid):
            settled(t.pid, folder)
            live = {c: answer(c, t.pid) for c in COMMANDS}
            core = folder / "forked.core"
            doc = ask("capture", t.pid, "-o", core, "--freeze=fork")
        equal("frozen", doc["target"]["kind"], "frozen")
        equal("the process was charged something", doc["cost"]["target_extra_bytes"] > 0, True)
        equal("nothing was unreadable", doc["capture"]["unreadable_bytes"], 0)
        for command in COMMANDS:
            same(command, answer(command, core), live[command])
        opens_in_gdb(core, node, doc["target"]["threads"])


@test(nodes=[20, 24], timeout=200)
def while_it_collects(node):
    """A stop that falls into a collection is taken again, so that the file can be walked to its end; one
    that fell into another each time says so."""
    busy = "let a = []; console.log('READY {}');" \
           "setInterval(() => { for (let i = 0; i < 3e5; i++) a[i % 9e4] = { x: i, y: [i] }; }, 0)"
    stops = missed = 0
    with Folder() as folder, Target([node.need().path, "-e", busy]) as t:
        for i in range(12):
            core = folder / f"{i}.core"
            a = memwhy("capture", t.pid, "-o", core, "--freeze=stop" if i % 2 else "--freeze=fork", "--json")
            doc = json.loads(a.out)
            stops += doc["cost"]["stops"]
            missed += a.code == 4
            equal("it says so", any("a collection was under way" in n for n in doc["coverage"]["notes"]), a.code == 4)
            heap = json.loads(memwhy("heap", core, "--json").out)
            equal("in a collection", heap["coverage"]["in_collection"], a.code == 4)
            core.unlink()
    at_most("captures of a collection", missed, 3)
    print(f"12 captures took {stops} stops, {missed} fell into a collection each time")


PAST_THE_END = """
import mmap, sys, tempfile, time
f = tempfile.TemporaryFile()
f.write(b"x" * 4096)
f.flush()
m = mmap.mmap(f.fileno(), 4096, flags=mmap.MAP_PRIVATE)
libc = __import__("ctypes").CDLL(None, use_errno=True)
libc.mmap.restype = __import__("ctypes").c_void_p
at = libc.mmap(None, 5 * 4096, 3, 2, f.fileno(), 0)
print('READY {"at": %d}' % at, flush=True)
time.sleep(1000)
"""


def words_in_gdb(core, *addresses):
    out = subprocess.run(["gdb", "-nx", "-batch", *[a for x in addresses for a in ("-ex", f"x/1xg {x}")], "-c", core],
                         capture_output=True, text=True, timeout=100)
    return out.stdout + out.stderr


@test
def pages_that_cannot_be_read():
    """Behind the end of its file a mapping has no pages: they are marked, not zeros, and nothing is lost by it."""
    with Folder() as folder, Target([sys.executable, "-c", PAST_THE_END]) as t:
        core = folder / "a.core"
        doc = ask("capture", t.pid, "-o", core)
        equal("nothing was lost", doc["capture"]["unreadable_bytes"], 0)
        notes = ask("explain", core, codes=(0, 1, 4))["coverage"]["notes"]
        equal(f"the file says so: {notes}", any("16.0 KiB could not be read" in n for n in notes), True)
        if shutil.which("gdb"):
            said = words_in_gdb(core, t.truth["at"])
            equal(f"the page with content: {said}", "0x7878787878787878" in said, True)


SECRET_MEMORY = """
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = libc.syscall(447, 0)  # memfd_secret: not even the kernel reads it
if fd >= 0:
    os.ftruncate(fd, 8192)
    ctypes.memset(libc.mmap(None, 8192, 3, 1, fd, 0), 65, 8192)
print('READY {"there": %s}' % str(fd >= 0).lower(), flush=True)
time.sleep(1000)
"""


@test
def pages_that_were_lost():
    """In memory, but not to be had: told as a partial result, and missing in the file."""
    with Folder() as folder, Target([sys.executable, "-c", SECRET_MEMORY]) as t:
        if not t.truth["there"]:
            raise Skip("the kernel has no memfd_secret")
        for name in ("a.core", "a.core.zst"):
            doc = ask("capture", t.pid, "-o", folder / name, codes=(4,))
            equal("bytes lost", doc["capture"]["unreadable_bytes"], 8192)
            equal("told", any("8.0 KiB could not be read" in n for n in doc["coverage"]["notes"]), True)
            notes = ask("map", folder / name, codes=(0, 4))["coverage"]["notes"]
            equal(f"told by the file: {notes}", any("8.0 KiB could not be read" in n for n in notes), True)


@test(nodes=[24])
def unpacked_by_zstd(node):
    """The packed form is the plain one, byte for byte, to any zstd."""
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    with Folder() as folder, target(node, "objects") as t, Held(t.pid):
        ask("capture", t.pid, "-o", folder / "warm")
        doc = ask("capture", t.pid, "--zstd", "-o", folder / "a")
        out = subprocess.run(["zstd", "-dcf", folder / "a"], capture_output=True, check=True).stdout
        equal("length", len(out), doc["capture"]["core_bytes"])
        table = (folder / "a").read_bytes()[-4:]
        equal("ends in a seek table", table, (0x8F92EAB1).to_bytes(4, "little"))


@test(nodes=[24])
def facts_around(node):
    """What is read beside the memory is in the file: the processes beside, the cgroup."""
    with Folder() as folder, target(node, "idle") as t, target(node, "buffers"):
        with Held(t.pid):
            core = folder / "a.core"
            ask("capture", t.pid, "-o", core)
            live = ask("explain", t.pid)["facts"]
        facts = ask("explain", core)["facts"]
        for name in ("other_process_rss", "cgroup_cache_bytes", "cgroup_max"):
            equal(f"{name} is told", name in facts, name in live)
        equal("fields", sorted(facts), sorted(live))


@test
def refusals():
    with Folder() as folder, target(Node(24), "idle") as t:
        core = folder / "a.core"
        memwhy("capture", t.pid, "-o", core)
        before = core.read_bytes()[:1 << 16]
        refuses("capture", t.pid, "-o", core, says="is there already")
        equal("the file there", core.read_bytes()[:1 << 16], before)
        refuses("capture", t.pid, code=2, json_code="usage")
        refuses("capture", core, "-o", folder / "b", code=2, says="file already")
        refuses("capture", t.pid, "-o", folder / "none" / "b", says="cannot be created")
        (folder / ".c.partial").write_bytes(b"")
        refuses("capture", t.pid, "-o", folder / "c", says="being written, or was given up")
        equal("files left", sorted(f.name for f in folder.iterdir()), [".c.partial", "a.core"])
        equal("the target runs", t.alive(), True)


@test
def full_disk():
    """Refused before a byte is written; and when it fills on the way, nothing is left."""
    if os.geteuid():
        raise Skip("mounting a small disk needs root")
    with Folder() as folder, target(Node(24), "buffers") as t:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", folder], capture_output=True).returncode:
            raise Skip("a tmpfs cannot be mounted here")
        try:
            refuses("capture", t.pid, "-o", folder / "a.core", says="free")
            equal("files left", list(folder.iterdir()), [])
        finally:
            subprocess.run(["umount", folder], check=True)
        core = folder / "limited.core"  # a limit of the file's size fills as a disk does
        p = subprocess.run(["bash", "-c", f"ulimit -f 8192; exec {MEMWHY} capture {t.pid} -o {core}"],
                           capture_output=True, text=True)
        equal(f"exit code ({p.stderr})", p.returncode, 3)
        equal("files left", list(folder.iterdir()), [])
        equal("the target runs", t.alive(), True)


def interrupted(t, folder, number, seconds):
    core = folder / "a.core.zst"
    p = subprocess.Popen([MEMWHY, "capture", str(t.pid), "-o", core], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 10
    while not (folder / ".a.core.zst.partial").exists() and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(seconds)
    p.send_signal(number)
    _, err = p.communicate(timeout=60)
    equal(f"signal {number}: the final name", core.exists(), False)
    return p.returncode, err.decode()


@test(timeout=200)
def killed_midway():
    with Folder() as folder, large() as t:
        for number in (signal.SIGINT, signal.SIGTERM):
            code, err = interrupted(t, folder, number, 0.15)
            equal(f"exit code ({err})", code, 3)
            equal(f"says so: {err}", "interrupted" in err, True)
            equal("files left", list(folder.iterdir()), [])
        for seconds in (0, 0.05, 0.2):
            equal("killed", interrupted(t, folder, signal.SIGKILL, seconds)[0], -signal.SIGKILL)
            equal("files left", [f.name for f in folder.iterdir()], [".a.core.zst.partial"])
            (folder / ".a.core.zst.partial").unlink()
            time.sleep(0.1)
            equal("the target runs", t.alive(), True)


@test(timeout=200)
def speed():
    """Told, not judged: the disk decides."""
    with Folder() as folder, large() as t:
        for name in ("a.core", "a.core.zst"):
            doc = ask("capture", t.pid, "-o", folder / name)
            c = doc["capture"]
            print(f"{name}: {c['memory_bytes'] >> 20} MiB, {c['file_bytes'] >> 20} MiB on disk, "
                  f"pause {doc['cost']['pause_ns'] / 1e6:.0f} ms, all {doc['cost']['took_ns'] / 1e6:.0f} ms")
            at_most("bytes on disk", c["file_bytes"], 1.05 * kernel_rss(t.pid))
