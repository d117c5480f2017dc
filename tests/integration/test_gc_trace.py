"""`memwhy gc-trace`: every collection, beside what V8's own --trace-gc and Node's observer say of it."""
import ctypes
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from harness import MEMWHY, TARGETS, VERSIONS, Node, Skip, Target, at_most, equal, memwhy, test

def run(command):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60)


CAP_PERFMON, CAP_BPF, CAP_SYS_ADMIN = 38, 39, 21
LINE = re.compile(
    r"\[\d+:(0x[0-9a-f]+)\]\s+(\d+) ms: (Scavenge|Mark-sweep|(?:Incremental )?Mark-Compact)"
    r"( \(reduce\))?( \((?:interleaved|during sweeping)\))? ([\d.]+) \(([\d.]+)\) -> ([\d.]+) \(([\d.]+)\) MB,(?: pooled: [\d.]+ MB,)?"
    r" ([\d.]+) / [\d.]+ ms\s+(?:\(\+ ([\d.]+) ms in (\d+) steps[^)]*\) )?"
    r"\(average mu = ([\d.]+), current mu = ([\d.]+)\) ([^;]*)")
KINDS = {"Scavenge": "scavenge", "Mark-sweep": "mark-compact", "Mark-Compact": "mark-compact",
         "Incremental Mark-Compact": "mark-compact"}


def kernel_takes_probes():
    """Found out without memwhy: the capabilities, and a map of BPF's made by hand."""
    caps = int(re.search(r"CapEff:\s*(\w+)", open("/proc/self/status").read()).group(1), 16)
    able = caps >> CAP_SYS_ADMIN & 1 or (caps >> CAP_BPF & 1 and caps >> CAP_PERFMON & 1)
    attr = (ctypes.c_uint32 * 32)(2, 4, 8, 1)  # an array of one
    fd = ctypes.CDLL(None, use_errno=True).syscall(321 if os.uname().machine == "x86_64" else 280, 0, attr, 128)
    if fd >= 0:
        os.close(fd)
    return bool(able) and fd >= 0


def need_probes():
    if not kernel_takes_probes():
        raise Skip("this machine lets nobody use BPF here: only `counted_without_bpf` was tested")
    if "built without" in memwhy("gc-trace", os.getpid(), "--for", "1ms").err:
        raise Skip("this memwhy was built without libbpf, clang or bpftool")


