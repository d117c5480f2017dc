"""A core tells what the stopped process told, but for what it lacks, and says what that is."""
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

from harness import Skip, Target, ask, equal, memwhy, test
from test_account import Held, owned

FILE_OWNERS = ("code/", "libraries/", "file/", "kernel/", "device/", "shared-memory/")
PAGE = 4096
LARGEST = 8 << 30  # of a core: gdb writes reservations as zeros


class Folder:
    """A folder for cores, gone afterwards, with room for them."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="memwhy-core-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        if shutil.disk_usage(self.path).free < 2 * LARGEST:
            self.path.rmdir()
            raise Skip("less than 16 GiB free for cores")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def target(node, kind, folder):
    return Target("account.js", node=node, args=[kind], node_args=["--expose-gc"], cwd=folder)


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST))


def gdb_core(pid, folder):
    if not shutil.which("gcore"):
        raise Skip("gcore (gdb) is not installed")
    p = subprocess.run(["gcore", "-o", folder / "gdb", str(pid)], capture_output=True, text=True,
                       preexec_fn=limit_file_size)
    core = folder / f"gdb.{pid}"
    if p.returncode or not core.exists():
        raise Skip(f"gcore wrote no core: {p.stderr.strip()[-200:]}")
    return core


def kernel_core(t, folder):
    """Ends the target, which is stopped; None where the kernel's cores go elsewhere."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        print(f"no kernel core: core_pattern is {pattern}")
        return None
    resource.prlimit(t.pid, resource.RLIMIT_CORE, (LARGEST, LARGEST))
    os.kill(t.pid, signal.SIGABRT)
    os.kill(t.pid, signal.SIGCONT)
    t.process.wait()
    return next(folder.glob("core*"), None)


