"""The account adds up: the owners' sum is the kernel's RSS to the byte, whatever the memory is."""
import ctypes.util
import os
import signal
import time
from pathlib import Path

from harness import Node, Skip, Target, ask, at_most, equal, near, test

KINDS = ["idle", "objects", "buffers", "shared", "strings", "wasm", "pool", "workers", "files"]
UNKNOWN_PART = 0.01


def kernel_rss(pid):
    """By the page tables, not by a counter."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("smaps_rollup has no Rss")


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]


def becomes(pid, wanted):
    """A task that a tracer lets go while job control stops it runs for a moment, in the kernel."""
    until = time.monotonic() + 5
    while state(pid) != wanted:
        if time.monotonic() > until:
            raise AssertionError(f"process {pid} is in state {state(pid)}, not {wanted}")
        time.sleep(0.005)


class Held:
    """The process, by job control, at rest while we compare."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        becomes(self.pid, "T")
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


def owned(doc, prefix):
    return sum(o["resident_bytes"] for o in doc["account"]["owners"]
               if o["path"] == prefix or o["path"].startswith(prefix + "/"))


def adds_up(what, pid, codes=(0, 1)):
    """The account of a process held still; gives the document."""
    with Held(pid):
        before = kernel_rss(pid)
        doc = ask("explain", pid, codes=codes)
        becomes(pid, "T")
        after = kernel_rss(pid)
    account = doc["account"]
    total = sum(o["resident_bytes"] for o in account["owners"])
    equal(f"{what}: the kernel's RSS while memwhy looked", after, before)
    equal(f"{what}: RSS", account["rss_bytes"], before)
    equal(f"{what}: sum of owners", total, before)
    equal(f"{what}: attributed", account["attributed_bytes"], total)
    at_most(f"{what}: unknown ({account.get('unknown')})", owned(doc, "unknown"), UNKNOWN_PART * before)
    print(f"{what}: RSS {before}, off {total - before}, unknown {owned(doc, 'unknown')} "
          f"({100 * owned(doc, 'unknown') / before:.3f} %)")
    return doc


def answers(target):
    """Its event loop goes on."""
    target.say("still there?")
    target.hear()


@test(nodes=[12, 16, 18, 20, 22, 24, 26], timeout=200)
def kinds_of_memory(node):
    codes = (0, 1, 4) if node.version == 12 else (0, 1)
    for kind in KINDS:
        with Target("account.js", node=node, args=[kind], node_args=["--expose-gc"]) as t:
            doc = adds_up(f"{kind} on {node.version}", t.pid, codes)
            truth = t.truth.get("arrayBuffers")
            if truth is not None and kind not in ("wasm", "workers"):
                got = doc["facts"]["array_buffer_bytes"]
                near(f"{kind}: ArrayBuffer bytes", got, truth, 0.001)
            answers(t)
