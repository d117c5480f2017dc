"""Cores read as the process they are of: by gdb, by the kernel, packed, and cut anywhere."""
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Skip, Target, ask, equal, memwhy, need_command, test

EXIT_CODES = (0, 1, 3, 4)


class Folder:
    """A folder for cores, gone afterwards."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="memwhy-core-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def held(node, folder):
    """A node at rest, every thread of it stopped, whose working folder takes the kernel's core."""
    t = Target([str(node.need().path), "-e", "globalThis.keep = Array.from({length: 1e5}, (_, i) => ({i}));"
                "console.log('READY {}'); setInterval(() => {}, 1e6)"], cwd=folder)
    time.sleep(0.5)  # helper threads finish what they began
    os.kill(t.pid, signal.SIGSTOP)
    resource.prlimit(t.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return t


def gdb_core(t, folder):
    if not shutil.which("gcore"):
        raise Skip("gcore (gdb) is not installed")
    p = subprocess.run(["gcore", "-o", folder / "gdb", str(t.pid)], capture_output=True, text=True)
    core = folder / f"gdb.{t.pid}"
    if not core.exists():
        raise Skip(f"gcore wrote no core: {p.stderr.strip()[-200:]}")
    return core


def kernel_core(t, folder):
    """Ends the target."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        raise Skip(f"the kernel's cores go elsewhere (core_pattern {pattern})")
    os.kill(t.pid, signal.SIGABRT)
    os.kill(t.pid, signal.SIGCONT)
    t.process.wait()
    cores = list(folder.glob("core*"))
    if not cores:
        raise Skip("the kernel wrote no core")
    return cores[0]


def numbers(target):
    """What malloc says but for what only the kernel knows of a live process (its page map, its processors), and the
    cost."""
    doc = ask("malloc", target)
    totals = {k: v for k, v in doc["totals"].items() if "resident" not in k and k != "trimmable"}
    glibc = {k: v for k, v in doc["glibc"].items() if not k.startswith("cpu")}
    return {"totals": totals, "allocator": doc["allocator"], "glibc": glibc,
            "threads": doc["target"]["threads"], "exe": doc["target"]["exe"],
            "arenas": [(a["address"], a["in_use"], a["free"]) for a in doc["arenas"]]}


@test(nodes=[16, 20, 24], timeout=200)
def same_as_the_process(node):
    need_command("malloc")
    with Folder() as folder, held(node, folder) as t:
        live = numbers(t.pid)
        core = gdb_core(t, folder)
        equal("gdb's core", numbers(core), live)
        core.unlink()
        core = kernel_core(t, folder)
        equal("the kernel's core", numbers(core), live)
        if not shutil.which("zstd"):
            raise Skip("zstd is not installed (plain cores were equal)")
        packed = folder / "core.zst"
        subprocess.run(["zstd", "-q", "-1", core, "-o", packed], check=True)
        equal("the packed core", numbers(packed), live)


def cut_everywhere(core, seed):
    random.seed(seed)
    size = core.stat().st_size
    for length in sorted((random.randrange(size) for _ in range(20)), reverse=True):
        os.truncate(core, length)
        a = memwhy("malloc", core)
        if a.code not in EXIT_CODES:
            raise AssertionError(f"{core.name} cut to {length} of {size}: exit code {a.code}\n{a.err}")
        if a.code == 3 and not a.err.startswith("memwhy: "):
            raise AssertionError(f"{core.name} cut to {length} of {size}: no explanation\n{a.err}")


@test(nodes=[24], timeout=200)
def cut_cores(node):
    need_command("malloc")
    with Folder() as folder, held(node, folder) as t:
        cut_everywhere(gdb_core(t, folder), 1)
        cut_everywhere(kernel_core(t, folder), 2)


@test
def no_cores():
    need_command("malloc")
    with Folder() as folder:
        garbage = folder / "garbage"
        garbage.write_bytes(random.Random(3).randbytes(100000))
        empty = folder / "empty"
        empty.touch()
        pipe = folder / "pipe"
        os.mkfifo(pipe)
        for path in (garbage, empty, folder, pipe, "/proc/self/exe"):
            a = memwhy("malloc", path, timeout=20)
            equal(f"exit code for {path}", a.code, 3)
            if a.err.count("\n") > 2 or not a.err.startswith("memwhy: "):
                raise AssertionError(f"{path}: {a.err}")