class Collected:
    """A target that collects on request, and memwhy beside it: .events, .summary, .truth, .lines."""

    def __init__(self, node, seconds, flags=(), command=(MEMWHY,), counted=False):
        with tempfile.TemporaryFile() as trace:
            self.process = subprocess.Popen([node.need().path, "--expose-gc", *flags, TARGETS / "collected.js",
                                             str(seconds)],
                                            stdin=subprocess.PIPE, stdout=trace, stderr=subprocess.PIPE)
            self.hear()
            watch = subprocess.Popen([*map(str, command), "gc-trace", str(self.process.pid), "--json"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            first = watch.stdout.readline()
            if not first:
                raise AssertionError(f"memwhy gc-trace ended: {watch.communicate()[1].decode()}")
            equal("it says when it begins", json.loads(first)["event"], "began")
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()
            self.truth = self.hear()
            if counted:  # what happened since the last round is counted in a last one
                watch.send_signal(signal.SIGINT)
            else:  # all that was named has ended, so memwhy ends
                self.end()
            rest, err = watch.communicate(timeout=30)
            self.code, self.err = watch.returncode, err.decode()
            if counted:
                self.end()
            trace.seek(0)
            lines = [line for line in trace.read().decode().splitlines() if " ms: " in line]
            self.lines = [m for m in map(LINE.search, lines) if m]
            equal("lines that were not understood", [line for line in lines if not LINE.search(line)], [])
        docs = [json.loads(line) for line in rest.splitlines()]
        self.summary = docs.pop()
        equal("the last line is the summary", self.summary["event"], "summary")
        self.events = docs if counted else [e for e in docs if e["at_ns"] >= self.truth["began_ns"]]

    def end(self):
        self.process.stdin.close()
        equal("the target ends well", self.process.wait(), 0)

    def hear(self):
        line = self.process.stderr.readline()
        assert line.startswith(b"READY"), f"the target says {line}"
        return json.loads(line[5:])


def of_isolate(events, lines, isolate):
    """Both of one isolate; of the lines those that came while memwhy looked. None is left out at the end."""
    events = [e for e in events if e["isolate"] == isolate]
    lines = [m for m in lines if m.group(1) == isolate]
    return events, lines[len(lines) - len(events):] if len(events) <= len(lines) else lines


def same_as_v8(e, m, decimals):
    _, _, kind, reduce, _, before, held_before, after, held_after, pause, marking, steps, mu, mu_last, reason = m.groups()
    what = m.group(0)
    equal(f"kind of {what}", e["kind"], KINDS[kind])
    # Behind it may stand why this collector was chosen; older versions put no semicolon between.
    equal(f"reason of {what}", reason.removesuffix(" GC in old space requested").strip(), e["reason"])
    equal(f"reduces, {what}", e["reduces_memory"], bool(reduce))
    # V8 prints the same figure to so many decimals: far less than 0.1 ms may be between them.
    at_most(f"pause of {what}", abs(e["pause_ns"] / 1e6 - float(pause)), 0.5001 * 10**-decimals)
    for name, text in (("before_bytes", before), ("committed_before_bytes", held_before), ("after_bytes", after),
                       ("committed_after_bytes", held_after)):
        at_most(f"{name} of {what}", abs(e[name] / 2**20 - float(text)), 0.0501)
    at_most(f"mu of {what}", abs(e["utilization"] - float(mu)), 0.000501)
    at_most(f"last mu of {what}", abs(e["utilization_last"] - float(mu_last)), 0.000501)
    at_most(f"steps of {what}", abs(e.get("steps_ns", 0) / 1e6 - float(marking or 0)), 0.0501)
    equal(f"number of steps of {what}", e.get("steps", 0), int(steps or 0))


def compare(c):
    isolates = {e["isolate"] for e in c.events}
    equal("a main isolate and a worker's", len(isolates), 2)
    decimals = len(c.lines[0].group(10).partition(".")[2])
    for isolate in isolates:
        events, lines = of_isolate(c.events, c.lines, isolate)
        worker = events[0]["worker"]
        equal("one thread an isolate", {e["tid"] for e in events}, {events[0]["tid"]})
        equal("a worker is no main thread", worker, events[0]["tid"] != c.process.pid)
        if worker:  # it began when memwhy looked already
            equal("the worker's collections", len(events), len([m for m in c.lines if m.group(1) == isolate]))
        for e, m in zip(events, lines, strict=True):
            same_as_v8(e, m, decimals)
        for kind in ("scavenge", "mark-compact"):
            ours = [e for e in events if e["kind"] == kind]
            at_most(f"at least one {kind}", 1, len(ours))
            row = [r for r in c.summary["kinds"] if r["kind"] == kind and (r["threads"] == "workers") == worker][0]
            at_most("those of the load are among all", len(ours), row["count"])
            at_most("the longest", max(e["pause_ns"] for e in ours), row["longest_ns"])
    main = [e for e in c.events if not e["worker"]]
    equal("none is missing", len([e for e in main if e["kind"] == "scavenge"]), c.truth["minor"])
    for e in main:
        at_most("within the load", e["at_ns"] + e["pause_ns"], c.truth["ended_ns"])
    equal("none lost", (c.summary["lost"], c.summary["unexplained"]), (0, 0))


@test(nodes=VERSIONS)
def as_trace_gc(node):
    need_probes()
    c = Collected(node, 0.4, ["--trace-gc"])
    equal("exit code", c.code, 0)
    compare(c)


@test(nodes=[16, 24])
def without_a_flag(node):
    """Node's own observer counts the main thread's: V8 calls it at the end of each collection."""
    need_probes()
    c = Collected(node, 0.4)
    main = [e for e in c.events if not e["worker"]]
    equal("no trace", c.lines, [])
    equal("full ones", len([e for e in main if e["kind"] == "mark-compact"]), c.truth["major"])
    equal("minor ones", len([e for e in main if e["kind"] == "scavenge"]), c.truth["minor"])


@test(nodes=[16, 24])
def counted_without_bpf(node):
    """The same command without the right to put probes: the reason, and counts instead of events."""
    drop = ["setpriv", "--bounding-set=-sys_admin,-bpf,-perfmon"] if os.geteuid() == 0 else []
    a = run([*drop, MEMWHY, "gc-trace", os.getpid(), "--for", "1ms"])
    equal("what is no Node is refused", a.returncode, 3)
    named = "libbpf" if "built without" in a.stderr else "CAP_SYS_ADMIN"
    equal(f"it names {named}", named in a.stderr, True)
    c = Collected(node, 0.4, ["--trace-gc"], [*drop, MEMWHY], counted=True)
    equal("exit code", c.code, 4)
    equal(f"it says why, naming {named}", named in c.err, True)
    equal("nothing but counts", {e["event"] for e in c.events}, {"counted"})
    main = c.lines[0].group(1)
    for count, kind in (("major", "mark-compact"), ("minor", "scavenge")):
        all_of_it = [m for m in c.lines if m.group(1) == main and KINDS[m.group(3)] == kind]
        at_most(f"all {count} ones of the load are counted", c.truth[count], c.summary[count])
        at_most(f"and no more {count} ones than there were", c.summary[count], len(all_of_it))
        equal(f"{count} ones by and by", sum(e[count] for e in c.events), c.summary[count])


@test(nodes=[24])
def ends_without_a_trace(node):
    """Killed at any moment it leaves nothing in the target, which goes on."""
    need_probes()
    with Target("collected.js", node=node, node_args=["--expose-gc"], args=["0.2"], ready=False) as t:
        for wait in (0.02, 0.1, 0.3):
            watch = subprocess.Popen([str(MEMWHY), "gc-trace", str(t.pid), "--json"], stdout=subprocess.DEVNULL)
            time.sleep(wait)
            watch.kill()
            watch.wait()
        equal("it lives", t.alive(), True)
        # The kernel writes a breakpoint (0xcc) where a probe is; in the file there is none.
        place, code = print_code(node.path, t.pid)
        equal("the code is as in the file", code, place)
        a = memwhy("gc-trace", t.pid, "--for", "50ms")
        equal("and it can be traced again", (a.code, "0 collections" in a.out), (0, True))


def print_code(path, pid):
    """The first bytes of GCTracer::Print() in the file and in the process."""
    symbol = next(line for line in subprocess.run(["nm", path], capture_output=True, text=True).stdout.splitlines()
                  if line.endswith(" _ZNK2v88internal8GCTracer5PrintEv"))
    address = int(symbol.split()[0], 16)
    headers = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
    for line in headers.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, start, size = (int(words[i], 16) for i in (1, 2, 4))
            if start <= address < start + size:
                with open(path, "rb") as f, open(f"/proc/{pid}/mem", "rb") as mem:
                    f.seek(address - start + offset)
                    mem.seek(address)
                    return f.read(16), mem.read(16)
    raise AssertionError("Print() is in no segment")
