"""A core piped in, as the kernel does for core_pattern. The machine's own setting is left alone."""
import os
import shutil
import signal
import stat
import struct
import subprocess
import time

from harness import MEMWHY, Node, Skip, Target, ask, at_most, equal, memwhy, refuses, test
from test_account import Held, kernel_rss
from test_capture import COMMANDS, Folder, answer, same, target


def foreign(capture, core):
    """The same core without memwhy's notes, in the order the kernel writes one."""
    data = bytearray(capture.read_bytes())
    head = min(h[2] for h in (struct.unpack_from("<IIQQQQQQ", data, at) for at in range(64, 128 + 56 * 40, 56)) if h[0] == 1)
    data[:head] = data[:head].replace(b"MEMWHY\0", b"NOBODY\0")
    core.write_bytes(data)
    if any("MEMWHY" in line for line in notes_of(core)[:-1]):
        raise AssertionError("memwhy's notes are still there")
    return core


def notes_of(core):
    if not shutil.which("readelf"):
        raise Skip("readelf is not installed")
    out = subprocess.run(["readelf", "-nW", core], capture_output=True, text=True, timeout=100).stdout
    return [line for line in out.splitlines() if "0x" in line]


def handle(core, *args, codes=(0,)):
    """As the kernel: the core on standard input, read once."""
    with core.open("rb") as f, subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE) as cat:
        p = subprocess.run([MEMWHY, "core-handler", *map(str, args), "--json"], stdin=cat.stdout, capture_output=True,
                           text=True, timeout=100)
        cat.stdout.close()
    equal(f"exit code ({p.stdout}{p.stderr})", p.returncode in codes, True)
    return __import__("json").loads(p.stdout)


@test(nodes=[20, 24], timeout=200)
def of_a_process(node):
    """With what /proc says the file tells what the process told, to the byte."""
    with Folder() as folder, target(node, "pool") as t:
        with Held(t.pid):
            for look in range(4):
                kept = folder / f"kept{look}"
                before = kernel_rss(t.pid)
                (folder / "a.core").unlink(missing_ok=True)
                memwhy("capture", t.pid, "-o", folder / "a.core")
                core = foreign(folder / "a.core", folder / "b.core")
                live = {c: answer(c, t.pid) for c in COMMANDS}
                doc = handle(core, t.pid, "no/de x", "--dir", kept)
                if kernel_rss(t.pid) == before:
                    break
        file = doc["capture"]["file"]
        equal("one whole file", doc["capture"]["cut"], False)
        equal("the process was seen", doc["capture"]["process_seen"], True)
        equal("its name", os.path.basename(file).startswith(f"core.no_de_x.{t.pid}."), True)
        equal("mode", stat.S_IMODE(os.stat(file).st_mode), 0o600)
        equal("mode of the folder", stat.S_IMODE(kept.stat().st_mode), 0o700)
        for command in COMMANDS:
            same(command, answer(command, file), live[command])
        t.say("still there?")
        t.hear()


@test(timeout=200)
def of_a_dead_process():
    """What the kernel wrote itself; of the process nothing is known then."""
    pattern = open("/proc/sys/kernel/core_pattern").read().strip()
    if pattern not in ("core", "core.%p"):
        raise Skip(f"the kernel pipes cores elsewhere: {pattern}")
    with Folder() as folder:
        p = subprocess.run(["bash", "-c", f"ulimit -c unlimited; exec {Node(24).need().path} -e 'process.abort()'"],
                           cwd=folder, capture_output=True, timeout=60)
        equal("died of", p.returncode, -signal.SIGABRT)
        cores = [f for f in folder.iterdir() if f.name.startswith("core")]
        if not cores:
            raise Skip("the kernel wrote no core")
        doc = handle(cores[0], 2 ** 22 + 1, "--dir", folder / "kept", codes=(4,))
        equal("seen", doc["capture"]["process_seen"], False)
        want, got = (answer("heap", f) for f in (cores[0], doc["capture"]["file"]))
        same("heap", got, want)


@test(timeout=200)
def bounded():
    with Folder() as folder, target(Node(24), "idle") as t:
        kept = folder / "kept"
        kept.mkdir(mode=0o700)
        core = folder / "a.core"
        memwhy("capture", t.pid, "-o", core)
        (kept / ".core.old.1.1.zst.partial").write_bytes(b"left behind")
        os.utime(kept / ".core.old.1.1.zst.partial", (1, 1))
        (kept / "not-ours").write_bytes(b"")
        names = []
        for i in range(4):
            names.append(os.path.basename(handle(core, t.pid, f"n{i}", "--dir", kept, "--keep=2")["capture"]["file"]))
            time.sleep(0.02)
        equal("kept", sorted(f.name for f in kept.iterdir()), sorted([*names[2:], "not-ours"]))
        doc = handle(core, t.pid, "--dir", kept, "--max-size=1M", codes=(4,))
        equal("cut", doc["capture"]["cut"], True)
        at_most("bytes of the cut file", os.stat(doc["capture"]["file"]).st_size, 18 << 20)
        notes = ask("map", doc["capture"]["file"], codes=(0, 4))["coverage"]["notes"]
        equal(f"the file says that it is cut: {notes}", any("truncated" in n for n in notes), True)


@test
def refusals():
    with Folder() as folder:
        for what in (b"", b"\x7fELF", b"not a core at all" * 1000):
            a = memwhy("core-handler", os.getpid(), "--dir", folder, "--json", stdin=what)
            equal(f"exit code ({a.out})", a.code, 3)
            equal("says why", "core" in a.json()["error"]["message"], True)
        refuses("core-handler", "0x12", "--dir", folder, code=2, says="%P", stdin=b"")
        refuses("core-handler", os.getpid(), "--dir", folder / "a" / "b", says="cannot be made", stdin=b"")
        equal("files left", list(folder.iterdir()), [])


@test
def without_standard_files():
    """The kernel starts it with nothing but the pipe: what it says must not end up in the file."""
    with Folder() as folder, target(Node(24), "idle") as t:
        core = folder / "a.core"
        memwhy("capture", t.pid, "-o", core)
        p = subprocess.run(["bash", "-c", f"exec >&- 2>&-; {MEMWHY} core-handler {t.pid} x --dir {folder}/kept < {core}"])
        equal("exit code", p.returncode, 0)
        files = list((folder / "kept").iterdir())
        equal("one file", len(files), 1)
        equal("it can be read", memwhy("heap", files[0]).code, 0)
