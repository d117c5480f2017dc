"""The account adds up: the owners' sum is the kernel's RSS to the byte, whatever the memory is."""
import os
import signal
import time
from pathlib import Path

from harness import Node, Skip, Target, ask, at_most, equal, near, test

KINDS = ["idle", "objects", "buffers", "shared", "strings", "wasm", "pool", "workers", "files"]
UNKNOWN_PART = 0.01


def kernel_rss(pid):
    """By the page tables, not by a counter."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("smaps_rollup has no Rss")


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]


def becomes(pid, wanted):
    """A task that a tracer lets go while job control stops it runs for a moment, in the kernel."""
    until = time.monotonic() + 5
    while state(pid) != wanted:
        if time.monotonic() > until:
            raise AssertionError(f"process {pid} is in state {state(pid)}, not {wanted}")
        time.sleep(0.005)


class Held:
    """The process, by job control, at rest while we compare."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            becomes(f"{self.pid}/task/{tid}", "T")
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # the test ended it


def owned(doc, prefix):
    return sum(o["resident_bytes"] for o in doc["account"]["owners"]
               if o["path"] == prefix or o["path"].startswith(prefix + "/"))


def look(pid, codes):
    """The document of a process held still, and its RSS. Reading the header of a library whose first
    page is not in memory maps it and its neighbours in the page cache, so then look once more."""
    for _ in range(3):
        before = kernel_rss(pid)
        doc = ask("explain", pid, codes=codes)
        for tid in os.listdir(f"/proc/{pid}/task"):
            becomes(f"{pid}/task/{tid}", "T")
        after = kernel_rss(pid)
        if after == before:
            return doc, before
        print(f"RSS went from {before} to {after}")
        at_most("file pages that reading brought in", abs(after - before), 1 << 20)
    raise AssertionError(f"RSS keeps changing while memwhy looks: {before}, {after}")


def adds_up(what, pid, codes=(0, 1)):
    """The account of a process held still; gives the document."""
    with Held(pid):
        doc, before = look(pid, codes)
    account = doc["account"]
    total = sum(o["resident_bytes"] for o in account["owners"])
    equal(f"{what}: RSS", account["rss_bytes"], before)
    equal(f"{what}: sum of owners", total, before)
    equal(f"{what}: attributed", account["attributed_bytes"], total)
    at_most(f"{what}: unknown ({account.get('unknown')})", owned(doc, "unknown"), UNKNOWN_PART * before)
    print(f"{what}: RSS {before}, off {total - before}, unknown {owned(doc, 'unknown')} "
          f"({100 * owned(doc, 'unknown') / before:.3f} %)")
    return doc


def answers(target):
    """Its event loop goes on."""
    target.say("still there?")
    target.hear()


@test(nodes=[12, 16, 20, 22, 24, 26], timeout=200)
def kinds_of_memory(node):
    codes = (0, 1, 4) if node.version == 12 else (0, 1)
    for kind in KINDS:
        with Target("account.js", node=node, args=[kind], node_args=["--expose-gc"]) as t:
            doc = adds_up(f"{kind} on {node.version}", t.pid, codes)
            truth = t.truth.get("arrayBuffers")
            if truth is not None and kind not in ("wasm", "workers"):
                got = doc["facts"]["array_buffer_bytes"]
                near(f"{kind}: ArrayBuffer bytes", got, truth, 0.001)
            answers(t)


@test(nodes="all")
def array_buffers(node):
    """As process.memoryUsage() counts them, where they matter."""
    for kind in ("buffers", "shared"):
        with Target("account.js", node=node, args=[kind], node_args=["--expose-gc"]) as t:
            near(f"{kind} on {node.version}", ask("explain", t.pid)["facts"]["array_buffer_bytes"],
                 t.truth["arrayBuffers"], 0.001)


@test(nodes=[16, 20, 24])
def while_it_allocates(node):
    """No job control here: memwhy's own stop is the only one."""
    with Target("storm.js", node=node) as t:
        for i in range(12):
            account = ask("explain", "--quick", t.pid)["account"]
            total = sum(o["resident_bytes"] for o in account["owners"])
            equal(f"look {i}: sum of owners", total, account["rss_bytes"])
            unknown = sum(o["resident_bytes"] for o in account["owners"] if o["path"] == "unknown")
            at_most(f"look {i}: unknown", unknown, UNKNOWN_PART * total)


def library(name):
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        for path in sorted(Path(folder).glob(name + ".so.*")):
            return path
    raise Skip(f"{name} is not installed")


def preloaded(name):
    path = library(name)
    for version in (16, 24):
        for kind in ("buffers", "pool"):
            with Target("account.js", node=Node(version), args=[kind], node_args=["--expose-gc"],
                        env={"LD_PRELOAD": path}) as t:
                adds_up(f"{kind} on {version} with {name}", t.pid)


@test
def with_jemalloc():
    preloaded("libjemalloc")


@test
def with_tcmalloc():
    preloaded("libtcmalloc_minimal")


@test
def with_mimalloc():
    preloaded("libmimalloc")


# Mappings of every kind: files, tmpfs, memfd, shared and private, a hole, locked, threads.
MAPPINGS = """
import ctypes, mmap, os, tempfile, threading
MB = 1 << 20
keep = []
def mapped(fd, size, flags):
    os.ftruncate(fd, size)
    m = mmap.mmap(fd, size, flags=flags)
    for i in range(0, size, 8192): m[i] = 1
    keep.append(m)
for folder in (tempfile.gettempdir(), '/dev/shm'):
    if os.path.isdir(folder):
        with tempfile.TemporaryFile(dir=folder) as f:
            mapped(f.fileno(), 8 * MB, mmap.MAP_SHARED)
            mapped(f.fileno(), 8 * MB, mmap.MAP_PRIVATE)
mapped(os.memfd_create('some memory'), 4 * MB, mmap.MAP_SHARED)
m = mmap.mmap(-1, 6 * MB); m.write(b'x' * (3 * MB)); keep.append(m)
m = mmap.mmap(-1, 6 * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); m.write(b'x' * (2 * MB)); keep.append(m)
keep.append([bytes(i) for i in range(20000)])
threads = [threading.Thread(target=threading.Event().wait, daemon=True) for _ in range(5)]
for t in threads: t.start()
print('READY {}', flush=True)
threading.Event().wait()
"""


@test
def mappings_of_every_kind():
    with Target(["python3", "-c", MAPPINGS]) as t:
        # What it mapped without a name is its own business: the account cannot know it.
        with Held(t.pid):
            before = kernel_rss(t.pid)
            doc = ask("explain", t.pid)
        equal("engine", doc["target"]["engine"], "none")
        equal("sum of owners", sum(o["resident_bytes"] for o in doc["account"]["owners"]), before)
        at_most("unknown", owned(doc, "unknown"), 3 << 20)
        if owned(doc, "shared-memory") < 7 << 20:
            raise AssertionError(f"shared memory: {owned(doc, 'shared-memory')}")


@test
def not_node():
    for command in (["sleep", "1000"], ["bash", "-c", "x=$(head -c 3000000 /dev/zero | tr '\\0' a); read -r"],
                    ["python3", "-c", "x = [str(i) for i in range(100000)]; input()"]):
        # Python's own arenas are mappings like any other; this is about malloc.
        with Target(command, ready=False, env={"PYTHONMALLOC": "malloc"}) as t:
            time.sleep(0.7)
            doc = adds_up(command[0], t.pid)
            equal(f"{command[0]}: engine", doc["target"]["engine"], "none")
            if owned(doc, "malloc") == 0:
                raise AssertionError(f"{command[0]}: no malloc in the account")
