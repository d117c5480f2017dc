"""What cannot be read, or not wholly: one sentence, the documented exit code, and a target that runs on."""
import ctypes
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import MEMWHY, Node, Skip, Target, ask, equal, memwhy, test
from test_account import Held, answers, becomes, owned, state
from undisturbed import wait_for_guards

NOBODY = 65534
PYTHON = "python3"


class Folder:
    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="memwhy-bad-", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.path.chmod(0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def refused(*args, code=3, json_code=None, says=None):
    """In text one line on stderr and nothing on stdout; in JSON the error document, and only that."""
    what = " ".join(map(str, args))
    a = memwhy(*args, timeout=30)
    equal(f"{what}: exit code ({a.err})", a.code, code)
    equal(f"{what}: stdout", a.out, "")
    equal(f"{what}: lines on stderr ({a.err})", len(a.err.splitlines()), 1)
    equal(f"{what}: begins with the program's name", a.err.startswith("memwhy: "), True)
    a = memwhy("--json", *args, timeout=30)
    equal(f"{what} --json: exit code", a.code, code)
    equal(f"{what} --json: stderr", a.err, "")
    doc = a.json()
    equal(f"{what}: schema", doc["schema"], "memwhy/1")
    error = doc["error"]
    if json_code:
        equal(f"{what}: error code", error["code"], json_code)
    if re.search(r"[.!?] ", error["message"]) or not error["message"]:
        raise AssertionError(f"{what}: not one sentence: {error['message']}")
    text = error["message"] + " " + error.get("hint", "")
    if says and says not in text:
        raise AssertionError(f"{what}: lacks {says!r}: {text}")
    return error


def runs_on(target):
    """It is there, no tracer holds it, it is not stopped."""
    status = Path(f"/proc/{target.pid}/status").read_text()
    equal("tracer", re.search(r"TracerPid:\s+(\d+)", status)[1], "0")
    if re.search(r"State:\s+[tTZX]", status):
        raise AssertionError(f"the target does not run: {status.splitlines()[2]}")


def prints(target):
    """The next line of a target that is not one of ours."""
    return target.process.stdout.readline().decode().strip()


# --- no process, or none that can be read ---


@test
def no_such_process():
    p = subprocess.Popen(["true"])
    p.wait()
    refused(p.pid, json_code="target-gone", says="memwhy ps")
    for word in ("0", "99999999999", "-no-such-name-anywhere", "no such name/anywhere", "4194304999"):
        refused("explain", "--", word)


@test
def not_a_target():
    equal("no target", memwhy("explain").code, 2)
    equal("two targets", memwhy("explain", "1", "2").code, 2)
    refused("explain", "", code=2)
    a = memwhy("explain", "1", "--nosuch", "--json")
    equal("unknown option", (a.code, a.json()["error"]["code"]), (2, "usage"))


@test
def a_thread():
    with Target([PYTHON, "-c", "import threading, time\nt = threading.Thread(target=time.sleep, args=(60,))\n"
                 "t.start(); print(t.native_id, flush=True); t.join()"], ready=False) as t:
        refused(prints(t), json_code="not-a-process", says=str(t.pid))
        runs_on(t)


@test
def a_kernel_thread():
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            kernel = "Kthread:\t1" in (entry / "status").read_text()
        except OSError:
            continue
        if kernel:
            refused(entry.name, json_code="not-a-process", says="kernel thread")
            return
    raise Skip("no kernel thread is to be seen (a container, or a kernel before 6.8)")


@test
def a_zombie():
    with Target([PYTHON, "-c", "import os, time\np = os.fork()\nif not p: os._exit(0)\n"
                 "print(p, flush=True); time.sleep(60)"], ready=False) as t:
        pid = prints(t)
        becomes(int(pid), "Z")
        refused(pid, json_code="not-a-process", says="zombie")


NOBODYS = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]


def as_nobody(*args, rights=NOBODYS, before=()):
    """memwhy as a user without rights, from a folder that user may enter."""
    if os.geteuid() or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    with Folder() as folder:
        program = folder / "memwhy"
        shutil.copy(MEMWHY, program)
        program.chmod(0o755)
        p = subprocess.run([*before, *rights, program, *map(str, args)], capture_output=True, text=True, timeout=60)
    equal(f"lines on stderr ({p.stderr})", len(p.stderr.splitlines()), 1 if p.returncode > 1 else 0)
    return p


@test
def of_another_user():
    with Target(["sleep", "60"], ready=False) as t:
        p = as_nobody(t.pid)
        equal("exit code", p.returncode, 3)
        if "user id 0" not in p.stderr or "root" not in p.stderr:
            raise AssertionError(p.stderr)
        runs_on(t)