def zero_anonymous_bytes(pid):
    """Resident anonymous pages that hold only zeros: a core cannot tell them from absent ones."""
    zeros, total, data_end = bytes(PAGE), 0, 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/pagemap", "rb", 0) as table, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            ends, permissions, _, _, inode, *name = line.split()
            start, end = (int(x, 16) for x in ends.split("-"))
            if inode != "0" or start == data_end:  # the latter: a module's .bss, which is its own
                data_end = end if "w" in permissions else 0
                continue
            if name and name[0] in ("[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]"):
                continue
            for at in range(start, end, PAGE << 14):
                pages = min(end - at, PAGE << 14) // PAGE
                table.seek(at // PAGE * 8)
                entries = struct.unpack(f"<{pages}Q", table.read(pages * 8))
                for i, entry in enumerate(entries):
                    # Present, and mapped by this process alone: not the shared page of zeros.
                    if entry >> 63 and entry >> 56 & 1:
                        memory.seek(at + i * PAGE)
                        total += PAGE if memory.read(PAGE) == zeros else 0
    return total


def anonymous(doc):
    """Resident bytes of all owners but those of files and the kernel, by owner."""
    return {o["path"]: o["resident_bytes"] for o in doc["account"]["owners"]
            if not o["path"].startswith(FILE_OWNERS)}


def figures(target):
    """What must be the same to the byte: nothing that only the page map knows."""
    heap, malloc, explain = (ask(c, target, codes=(0, 1, 4)) for c in ("heap", "malloc", "explain"))
    spaces = {(i["name"], s["name"]): {k: s[k] for k in ("committed", "used", "objects", "free") if k in s}
              for i in heap["isolates"] for s in i["spaces"]}
    totals = {k: v for k, v in malloc["totals"].items() if "resident" not in k and k != "trimmable"}
    facts = {k: explain["facts"].get(k)
             for k in ("heap_used", "heap_total", "isolates", "threads", "arenas", "array_buffer_bytes",
                       "external_string_bytes", "malloc_in_use", "malloc_free")}
    same = {"spaces": spaces, "malloc": totals, "facts": facts, "engine": explain["target"]["engine"],
            "node": explain["target"]["node_version"], "exe": explain["target"]["exe"]}
    return same, explain


def stacks(owners):
    return sum(v for p, v in owners.items() if p.startswith("stacks/"))


def compare(what, core, live, live_doc, zero_bytes):
    got, doc = figures(core)
    for part in live:
        equal(f"{what}: {part}", got[part], live[part])
    a, b = anonymous(live_doc), anonymous(doc)
    equal(f"{what}: anonymous bytes but for pages of zeros", sum(b.values()), sum(a.values()) - zero_bytes)
    for path in set(a) | set(b):
        # A core does not know the names of threads, so their stacks have other names.
        if not path.startswith("stacks/") and b.get(path, 0) > a.get(path, 0):
            raise AssertionError(f"{what}: {path} has {b.get(path, 0)} in the core, {a.get(path, 0)} in the process")
    if stacks(b) > stacks(a):
        raise AssertionError(f"{what}: stacks have {stacks(b)}, in the process {stacks(a)}")
    equal(f"{what}: stacks/main is there", "stacks/main" in b, True)
    equal(f"{what}: unknown", owned(doc, "unknown"), owned(live_doc, "unknown"))
    notes = doc["coverage"]["notes"]
    if not any("which pages were in memory" in n for n in notes):
        raise AssertionError(f"{what}: the notes do not say what a core lacks: {notes}")


def same_account(node, kind):
    with Folder() as folder, target(node, kind, folder) as t:
        with Held(t.pid):
            live, doc = figures(t.pid)
            zero_bytes = zero_anonymous_bytes(t.pid)
            core = gdb_core(t.pid, folder)
        compare(f"{kind}: gdb's core", core, live, doc, zero_bytes)
        core.unlink()
        with Held(t.pid):
            live, doc = figures(t.pid)
            zero_bytes = zero_anonymous_bytes(t.pid)
            core = kernel_core(t, folder)
        if not core:
            return
        compare(f"{kind}: the kernel's core", core, live, doc, zero_bytes)
        if shutil.which("zstd"):
            packed = folder / "packed.zst"
            subprocess.run(["zstd", "-q", "-1", core, "-o", packed], check=True)
            core.unlink()
            compare(f"{kind}: the packed core", packed, live, doc, zero_bytes)


@test
def page_before_the_heap():
    """A mapping between the binary and the brk heap is not taken for it."""
    with Folder() as folder, Target("between") as t:
        core = gdb_core(t.pid, folder)
        equal("in use", ask("malloc", core, codes=(0, 4))["totals"]["in_use"], ask("malloc", t.pid)["totals"]["in_use"])


@test(nodes="all", timeout=240)
def same_account_of_a_pool(node):
    same_account(node, "pool")


@test(nodes=[16, 20, 24], timeout=240)
def same_account_of_workers(node):
    same_account(node, "workers")


@test(nodes=[20, 24], timeout=240)
def cut_at_twenty_places(node):
    random.seed(node.version)
    with Folder() as folder, target(node, "buffers", folder) as t:
        with Held(t.pid):
            core = gdb_core(t.pid, folder)
        size = core.stat().st_size
        for length in sorted((random.randrange(size) for _ in range(20)), reverse=True):
            os.truncate(core, length)
            what = f"cut to {length} of {size}"
            doc = ask("explain", core, codes=(0, 1, 3, 4))
            if "error" in doc:
                if not doc["error"]["message"]:
                    raise AssertionError(f"{what}: no explanation: {doc}")
            elif not any("truncated" in n for n in doc["coverage"]["notes"]):
                raise AssertionError(f"{what}: the notes do not say that it is: {doc['coverage']}")
        os.truncate(core, 100)  # the header, nothing else
        a = memwhy("explain", core)
        equal("a core of 100 bytes: exit code", a.code, 3)
        equal("a core of 100 bytes: lines on stderr", len(a.err.splitlines()), 1)
