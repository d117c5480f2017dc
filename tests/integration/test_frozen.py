"""Read from a forked copy: the same account as from the stopped process, and no harm to the target,
whatever instant memwhy is killed."""
import os
import random
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from harness import MEMWHY, Skip, Target, ask, equal, refuses, test

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


def flags(pid):
    """What a fork would inherit, by region."""
    found, region = {}, None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first = line.split(" ", 1)[0]
        if line.startswith("VmFlags:"):
            found[region] = "dc" in line.split()
        elif "-" in first and not first.endswith(":"):
            region = first
    return found


def masks(pid):
    """Blocked signals of every thread that lived all the time."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith(("SigBlk:", "TracerPid:")):
                found[task.name, line.split(":")[0]] = line.split()[1]
    return found


def undisturbed(pid, before):
    """Regions and threads that are still there are as they were; libuv blocks signals while it spawns."""
    until = time.monotonic() + 2
    while True:
        wrong = [(key, now[key], was[key]) for was, now in zip(before, (flags(pid), masks(pid)))
                 for key in was.keys() & now.keys() if now[key] != was[key]]
        if not wrong or time.monotonic() > until:
            return equal("changed", wrong, [])


def guards(pid):
    """Supervisors of this target: they hold its /proc folder open."""
    found = []
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            if name.read_text() == "mw-guard\n" and any(
                    os.readlink(fd) == f"/proc/{pid}" for fd in (name.parent / "fd").iterdir()):
                found.append(name.parent.name)
        except OSError:
            pass
    return found


def no_trace(t):
    children = [c.read_text().strip() for c in Path(f"/proc/{t.pid}/task").glob("*/children")]
    equal("children and zombies", "".join(children), "")
    equal("alive and untraced", t.alive(), True)


def wait_for_guards(pid):
    until = time.monotonic() + 10
    while (left := guards(pid)) and time.monotonic() < until:
        time.sleep(0.005)
    equal("supervisors left", left, [])


def all_is_well(t):
    t.say("end")
    seen = t.hear()
    equal("exits seen", seen["exited"], seen["started"])
    equal("wrong exit codes", seen["wrong"], 0)
    no_trace(t)
    url = f"http://127.0.0.1:{seen['port']}/"
    equal("the server's answer", urllib.request.urlopen(url, timeout=10).read(), b"fine")
    return seen


@test(nodes=[16, 24], timeout=240)
def a_hundred_freezes(node):
    with Target("frozen.js", node=node, args=["spawn"]) as t:
        before = flags(t.pid), masks(t.pid)
        pauses = []
        for _ in range(100):
            doc = ask("explain", t.pid, "--freeze=fork", codes=(0, 1, 4))
            pauses.append(doc["cost"]["longest_pause_ns"])
            undisturbed(t.pid, before)
        seen = all_is_well(t)
        pauses.sort()
        print(f"Node {node.version}: {seen['exited']} children, {seen['sigchld']} SIGCHLD; pause "
              f"{pauses[50] / 1e6:.1f} ms, at most {pauses[-1] / 1e6:.1f} ms")


@test(nodes=[16, 24], timeout=240)
def killed_at_any_moment(node):
    moment = random.Random(node.version)
    for kind in ("spawn", "idle"):
        with Target("frozen.js", node=node, args=[kind]) as t:
            began = time.monotonic()
            ask("explain", t.pid, "--freeze=fork", codes=(0, 1, 4))
            took = time.monotonic() - began
            before, midway = (flags(t.pid), masks(t.pid)), 0
            for _ in range(50):
                p = subprocess.Popen([str(MEMWHY), "explain", str(t.pid), "--freeze=fork"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(moment.uniform(0, took))
                p.send_signal(signal.SIGKILL)
                midway += p.wait() == -signal.SIGKILL and bool(guards(t.pid))
                wait_for_guards(t.pid)
                undisturbed(t.pid, before)
                if kind == "idle":
                    no_trace(t)
            all_is_well(t)
            print(f"Node {node.version}, {kind}: {midway} of 50 killed with a supervisor at work")


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


@test
def no_more_processes_in_its_cgroup():
    with Group("pids") as group, Target("frozen.js") as t:
        group.set("cgroup.procs", t.pid)
        before = flags(t.pid), masks(t.pid)
        group.set("pids.max", 1)
        refuses("explain", t.pid, "--freeze=fork", says="no more processes")
        undisturbed(t.pid, before)
        all_is_well(t)


@test
def unknown_way():
    refuses("explain", "1", "--freeze=thaw", code=2)