@test
def of_ones_own_user():
    if os.geteuid():
        raise Skip("needs root")
    with Target([*NOBODYS, "sleep", "60"], ready=False) as t:
        time.sleep(0.3)
        p = as_nobody(t.pid)
        if p.returncode == 3 and "Yama" in p.stderr:
            raise Skip("Yama forbids it")
        equal(f"exit code ({p.stderr})", p.returncode in (0, 1), True)  # 1: a larger process beside it


@test
def root_without_rights():
    if os.geteuid():
        raise Skip("needs root")
    with Target([*NOBODYS, "sleep", "60"], ready=False) as t:
        time.sleep(0.3)
        p = as_nobody(t.pid, rights=["setpriv", "--bounding-set=-all", "--inh-caps=-all"])
        equal(f"exit code ({p.stderr})", p.returncode, 3)
        if "this root, without CAP_SYS_PTRACE" not in p.stderr:
            raise AssertionError(p.stderr)
        runs_on(t)


@test
def hidden_by_hidepid():
    mounts = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    if os.geteuid() or subprocess.run([*mounts, "true"], capture_output=True).returncode:
        raise Skip("needs root that may mount a /proc of its own")
    with Target(["sleep", "60"], ready=False) as t:
        p = as_nobody(t.pid, before=mounts)
        equal("exit code", p.returncode, 3)
        if "hidepid" not in p.stderr:
            raise AssertionError(p.stderr)


@test
def not_dumpable():
    with Target([PYTHON, "-c", "import ctypes, os, time\nif not os.geteuid(): os.setgid(65534); os.setuid(65534)\n"
                 "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print('up', flush=True); time.sleep(60)"],
                ready=False) as t:
        prints(t)
        p = as_nobody(t.pid)
        equal("exit code", p.returncode, 3)
        if "non-dumpable" not in p.stderr or "CAP_SYS_PTRACE" not in p.stderr:
            raise AssertionError(p.stderr)
        runs_on(t)


@test
def traced_already():
    libc = ctypes.CDLL(None, use_errno=True)
    seize, detach = 0x4206, 17
    with Target("account.js", node=Node(24)) as t:
        # As strace and gdb do it, from this very thread.
        if libc.ptrace(seize, t.pid, None, None):
            raise Skip("this process may not trace either")
        error = refused(t.pid, json_code="no-permission", says=f"traced by process {os.getpid()}")
        equal("hint", "detach" in error["hint"], True)
        answers(t)
        libc.ptrace(0x4207, t.pid, None, None)  # interrupt, for a tracee must stop to be let go
        os.waitpid(t.pid, 0x40000000)
        equal("detached", libc.ptrace(detach, t.pid, None, None), 0)
        equal("afterwards", memwhy(t.pid).code in (0, 1), True)
        answers(t)


@test
def dies_midway():
    """Killed while it is looked at: an answer or a refusal, never a crash."""
    random.seed(5)
    seen = set()
    for _ in range(15):
        with Target("account.js", node=Node(20), args=["objects"]) as t:
            timer = threading.Timer(random.uniform(0, 0.12), t.process.kill)
            timer.start()
            doc = ask("explain", "--quick", t.pid, codes=(0, 1, 3, 4))
            timer.join()
            seen.add("error" in doc)
            if "error" in doc:
                equal("error code", doc["error"]["code"] in ("target-gone", "not-a-process"), True)
    print(f"outcomes (refused?): {seen}")


# --- files that are no cores ---


@test
def files_that_are_no_cores():
    with Folder() as folder:
        (folder / "garbage").write_bytes(random.Random(3).randbytes(100000))
        (folder / "empty").touch()
        (folder / "header").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(57))
        (folder / "garbage.zst").write_bytes(b"\x28\xb5\x2f\xfd" + random.Random(4).randbytes(1000))
        (folder / "folder").mkdir()
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to("loop")
        for path in [*sorted(folder.iterdir()), "/dev/null", "/dev/zero", "/etc/passwd", "/proc/self/exe",
                     "/proc/self/status", folder / "not" / "there"]:
            refused("explain", path)
        secret = folder / "secret"
        secret.write_bytes(bytes(5000))
        secret.chmod(0)
        p = as_nobody(secret)
        equal("a file that may not be read", p.returncode, 3)
        if "Permission denied" not in p.stderr:
            raise AssertionError(p.stderr)


@test
def nowhere_to_write():
    with Target(["sleep", "60"], ready=False) as t:
        for extra in ([], ["--json"]):
            command = [str(MEMWHY), str(t.pid), *extra]
            with open("/dev/full", "w") as full:
                p = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
            equal(f"a full device {extra}: exit code", p.returncode, 5)
            equal(f"a full device {extra}: lines on stderr ({p.stderr})", len(p.stderr.splitlines()), 1)
            p = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True)
            equal(f"closed {extra}: exit code ({p.stderr})", p.returncode, 5)
            runs_on(t)


