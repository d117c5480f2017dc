"""Read from a forked copy: the same account as from the stopped process, or a refusal that says why.
That it does no harm under load is test_harm.py's."""
import hashlib
import os
import random
import signal
import struct
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from harness import MEMWHY, Skip, Target, ask, equal, memwhy, refuses, test
from undisturbed import children, masks, no_trace, state, undisturbed, wait_for_guards

PARTS = ["account", "facts"]  # V8 space by space, malloc, every owner


def picture(pid, how):
    doc = ask("explain", pid, f"--freeze={how}")
    for owner in doc["account"]["owners"]:
        del owner["pss_bytes"]  # other processes that map the same files have a say in it
    for name in ("other_process_rss", "cgroup_cache_bytes"):  # of the surroundings
        doc["facts"].pop(name, None)
    return doc, {k: doc.get(k) for k in PARTS}


@test(nodes=[16, 18, 20, 22, 24, 26])
def the_same_as_stopped(node):
    with Target("frozen.js", node=node) as t:
        picture(t.pid, "stop")  # brings pages of files in
        for attempt in range(8):
            _, before = picture(t.pid, "stop")
            doc, frozen = picture(t.pid, "fork")
            _, after = picture(t.pid, "stop")
            if before == after:
                break
            time.sleep(0.3)  # V8 gives memory back some time after the start
        else:
            raise AssertionError("the target never stood still")
        equal("something was compared", all(frozen[k] for k in PARTS), True)
        for part in PARTS:
            equal(part, frozen[part], before[part])
        equal("attributed", frozen["account"]["attributed_bytes"], frozen["account"]["rss_bytes"])
        cost = doc["cost"]
        print(f"Node {node.version}: frozen in {cost['longest_pause_ns'] / 1e6:.1f} ms, reaped in "
              f"{cost['reap_pause_ns'] / 1e3:.0f} us, {cost['target_extra_bytes'] >> 10} KiB copied")
        no_trace(t)


def all_is_well(t):
    t.say("end")
    seen = t.hear()
    no_trace(t)
    url = f"http://127.0.0.1:{seen['port']}/"
    equal("the server's answer", urllib.request.urlopen(url, timeout=10).read(), b"fine")


@test
def a_stopped_job_stays_stopped():
    with Target("frozen.js") as t:
        t.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        ask("explain", t.pid, "--freeze=fork", codes=(0, 1, 4))
        state = Path(f"/proc/{t.pid}/status").read_text().split("State:\t")[1][0]
        equal("state", state, "T")
        t.process.send_signal(signal.SIGCONT)
        all_is_well(t)


@test
def no_more_processes_allowed():
    """A user who may have no more processes: refused, and the target lives (limits do not bind root)."""
    with Target(["setpriv", "--reuid=64321", "--regid=64321", "--clear-groups", "prlimit",
                 "--nproc=1:1", "sleep", "100"], ready=False) as t:
        time.sleep(0.3)
        refuses("explain", t.pid, "--freeze=fork", says="no more processes")
        no_trace(t)


def says(text, part):
    if part not in text:
        raise AssertionError(f"lacks {part!r}: {text}")


@test
def forked_unless_told_otherwise():
    with Target("frozen.js") as t:
        for command in (["explain"], ["heap"], ["malloc"], ["map"], ["layout"], ["diff", t.pid]):
            for how, freeze in (([], "fork"), (["--freeze=fork"], "fork"), (["--freeze=stop"], "stop")):
                doc = ask(*command, t.pid, *how, codes=(0, 1, 4))
                equal(f"{command} {how}", (doc["cost"]["freeze"], doc["target"]["kind"]),
                      (freeze, {"fork": "frozen", "stop": "stopped"}[freeze]))
                equal("not forked", doc["cost"].get("not_forked"), None)
        all_is_well(t)


@test
def no_longer_than_allowed():
    """What would take longer is not begun, and the refusal names what would do."""
    with Target("writer", args=[200]) as t:
        for how in ("auto", "fork", "stop"):
            error = refuses("malloc", t.pid, f"--freeze={how}", "--max-pause=2ms", says="2.0 ms are allowed")
            enough = error["hint"].split()[-1].rstrip(".")
            equal(how, ask("malloc", t.pid, f"--freeze={how}", enough)["cost"]["freeze"],
                  "stop" if how == "stop" else "fork")
        no_trace(t)


