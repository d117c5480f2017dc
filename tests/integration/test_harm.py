"""A freeze does no harm: a server under load is frozen again and again, and memwhy is ended at moments
spread over its whole life. CI does a part; MEMWHY_FREEZES=1000 MEMWHY_KILLS=500 is the whole."""
import os
import random
import select
import signal
import subprocess
import time
from harness import MEMWHY, VERSIONS, Node, Target, ask, at_most, equal, test
from held_copy import HeldCopy, held
from undisturbed import children, guards, no_copies, no_trace, state, undisturbed, wait_for_guards

FREEZES = int(os.environ.get("MEMWHY_FREEZES", "10"))
KILLS = int(os.environ.get("MEMWHY_KILLS", "8"))
OFTEN = 10  # how many looks between two counts


class Load:
    """The server and its client, and what both must say."""

    def __init__(self, node):
        self.server = Target("harm.js", node=node)
        self.pid = self.server.pid
        self.client = Target("harm_client.js", args=[self.server.truth["port"], self.pid])
        self.counts = self.server.truth["done"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.kill()
        self.server.kill()

    def goes_on(self):
        """Nothing went wrong, and everything went on since the last time."""
        until = time.monotonic() + 20
        while True:
            self.server.say("mark")
            seen = self.server.hear()
            equal("faults", seen["wrong"], [])
            stuck = [k for k, n in seen["done"].items() if n <= self.counts[k]]
            if not stuck:
                break
            if time.monotonic() > until:
                equal("stood still", stuck, [])
            time.sleep(0.1)
        self.counts = seen["done"]
        return seen

    def ends_well(self):
        self.goes_on()
        self.client.say("end")
        client = self.client.hear()
        equal("the client's faults", client["wrong"], [])
        equal("connections", client["done"]["sockets"], 9)  # 8 with requests, 1 with signals
        self.server.say("end")
        seen = self.server.hear()
        done = seen["done"]
        equal("faults", seen["wrong"], [])
        equal("requests", done["requests"], client["done"]["kept"] + client["done"]["closed"])
        equal("exits", done["exits"], seen["children"])
        equal("SIGCHLD", done["sigchld"], seen["children"] + 1)  # and one of `cat`
        equal("SIGUSR2", done["usr2"], client["done"]["usr2"])
        no_trace(self.server)
        return done, client["done"]


@test(nodes=VERSIONS, timeout=120 + 3 * FREEZES)
def a_thousand_freezes(node):
    with Load(node) as load:
        before, pauses, failed = state(load.pid), [], 0
        for i in range(FREEZES):
            doc = ask("explain", "--quick", load.pid, "--freeze=fork", codes=(0, 1, 3, 4))
            refused = doc.get("error", {}).get("message", "")
            if "could not be brought to a halt" not in refused:
                equal("refused", refused, "")
            failed += "error" in doc
            if "cost" in doc:
                pauses.append(doc["cost"]["longest_pause_ns"] / 1e6)
            before = undisturbed(load.pid, before)
            no_copies(load.pid)
            if i % OFTEN == 0:
                load.goes_on()
        equal("supervisors left", guards(load.pid), [])
        done, client = load.ends_well()
        at_most("refused, of a hundred", failed * 100 // FREEZES, 0)
        pauses.sort()
        print(f"Node {node.version}: {len(pauses)} freezes, pause {pauses[len(pauses) // 2]:.1f} ms, at most "
              f"{pauses[-1]:.1f} ms; {done['requests']} requests (longest {client['longest_ms']} ms), "
              f"{done['exits']} children, {done['usr2']} signals")


class Moment:
    """When to end memwhy: anywhere in its life, or near what is done to the target."""

    def __init__(self, seed, took):
        self.random, self.took = random.Random(seed), took

    def await_(self, p, there):
        """Until there() is true of a living memwhy."""
        while p.poll() is None and not there():
            pass

    def come(self, p, pid, i):
        kind = ("anywhere", "hold", "copy", "reap")[i % 4]
        if kind == "anywhere":
            time.sleep(self.random.uniform(0, self.took))
            return
        self.await_(p, lambda: children(p.pid))  # its supervisor
        if kind == "hold":
            time.sleep(self.random.uniform(0, self.took / 4))
            return
        copy = []
        self.await_(p, lambda: copy.extend(c for c in children(pid) if held(c)) or copy)
        if kind == "reap":
            self.await_(p, lambda: not held(copy[0]))
        time.sleep(self.random.choice((0, self.random.uniform(0, 0.002), self.random.uniform(0, 0.02))))


SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]


@test(nodes=VERSIONS, timeout=120 + 4 * KILLS)
def ended_at_any_moment(node):
    with Load(node) as load:
        began = time.monotonic()
        ask("explain", "--quick", load.pid, "--freeze=fork", codes=(0, 1, 3, 4))
        moment = Moment(node.version, time.monotonic() - began)
        before, midway, ended, killed, i = state(load.pid), 0, 0, 0, 0
        while killed < KILLS:
            how = SIGNALS[(i // 4) % len(SIGNALS)]
            p = subprocess.Popen([str(MEMWHY), "explain", "--quick", str(load.pid), "--freeze=fork"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            moment.come(p, load.pid, i)
            supervised = bool(children(p.pid))
            p.send_signal(how)
            hit = p.wait() == -how
            ended += hit
            killed += hit and how == signal.SIGKILL
            midway += hit and supervised
            wait_for_guards(load.pid)
            before = undisturbed(load.pid, before)
            no_copies(load.pid)
            if i % OFTEN == 0:
                load.goes_on()
            i += 1
        done, client = load.ends_well()
        print(f"Node {node.version}: ended {ended} times, {killed} by SIGKILL, {midway} with a supervisor at "
              f"work; {done['requests']} requests (longest {client['longest_ms']} ms), {done['exits']} children")


@test
def what_it_closes_is_closed():
    """The copy holds no file open: who reads from the target sees the end when the target closes."""
    close = "console.log('READY'); process.stdin.on('data', () => require('fs').closeSync(1)); setInterval(() => {}, 9e5)"
    with Target([Node(24).need().path, "-e", close]) as t:
        with HeldCopy(t.pid) as copy:
            t.say("close")
            readable, _, _ = select.select([t.process.stdout], [], [], 5)
            equal("the copy is still there", held(copy.pid), True)
            equal("the end was seen", bool(readable), True)
            equal("what was read", os.read(t.process.stdout.fileno(), 100), b"")
        equal("memwhy's exit code", copy.code in (0, 1, 4), True)
        no_trace(t)


class Calls:
    """tests/targets/harm_calls.c, which checks each of its calls."""

    def __init__(self):
        self.target = Target("harm_calls")
        self.pid, self.counts = self.target.pid, self.target.truth["done"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.target.kill()

    def ends_well(self):
        self.target.say("end")
        seen = self.target.hear()
        equal("faults", seen["wrong"], [])
        equal("stood still", [k for k, n in seen["done"].items() if n <= self.counts[k]], [])
        no_trace(self.target)
        return sum(seen["done"].values())


@test(timeout=120 + 3 * FREEZES)
def calls_under_way():
    """Only what a stop may do to a system call happens to them (signal(7)); restartable sequences,
    queued signals, fault handlers and children are as without it."""
    with Calls() as calls:
        time.sleep(0.2)
        for _ in range(FREEZES):
            ask("explain", "--quick", calls.pid, "--freeze=fork", codes=(0, 1, 3, 4))
            no_copies(calls.pid)
        print(f"{FREEZES} freezes, {calls.ends_well()} calls")


@test(timeout=120 + 3 * FREEZES)
def job_control_under_way():
    """SIGSTOP and SIGCONT that arrive while it is frozen do what they do without it."""
    with Calls() as calls:
        wait = random.Random(1)
        for _ in range(FREEZES):
            p = subprocess.Popen([str(MEMWHY), "explain", "--quick", str(calls.pid), "--freeze=fork"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while p.poll() is None:
                calls.target.process.send_signal(signal.SIGSTOP)
                time.sleep(wait.choice((0, wait.uniform(0, 0.003))))
                calls.target.process.send_signal(signal.SIGCONT)
                time.sleep(wait.uniform(0, 0.004))
            no_copies(calls.pid)
            calls.target.say("mark")  # not answered by one that stays stopped
            calls.target.hear()
        print(f"{FREEZES} freezes, {calls.ends_well()} calls")


@test
def not_held_for_one_that_cannot_stop():
    """A thread in an uninterruptible wait is waited for before the others are held."""
    with Target("vforks") as t:
        t.say("clear")
        t.hear()
        gaps = []
        for how in ("fork", "stop") * 4:
            time.sleep(0.05)
            ask("explain", "--quick", t.pid, f"--freeze={how}", codes=(0, 1, 3, 4))
            t.say("gap")
            gaps.append(t.hear()["longest_ms"])
        print(f"gaps {gaps} ms")
        at_most("the middle of the longest gaps", sorted(gaps)[len(gaps) // 2], 100)