# --- Node that is not as it should be ---


def copied(node, folder):
    path = folder / "node"
    shutil.copy(node.need().path, path)
    path.chmod(0o755)
    return path


def odd_node(node, program, change=lambda pid: None):
    """What memwhy says of account.js run by that program; its account must add up all the same."""
    command = [program, "--expose-gc", str(Path(__file__).parents[1] / "targets" / "account.js"), "buffers"]
    with Target(command) as t, Held(t.pid):
        change(t.pid)
        doc = ask("explain", t.pid, codes=(0, 1, 4))
        a = memwhy("explain", t.pid)
        account = doc["account"]
        equal("sum of owners", sum(o["resident_bytes"] for o in account["owners"]), account["rss_bytes"])
        equal("malloc is in the account", owned(doc, "malloc") > 1 << 20, True)
        equal("engine", doc["target"]["engine"], "v8")
        if "isolates" in doc["target"]:
            equal("a V8 that was understood: exit code", a.code in (0, 1), True)
            return doc
        equal("exit code", a.code, 4)
        notes = [n for n in doc["coverage"]["notes"] if "V8" in n]
        equal(f"sentences on V8 ({notes})", len(notes), 1)
        equal("V8's pages are told all the same", owned(doc, "v8") > 1 << 20, True)
        equal("unknown below 1 %", owned(doc, "unknown") < 0.01 * account["rss_bytes"], True)
        print(f"Node {node.version}: {notes[0]}")
        return doc


@test(nodes=[20, 24, 26])
def stripped(node):
    if not shutil.which("strip"):
        raise Skip("strip (binutils) is not installed")
    with Folder() as folder:
        path = copied(node, folder)
        subprocess.run(["strip", "-s", path], check=True)
        odd_node(node, path)


def address_of(path, symbol):
    """Of a symbol in an ELF file."""
    with open(path, "rb") as f:
        image = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    sections_at, = struct.unpack_from("<Q", image, 40)
    count, = struct.unpack_from("<H", image, 60)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, sections_at + 64 * i) for i in range(count)]
    for s in sections:
        if s[1] != 2:  # SHT_SYMTAB
            continue
        strings = sections[s[6]]
        name = image.find(b"\0" + symbol + b"\0", strings[4]) + 1 - strings[4]
        for at in range(s[4], s[4] + s[5], 24):
            if struct.unpack_from("<I", image, at)[0] == name:
                return struct.unpack_from("<Q", image, at + 8)[0]
    raise Skip(f"no symbol {symbol.decode()}")


@test(nodes=[20, 24, 26])
def of_an_unknown_v8(node):
    """V8 says in its own memory that it is version 99: no table is for that."""
    major = address_of(node.need().path, b"_ZN2v88internal7Version6major_E")

    def make_unknown(pid):
        with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
            memory.seek(major)
            memory.write(struct.pack("<i", 99))

    doc = odd_node(node, node.path, make_unknown)
    equal("version", doc["target"]["v8_version"].split(".")[0], "99")


# --- memwhy's own death ---


def dies_holding(t, sig, rounds, least):
    """memwhy is ended at a random moment of its run; the target must not notice for long."""
    for i in range(rounds):
        p = subprocess.Popen([str(MEMWHY), "explain", "--quick", str(t.pid), "--json"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(*least))
        p.send_signal(sig)
        p.wait()
        wait_for_guards(t.pid)  # one may still be about to hold it when memwhy is gone
        runs_on(t)
        answers(t)


@test(alone=True)
def killed_while_it_holds_the_target():
    random.seed(8)
    with Target("account.js", node=Node(24), args=["objects"]) as t:
        began = time.monotonic()
        memwhy("explain", "--quick", t.pid)
        whole = time.monotonic() - began
        dies_holding(t, signal.SIGKILL, 30, (0, whole))
        dies_holding(t, signal.SIGINT, 30, (0, whole))
        threads = [int(p.name) for p in Path(f"/proc/{t.pid}/task").iterdir()]
        for tid in threads:
            if state(f"{t.pid}/task/{tid}") in "tT":
                raise AssertionError(f"thread {tid} is left stopped")


@test
def a_stopped_process_stays_stopped():
    with Target("account.js", node=Node(20), args=["objects"]) as t:
        with Held(t.pid):
            for sig in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
                p = subprocess.Popen([str(MEMWHY), str(t.pid)], stdout=subprocess.DEVNULL)
                time.sleep(0.01)
                p.send_signal(sig)
                p.wait()
                time.sleep(0.05)
                becomes(t.pid, "T")
            memwhy(t.pid)
            becomes(t.pid, "T")
        answers(t)
