"""Read from a forked copy: the same account as from the stopped process, or a refusal that says why.
That it does no harm under load is test_harm.py's."""
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from harness import MEMWHY, Skip, Target, ask, equal, memwhy, refuses, test
from undisturbed import no_trace, state, undisturbed, wait_for_guards

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


@test
def unknown_way():
    refuses("explain", "1", "--freeze=thaw", code=2)
