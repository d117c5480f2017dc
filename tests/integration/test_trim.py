"""memwhy trim: what it says against the kernel's counters, and that it does no harm, whatever happens to
memwhy on the way. MEMWHY_TRIMS=100 MEMWHY_TRIM_KILLS=300 is the whole; CI does a part."""
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

from harness import BUILD, MEMWHY, Node, Target, ask, at_most, equal, memwhy, near, refuses, test
from test_confined import USER, Place
from test_harm import Load
from test_malloc import allocator_file, foreign_libraries
from undisturbed import guards, state, undisturbed, wait_for_guards

TRIMS = int(os.environ.get("MEMWHY_TRIMS", "6"))
KILLS = int(os.environ.get("MEMWHY_TRIM_KILLS", "12"))


def rss(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


@test(nodes="all")
def gives_back_what_was_predicted(node):
    with Target("malloc_node.js", node=node, args=["holes"], node_args=["--expose-gc"]) as t:
        time.sleep(0.5)
        before = rss(t.pid)
        doc = ask("trim", t.pid)
        fell = before - rss(t.pid)
        again = ask("trim", t.pid)
        equal("it still runs", t.alive(), True)
    print(f"predicted {doc['predicted_bytes']}, freed {doc['freed_bytes']}, RSS fell by {fell}, held "
          f"{doc['call_pause_ns'] / 1e6:.1f} ms")
    at_most("smallest prediction that proves anything", 300 << 20, doc["predicted_bytes"])
    near("freed", doc["freed_bytes"], doc["predicted_bytes"], 0.02)
    near("what RSS fell by", fell, doc["freed_bytes"], 0.02)
    accounts = doc["before"]["rss_bytes"] - doc["after"]["rss_bytes"]
    near("the accounts' difference", accounts, doc["freed_bytes"], 0.02)
    at_most("left over", doc["still_trimmable_bytes"], 1 << 20)
    at_most("freed by a second one", again["freed_bytes"], 2 << 20)


@test(nodes=[26] if TRIMS < 100 else "all", timeout=120 + 3 * TRIMS)
def under_load(node):
    """No request fails, no signal is lost, no child's end goes unseen; masks and scheduling stay."""
    with Load(node) as load:
        before, pauses = state(load.pid), []
        for i in range(TRIMS):
            pauses.append(ask("trim", load.pid)["call_pause_ns"] / 1e6)
            before = undisturbed(load.pid, before)
            if i % 10 == 0:
                load.goes_on()
        equal("supervisors left", guards(load.pid), [])
        done, client = load.ends_well()
        pauses.sort()
        print(f"Node {node.version}: {TRIMS} trims, held {pauses[len(pauses) // 2]:.1f} ms, at most {pauses[-1]:.1f} ms; "
              f"{done['requests']} requests (longest {client['longest_ms']} ms)")


class Waits:
    """tests/targets/waits.c, which compares its registers after each wait."""

    def __init__(self):
        self.target = Target("waits")
        self.pid = self.target.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.target.kill()

    def goes_on(self):
        waits = self.target.truth["waits"]
        self.target.say("mark")
        seen = self.target.hear()
        equal("wrong", seen["wrong"], "")
        equal("it waited on", seen["waits"] > waits, True)
        return seen


@test
def registers_are_as_they_were():
    with Waits() as w:
        before = state(w.pid)
        doc = ask("trim", w.pid)
        near("freed", doc["freed_bytes"], doc["predicted_bytes"], 0.02)
        at_most("smallest prediction that proves anything", 100 << 20, doc["predicted_bytes"])
        for _ in range(10):
            ask("trim", w.pid)
        undisturbed(w.pid, before)
        print(f"broken off {w.goes_on()['broken_off']} waits")


@test
def under_other_libraries():
    for version, directory in foreign_libraries().items():
        if tuple(map(int, version.split("."))) < (2, 36):
            continue  # the program is built against this machine's
        with Target([f"{directory}/ld.so", "--library-path", directory, BUILD / "tests/waits"]) as t:
            doc = ask("trim", t.pid)
            near(f"freed under glibc {version}", doc["freed_bytes"], doc["predicted_bytes"], 0.02)
            at_most("smallest prediction that proves anything", 100 << 20, doc["predicted_bytes"])
            t.say("mark")
            equal("wrong", t.hear()["wrong"], "")


def supervisor(pid, until):
    while time.monotonic() < until:
        found = guards(pid)
        if found:
            return int(found[0])
    return None


@test(timeout=120 + 2 * KILLS)
def ended_at_any_moment():
    """memwhy or its supervisor or both are ended: the call goes to its end, or was never begun."""
    rng, midway = random.Random(6), 0
    ended = {"memwhy": 0, "supervisor": 0, "both": 0, "interrupted": 0}
    with Waits() as w:
        before = state(w.pid)
        for i in range(KILLS):
            who, full = list(ended)[i % 4], rss(w.pid)
            p = subprocess.Popen([str(MEMWHY), "trim", str(w.pid), "--freeze=stop"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            guard = supervisor(w.pid, time.monotonic() + 2)
            time.sleep(rng.choice((0, rng.uniform(0, 0.01), rng.uniform(0, 0.04))))
            called = rss(w.pid) < full - (1 << 20)
            try:
                if guard and who in ("supervisor", "both"):
                    os.kill(guard, signal.SIGKILL)
                if who != "supervisor":
                    p.send_signal(signal.SIGINT if who == "interrupted" else signal.SIGKILL)
                ended[who] += 1
            except ProcessLookupError:
                pass
            left = rss(w.pid)
            p.wait()
            wait_for_guards(w.pid)
            time.sleep(0.05)
            midway += called and rss(w.pid) < left - (1 << 20)
            before = undisturbed(w.pid, before)
            w.goes_on()
        ask("trim", w.pid)
    print(f"ended: {ended}, {midway} of them in the middle of the call")


@test
def refuses_what_is_not_safe():
    with Target("malloc_node.js", node=Node(24).need(), args=["small"],
                env={"LD_PRELOAD": allocator_file("libjemalloc.so.2")}) as t:
        refuses("trim", t.pid, json_code="unsupported", says="jemalloc")
    busy = "console.log('READY'); setTimeout(() => { for (;;) ; }, 100)"
    with Target([Node(24).need().path, "-e", busy]) as t:
        time.sleep(0.3)
        refuses("trim", t.pid, "--max-wait=200ms", json_code="no-permission", says="never found waiting")
        equal("it still runs", t.alive(), True)
    with Target("waits") as t:
        refuses("trim", t.pid, "--max-pause=20ms", json_code="no-permission", says="--max-pause=")
        t.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        memwhy("trim", t.pid, "--max-wait=200ms")
        equal("it stays stopped", "State:\tT" in Path(f"/proc/{t.pid}/status").read_text(), True)
        t.process.send_signal(signal.SIGCONT)
        t.say("mark")
        equal("and goes on as before", t.hear()["wrong"], "")


# A seccomp filter that permits everything, for the program that follows.
FILTERED = """
import ctypes, os, struct, sys
allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 1, ctypes.addressof(allow)))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit("no filter")
os.execv(sys.argv[1], sys.argv[1:])
"""


@test
def under_a_filter():
    """Who may suspend it does, for the time of the call; who may not leaves the process alone."""
    with Target(["python3", "-c", FILTERED, BUILD / "tests/waits"]) as t:
        equal("it has a filter", "Seccomp:\t2" in Path(f"/proc/{t.pid}/status").read_text(), True)
        doc = ask("trim", t.pid)
        near("freed", doc["freed_bytes"], doc["predicted_bytes"], 0.02)
        t.say("mark")
        equal("wrong", t.hear()["wrong"], "")
    with Place() as place:
        with Target([*USER, "python3", "-c", FILTERED, place.copy(BUILD / "tests/waits")]) as t:
            p = subprocess.run([*USER, place.memwhy, "trim", str(t.pid)], capture_output=True, text=True)
            equal(f"refused: {p.stderr}", (p.returncode, "seccomp filter" in p.stderr), (3, True))
            t.say("mark")
            equal("wrong", t.hear()["wrong"], "")


@test
def refuses_a_damaged_heap():
    """Chunk headers are trampled: malloc_trim would end the process."""
    with Target("waits") as t:
        heap = next(line for line in Path(f"/proc/{t.pid}/maps").read_text().splitlines() if line.endswith("[heap]"))
        start = int(heap.split("-")[0], 16)
        with open(f"/proc/{t.pid}/mem", "r+b", buffering=0) as mem:
            for off in range(64 << 10, 256 << 10, 16):
                mem.seek(start + off)
                mem.write(b"\xab" * 16)
        refuses("trim", t.pid, json_code="unsupported", says="does not hold together")
        equal("it still runs", t.alive(), True)


@test
def text_output():
    with Target("waits") as t:
        answer = memwhy("trim", t.pid)
    equal("exit code", answer.code, 0)
    for word in ("gave back", "were predicted", "stood still for", "all that is resident"):
        if word not in answer.out:
            raise AssertionError(f"the text lacks {word!r}:\n{answer.out}")