class Group:
    """A cgroup (version 1) of our own."""

    def __init__(self, controller):
        self.folder = Path(f"/sys/fs/cgroup/{controller}/memwhy-test-{os.getpid()}")
        try:
            self.folder.mkdir()
        except OSError as e:
            raise Skip(f"no cgroup can be made: {e}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                return self.folder.rmdir()
            except OSError:
                time.sleep(0.05)

    def set(self, name, value):
        (self.folder / name).write_text(str(value))


@test
def near_its_memory_limit():
    with Group("memory") as group, Target("frozen.js", ready=False) as t:
        group.set("cgroup.procs", t.pid)
        t.hear()
        used = int((group.folder / "memory.usage_in_bytes").read_text())
        group.set("memory.limit_in_bytes", used + (8 << 20))
        refuses("explain", t.pid, "--freeze=fork", says="left below the limit")
        group.set("memory.limit_in_bytes", used + (400 << 20))
        ask("explain", t.pid, "--freeze=fork", codes=(0, 1, 4))
        all_is_well(t)


def oom_kills(group):
    text = (group.folder / "memory.oom_control").read_text()
    return int(text.split("oom_kill ")[1])


@test
def stopped_when_near_its_memory_limit():
    with Group("memory") as group, Target("writer", args=[200], ready=False) as t:
        group.set("cgroup.procs", t.pid)
        t.hear()
        used = int((group.folder / "memory.usage_in_bytes").read_text())
        group.set("memory.limit_in_bytes", used + (20 << 20))
        cost = ask("malloc", t.pid)["cost"]
        equal("way", cost["freeze"], "stop")
        says(cost["not_forked"], "left below the limit")
        error = refuses("malloc", t.pid, "--max-pause=20ms", says="left below the limit")
        says(error["message"], "reading the stopped process")
        equal("killed for want of memory", oom_kills(group), 0)
        t.say("how far?")
        t.hear()
        no_trace(t)


@test
def a_copy_is_given_up_in_time():
    """A process that writes all its memory, with less left than a second copy would take: the copy goes
    before the limit is met."""
    with Group("memory") as group, Target("writer", args=[200], ready=False) as t:
        group.set("cgroup.procs", t.pid)
        t.hear()
        used = int((group.folder / "memory.usage_in_bytes").read_text())
        group.set("memory.limit_in_bytes", used + (120 << 20))
        given_up = 0
        for _ in range(5):
            t.say("how far?")
            t.hear()
            cost = ask("malloc", t.pid)["cost"]
            if cost["freeze"] == "stop" and "given up" not in cost["not_forked"]:
                says(cost["not_forked"], "left below the limit")  # of the last one some is still to go
            elif cost["freeze"] == "stop":
                equal("it had cost something", cost["target_extra_bytes"] > 0, True)
                given_up += 1
            equal("killed for want of memory", oom_kills(group), 0)
            equal("limit met", int((group.folder / "memory.failcnt").read_text()), 0)
            no_trace(t)
        equal("given up at least once", given_up > 0, True)
        print(f"given up {given_up} times of 5")


@test
def no_more_processes_in_its_cgroup():
    with Group("pids") as group, Target("frozen.js") as t:
        group.set("cgroup.procs", t.pid)
        before = state(t.pid)
        group.set("pids.max", 1)
        refuses("explain", t.pid, "--freeze=fork", says="no more processes")
        cost = ask("explain", t.pid)["cost"]
        equal("way", cost["freeze"], "stop")
        says(cost["not_forked"], "no more processes")
        undisturbed(t.pid, before)
        all_is_well(t)


BUFFERS = """
globalThis.keep = Array.from({ length: 40 }, (_, i) => Buffer.alloc(8 << 20, i));
setTimeout(() => console.log('READY {}'), 500);
setInterval(() => {}, 1 << 30);
"""


@test(nodes=[16, 20, 24])
def heap_without_large_buffers(node):
    """They are not copied for a command that does not read them, and are marked as before afterwards."""
    with Target([node.path, "-e", BUFFERS]) as t:
        for _ in range(8):
            stopped = ask("heap", t.pid, "--freeze=stop")
            before = state(t.pid)
            a = memwhy("heap", t.pid, "--freeze=fork", "--json", env={"MEMWHY_DEBUG": "image"})
            after = state(t.pid)
            if stopped["isolates"] == ask("heap", t.pid, "--freeze=stop")["isolates"]:
                break
            time.sleep(0.3)  # V8 gives memory back some time after the start
        equal("left out", int(a.err.split("left out ")[1].split()[0]) > 0, True)
        doc = a.json()
        equal("way", doc["cost"]["freeze"], "fork")
        equal("isolates", doc["isolates"], stopped["isolates"])
        equal("regions", before[0].keys() ^ after[0].keys(), set())
        undisturbed(t.pid, before)
        for moment in range(20):
            p = subprocess.Popen([str(MEMWHY), "heap", str(t.pid)], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            time.sleep(moment * 0.004)
            p.kill()
            p.wait()
            wait_for_guards(t.pid)
            undisturbed(t.pid, before)
        no_trace(t)


COUNTS = """
globalThis.keep = Array.from({ length: 1e6 }, (_, i) => ({ i, name: 'x' + i }));
let rounds = 0, wrong = 0, x = 1.5;
setInterval(() => {
  for (let i = 0; i < 20000; i++) x = Math.sqrt(x * x + 1) - Math.sqrt(x * x + 1) + 1.5;
  wrong += x !== 1.5;
  rounds++;
}, 1);
process.stdin.on('data', () => console.log('READY ' + JSON.stringify({ rounds, wrong })));
setTimeout(() => console.log('READY {}'), 300);
"""


def supervisor_of(process, target):
    """The supervisor that this memwhy has, once it holds the target; None when memwhy ended before."""
    while process.poll() is None:
        for child in children(process.pid):
            if f"TracerPid:\t{child}\n" in Path(f"/proc/{target}/status").read_text():
                return int(child)
    return None


@test(nodes=[16, 24], timeout=240)
def a_killed_supervisor(node):
    """Killed itself while the target makes calls for it: that finds its way back, and a second supervisor
    undoes the rest."""
    moment = random.Random(node.version)
    with Target([node.path, "-e", COUNTS]) as t:
        before, killed, rounds = state(t.pid), 0, 0
        for _ in range(15):
            p = subprocess.Popen([str(MEMWHY), "explain", str(t.pid), "--freeze=fork"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            supervisor = supervisor_of(p, t.pid)
            if supervisor:
                time.sleep(moment.uniform(0, 0.02))
                try:
                    os.kill(supervisor, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass  # it had done its work
            p.wait()
            wait_for_guards(t.pid)
            undisturbed(t.pid, before)
            no_trace(t)
            t.say("there?")
            seen = t.hear()
            equal("wrong results", seen["wrong"], 0)
            equal("it goes on", seen["rounds"] > rounds, True)
            rounds = seen["rounds"]
        print(f"Node {node.version}: {killed} supervisors killed")


@test
def unknown_way():
    refuses("explain", "1", "--freeze=thaw", code=2)


def segments(core):
    """Each PT_LOAD of a core: its header, and a hash of what it holds."""
    found = {}
    with open(core, "rb") as f:
        head = f.read(64)
        offset, size, n = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
        for i in range(n):
            f.seek(offset + i * size)
            kind, flags, at, start, _, filesz, memsz, _ = struct.unpack("<IIQQQQQQ", f.read(56))
            if kind != 1:
                continue
            f.seek(at)
            digest = hashlib.sha256()
            for begin in range(0, filesz, 1 << 20):
                digest.update(f.read(min(1 << 20, filesz - begin)))
            found[hex(start)] = hex(memsz), filesz, flags, digest.hexdigest()
    return found


def stand_still(t):
    """Stop the job, and wait until every thread has stopped."""
    t.process.send_signal(signal.SIGSTOP)
    until = time.monotonic() + 20
    while any("State:\tT" not in (thread / "status").read_text()
              for thread in Path(f"/proc/{t.pid}/task").iterdir()):
        equal("stopped in time", time.monotonic() < until, True)
        time.sleep(0.01)


def kernels_view(pid):
    """Of a process that stands still: its memory, the masks of its threads, and where each waits. Clean
    pages of files the kernel maps around one that is touched, and drops, as it likes."""
    kept = ("Rss:", "Anonymous:", "Private_Dirty:", "Shared_Dirty:", "Swap:", "AnonHugePages:", "VmFlags:")
    found, region = masks(pid), None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if not line[0].isupper():
            region = line
        elif line.startswith("Rss:") and " /" in region:
            continue
        elif line.startswith(kept):
            found[region, line.split(":")[0]] = line
    for thread in Path(f"/proc/{pid}/task").iterdir():
        while (waits := (thread / "syscall").read_text()) == "running\n":
            time.sleep(0.01)  # on its way back to its stop
        found[thread.name, "syscall"] = waits
    return found


@test(nodes=[16, 18, 20, 22, 24, 26])
def the_same_bytes_as_stopped(node):
    """A job that is stopped: every page of the fork is the page of the process, V8's heap is walked to
    the same numbers, and the kernel sees no difference afterwards. Without rseq(2), by which the kernel
    itself writes the number of the processor into each thread that it resumes."""
    with Target("frozen.js", node=node, env={"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}) as t, tempfile.TemporaryDirectory() as folder:
        stand_still(t)
        ask("capture", t.pid, "--freeze=stop", "-o", f"{folder}/first")  # to read brings pages of files in
        ask("heap", t.pid, "--freeze=stop")
        before = kernels_view(t.pid)
        cores, heaps = {}, {}
        for how in ("stop", "fork"):
            ask("capture", t.pid, f"--freeze={how}", "-o", f"{folder}/{how}")
            cores[how] = segments(f"{folder}/{how}")
            heaps[how] = ask("heap", t.pid, f"--freeze={how}")
            equal("kind", heaps[how]["target"].pop("kind"), {"stop": "stopped", "fork": "frozen"}[how])
            del heaps[how]["cost"]
        after = kernels_view(t.pid)
        equal("changed", [(k, before.get(k), after.get(k)) for k in before | after if before.get(k) != after.get(k)], [])
        equal("V8's heap", heaps["fork"], heaps["stop"])
        held = sum(filesz for _, filesz, _, _ in cores["stop"].values())
        equal("much was compared", (held > 20 << 20, len(cores["stop"]) > 50), (True, True))
        different = [(start, cores["fork"].get(start), what) for start, what in cores["stop"].items()
                     if cores["fork"].get(start) != what]
        equal("segments", [different, len(cores["fork"])], [[], len(cores["stop"])])
        print(f"Node {node.version}: {len(cores['stop'])} segments, {held >> 20} MiB")
