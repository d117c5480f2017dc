"""The sampler: V8's counters read from outside a running process against what it says of itself at the same moment.

MEMWHY_SAMPLES=1000 compares so many samples of each version; without it a second's worth.
"""
import bisect
import json
import os
import re
import subprocess
import tempfile
import time

from harness import BUILD, Skip, Target, equal, test

COUNTERS = ["heap_used", "heap_total", "external", "array_buffers"]


def samples(*args):
    """The lines of tests/sampler/samples.c: interval, rounds, pids."""
    p = subprocess.run([str(BUILD / "tests" / "samples"), *map(str, args)], capture_output=True, timeout=100)
    equal("exit code", p.returncode, 0)
    return [json.loads(line) for line in p.stdout.splitlines()]


class Collections:
    """What a target's --trace-gc says, with its READY lines."""

    def __init__(self, target):
        self.target, self.major, self.minor = target, 0, 0

    def hear(self):
        while True:
            line = self.target.process.stdout.readline().decode()
            if line.startswith("READY"):
                return json.loads(line[5:])
            self.major += "Mark-" in line
            self.minor += " Scavenge " in line


def compare(sample, notes):
    """True when the target says what its counters were when they were read; fails when it says otherwise.

    The notes are the last before it was read to the first after: what one slice of work allocates lies between
    neighbours. Where a collection lies between, they do not tell, but bound, what was there."""
    first = bisect.bisect_right(notes["after"], sample["at_ns"]) - 1
    last = bisect.bisect_left(notes["before"], sample["done_ns"])
    if first < 0 or last >= len(notes["before"]):
        return False
    used = notes["heap_used"][first:last + 1]
    steady = used == sorted(used)
    for name in COUNTERS:
        low, high = min(notes[name][first:last + 1]), max(notes[name][first:last + 1])
        part = 0.01 if steady else 0.3
        if not low * (1 - part) <= sample[name] <= high * (1 + part):
            raise AssertionError(f"{name}: read {sample[name]}, the process says {low} to {high}: {sample}")
    return steady


def under_load(t, heard, wanted):
    """Samples until so many could be compared, some seconds at a time."""
    compared = unknown = taken = 0
    while True:
        seconds = 0.8 if wanted < 100 else 5
        with tempfile.NamedTemporaryFile() as file:
            t.say(f"work {seconds} {file.name}")
            rows = [s for s in samples(4, int(seconds * 250), t.pid) if "pid" in s]
            heard.hear()
            notes = json.load(file)
        equal("why not", rows[-1].get("no_v8"), None)
        for s in rows:  # on a busy machine the first may come while it is still learnt how to read them
            taken += 1
            unknown += "heap_used" not in s
            compared += "heap_used" in s and compare(s, notes)
        if compared >= wanted:
            return compared, unknown, taken


def between(what, got, before, after, slack=0):
    low, high = min(before, after), max(before, after)
    if not low - slack <= got <= high + slack:
        raise AssertionError(f"{what}: got {got}, before it was {before}, after {after}")


def at_rest(t, heard):
    """Read between two answers of a process that does nothing else; what these and the questions take is the slack."""
    def ask():
        t.say("rest")
        return heard.hear()
    for _ in range(10):
        before, then = ask(), heard.major + heard.minor
        s, after = samples(50, 2, t.pid)[1], ask()
        if heard.major + heard.minor == then:  # V8 collects of its own accord once there is quiet
            break
    for name, said, slack in (("heap_total", "heapTotal", 0), ("heap_used", "heapUsed", 150000),
                              ("external", "external", 1000), ("array_buffers", "arrayBuffers", 1000)):
        between(name, s[name], before["usage"][said], after["usage"][said], slack)
    equal("heap_size_limit", s["heap_limit"], before["limit"])
    spaces = [{v["space_name"]: v for v in truth["spaces"]} for truth in (before, after)]
    for name, space in s["spaces"].items():
        said = [v[name + "_space"] for v in spaces]
        between(f"{name}, size", space["total"], *[v["space_size"] for v in said])
        between(f"{name}, used", space["used"], *[v["space_used_size"] for v in said],
                150000 if name in ("new", "old") else 0)
    for f in ("rss", "threads", "fds", "cpu_user_ns", "faults_minor", "switches_voluntary"):
        equal(f"{f} is known", s.get(f, 0) > 0, True)
    return s


@test(nodes="all")
def as_the_process_says(node):
    wanted = int(os.environ.get("MEMWHY_SAMPLES", "20"))
    with Target("sampled.js", node=node, node_args=["--trace-gc"], ready=False) as t:
        heard = Collections(t)
        heard.hear()
        compared, unknown, taken = under_load(t, heard, wanted)
        print(f"{compared} of {taken} samples compared, {unknown} in a collection")
        s = at_rest(t, heard)
        equal("scavenges", s["gc_minor"], heard.minor)
        equal("full collections", s["gc_major"], heard.major)
        if heard.major:
            equal("a collection left less than there is now, or not much more",
                  0 < s["live_after_gc"] < s["heap_used"] * 1.1, True)


WORKER = """const { Worker } = require('worker_threads');
for (let i = 0; i < 2; i++) new Worker("globalThis.b = Buffer.alloc(1e6); setInterval(() => {}, 1000)", { eval: true });
setInterval(() => {}, 1000);"""


@test(nodes=[20, 26])
def workers(node):
    """They are found when they begin, each with a heap of its own; the main isolate stays the main one."""
    with Target([node.path, "-e", WORKER], ready=False) as t:
        rows = []
        for _ in range(10):
            rows += [x for x in samples(50, 20, t.pid) if "pid" in x]
            if rows[-1].get("workers") == 2 and rows[-1].get("workers_heap_used", 0) > 3 << 20:
                break
        s = rows[-1]
        equal("workers", s.get("workers"), 2)
        equal("their heaps", s["workers_heap_total"] > s["workers_heap_used"] > 3 << 20, True)
        equal("the main one lacks what they hold", s["array_buffers"] < 1000000, True)


@test(nodes=[24])
def programs_change(node):
    """A shell that becomes Node, and Node again, keeps its place, and is sampled once V8 stands; its end is told."""
    again = f"exec {node.path} -e 'setTimeout(() => {{}}, 700)'"
    with Target(["/bin/sh", "-c", f"sleep 0.3; {again}"], ready=False) as t:
        lines = samples(50, 60, t.pid)
        rows = [s for s in lines if "pid" in s]
        equal("at first there is no V8, and why", "V8" in rows[0].get("no_v8", ""), True)
        equal("then there is", any("heap_used" in s for s in rows), True)
        equal("it came once", [s["came"] for s in rows].count(True), 1)
        equal("and went", {"gone": t.pid} in lines, True)


@test(nodes=[16, 26])
def a_reader_that_lies(node):
    """What is read is spoilt at random: nothing but bounded values or none come of it."""
    with Target([node.path, "-e", WORKER], ready=False) as t:
        time.sleep(0.6)
        p = subprocess.run([str(BUILD / "tests" / "spoilt"), str(t.pid), os.environ.get("MEMWHY_SPOILT", "200")],
                           capture_output=True, timeout=100)
        equal(f"exit code {p.stdout} {p.stderr}", p.returncode, 0)
        equal("some is read all the same", int(p.stdout.split()[1]) > 100, True)


@test
def malloc_as_malloc_info_says():
    """Of a program that is no Node process: the kernel's fields and malloc's, and why there are none of V8's."""
    with tempfile.NamedTemporaryFile() as info, Target("malloc_truth", args=[info.name]) as t:
        s = samples(50, 2, t.pid)[1]
        text = info.read().decode()
        system = re.findall(r'<system type="current" size="(\d+)"', text)[-1]
        mapped = re.findall(r'<total type="mmap" count="\d+" size="(\d+)"', text)[-1]
        equal("what arenas took", s["malloc_arenas"], int(system))
        equal("mapped chunks", s["malloc_mapped"], int(mapped))
        equal("and no heap", "heap_used" in s, False)
        equal("for a reason", "V8" in s["no_v8"], True)


@test(nodes=[24])
def of_another_user(node):
    """What the kernel shows everybody, and one sentence on why there is no more."""
    if os.geteuid() != 0:
        raise Skip("it takes root to be somebody else")
    with Target([node.path, "-e", "setTimeout(() => {}, 20000)"], ready=False) as t:
        time.sleep(0.3)
        try:
            p = subprocess.run([str(BUILD / "tests" / "samples"), "10", "2", str(t.pid)], capture_output=True,
                               user=65534, group=65534, extra_groups=[], timeout=60)
        except PermissionError:
            raise Skip("this build is not for everybody to see")
        s = json.loads(p.stdout.splitlines()[0])
        equal("RSS is known", s["rss"] > 0, True)
        equal("and why no more", "may not be read" in s["no_v8"], True)
        equal("which is none", "heap_used" in s or "malloc_arenas" in s, False)
