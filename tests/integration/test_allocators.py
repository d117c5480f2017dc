"""Allocators other than glibc's, read from their own structures, against what a program holds of
their memory and what they say themselves."""
import random
import struct
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from harness import ROOT, TARGETS, Node, Skip, Target, ask, at_most, equal, own_findings, test
from test_account import Held, kernel_rss

# What the C library and the allocator hold beside the program: buffers of stdio, threads' tables.
OTHERS_BLOCKS, OTHERS_BYTES = 64, 512 << 10


def library(name):
    subprocess.run([str(ROOT / "tests/scripts/fetch-glibc.sh")], capture_output=True, timeout=90, check=False)
    for directory in (ROOT / ".cache/allocators", Path("/usr/lib/x86_64-linux-gnu")):
        if (directory / name).exists():
            return directory / name
    raise Skip(f"{name} can neither be fetched nor is it installed")


def a_little_more(what, got, want, most):
    if not want <= got <= want + most:
        raise AssertionError(f"{what}: got {got}, want {want} and at most {most} more (off by {got - want})")


def holds(doc, truth, name):
    """What is in use, nothing missing of it, and every byte is of one state."""
    in_use = doc["states"]["in-use"]
    print(f"{name}: in use {in_use} of {truth}, {doc['states']}")
    equal("allocator", doc["allocator"], name)
    equal("nothing unwalked", doc["states"].get("unwalked"), None)
    a_little_more("blocks", in_use["count"], truth["blocks"], OTHERS_BLOCKS)
    # musl says what was asked for, the others what a block has: a slot has a sixth more, at most.
    a_little_more("bytes", in_use["bytes"], truth["in_use"],
                  OTHERS_BYTES + (truth["in_use"] // 6 if name == "musl" else 0))
    equal("in the classes", sum(c["in_use_count"] for c in doc["classes"]), in_use["count"])
    equal("free is known", doc["totals"]["free_resident"] > 1 << 20, True)


def explained(pid, name):
    """The account, which is the kernel's RSS, and in it per state what the allocator has in memory."""
    for _ in range(3):
        before = kernel_rss(pid)
        doc = ask("explain", pid)
        if kernel_rss(pid) == before:  # else reading brought in pages of files
            break
    owners = {o["path"]: o for o in doc["account"]["owners"]}
    equal("sum of owners", sum(o["resident_bytes"] for o in owners.values()), before)
    prefix = f"malloc/{name}/"
    return owners, {p[len(prefix):]: o["resident_bytes"] for p, o in owners.items() if p.startswith(prefix)}


def preloaded(file):
    return Target("allocator_truth", env={"LD_PRELOAD": library(file)})


# What crt1.o does, for a program that is to run under musl's loader.
START = """
int main(int, char **);
int __libc_start_main(int (*)(int, char **), int, char **, void (*)(void), void (*)(void));
__attribute__((used)) static void start(long *sp) {
    __libc_start_main(main, (int)sp[0], (char **)(sp + 1), 0, 0);
}
__asm__(".globl _start\\n_start: xor %ebp,%ebp\\n mov %rsp,%rdi\\n and $-16,%rsp\\n call start\\n hlt");
"""


@contextmanager
def under_musl():
    loader = library("ld-musl-x86_64.so.1")
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/program"
        subprocess.run(["gcc", "-O1", "-w", "-U_FORTIFY_SOURCE", "-fno-stack-protector", "-nostartfiles", "-nostdlib",
                        "-o", program, str(TARGETS / "allocator_truth.c"), "-x", "c", "-", "-x", "none", str(loader)],
                       input=START.encode(), check=True)
        with Target([loader, program]) as t:
            yield t


def every_way(name, target):
    """Of a frozen, a stopped and a recorded process."""
    with target as t, tempfile.TemporaryDirectory() as folder:
        doc = ask("malloc", t.pid, codes=(0,))
        holds(doc, t.truth, name)
        equal("stopped", ask("malloc", t.pid, "--freeze=stop", codes=(0,))["states"], doc["states"])
        _, account = explained(t.pid, name)
        for state in ("in-use", "tcached", "free", "free-pages", "metadata", "reserve"):
            equal(state, account.get(state, 0), doc["states"].get(state, {"resident": 0})["resident"])
        at_most("of no structure", account.get("unwalked", 0), 256 << 10)
        equal("no list of blocks, and it is said",
              ["chunks" in (d := ask("malloc", t.pid, "--chunks")), "one by one" in " ".join(d["coverage"]["notes"])],
              [False, True])
        capture = f"{folder}/capture"
        ask("capture", t.pid, "--output", capture, codes=(0,))
        equal("capture", ask("malloc", capture, codes=(0,))["states"], doc["states"])
    return t.truth, doc


@test
def mimalloc():
    every_way("mimalloc", preloaded("libmimalloc.so.2"))


@test
def jemalloc():
    truth, doc = every_way("jemalloc", preloaded("libjemalloc.so.2"))
    states = doc["states"]
    equal("stats.allocated", states["in-use"]["bytes"] + states["tcached"]["bytes"], truth["allocated"])
    a_little_more("stats.active", truth["active"],
                  sum(states[s]["bytes"] for s in ("in-use", "tcached", "free")), states["metadata"]["bytes"])


@test
def tcmalloc():
    truth, doc = every_way("tcmalloc", preloaded("libtcmalloc_minimal.so.4"))
    states = doc["states"]
    equal("current_allocated_bytes", states["in-use"]["bytes"], truth["allocated"])
    equal("thread_cache_free_bytes", states["tcached"]["bytes"], truth["thread_caches"])
    equal("pageheap_free_bytes", states["free-pages"]["bytes"], truth["page_heap"])
    # It counts what of a span is too little for an object as free, with the objects.
    a_little_more("central and transfer", truth["central"] + truth["transfer"], states["free"]["bytes"],
                  states["metadata"]["bytes"])


@test
def musl():
    every_way("musl", under_musl())


def burst(name, file, settings):
    """After a burst: said to be retention, with a setting under which those pages are not kept."""
    def target(env):
        return Target("allocator_truth", args=["burst"], env={"LD_PRELOAD": library(file), **env})

    def whole_pages(pid):
        return ask("malloc", pid)["states"].get("free-pages", {"resident": 0})["resident"]

    with target({}) as t:
        finding = own_findings(t.pid)[0]
    equal("cause", finding["cause"], "allocator-retention")
    equal("certain", finding["confidence"], "certain")
    saving = finding["remedy"]["saving_bytes"]
    at_most("smallest saving that proves anything", 16 << 20, saving)
    for setting, value in settings.items():
        equal(f"{setting} is advised", f"{setting}={value}" in finding["remedy"]["text"], True)
    with target(settings) as t:
        until = time.monotonic() + 5
        while whole_pages(t.pid) > saving // 10 and time.monotonic() < until:
            time.sleep(0.1)  # it takes its time
        print(f"{name}: {saving} to be saved, left {whole_pages(t.pid)}")
        at_most("whole pages kept with the setting", whole_pages(t.pid), saving // 10)


@test
def jemalloc_after_a_burst():
    burst("jemalloc", "libjemalloc.so.2",
          {"MALLOC_CONF": "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0"})


@test
def tcmalloc_after_a_burst():
    burst("tcmalloc", "libtcmalloc_minimal.so.4", {"TCMALLOC_AGGRESSIVE_DECOMMIT": 1})


@test
def mimalloc_after_a_burst():
    burst("mimalloc", "libmimalloc.so.2", {"MIMALLOC_DECOMMIT_DELAY": 0})


def in_node(name, file):
    for version in (18, 24):
        with Target("account.js", node=Node(version), args=["buffers"], node_args=["--expose-gc"],
                    env={"LD_PRELOAD": library(file)}) as t:
            with Held(t.pid):
                owners, got = explained(t.pid, name)
        print(f"Node {version}: {got}")
        equal("in use and free", {"in-use", "free", "metadata"} <= set(got), True)
        at_most("of no structure", got.get("unwalked", 0), 1 << 20)
        a_little_more("Buffers in its memory", t.truth["arrayBuffers"], owners["arraybuffers/malloc"]["virtual_bytes"],
                      1 << 20)


@test
def mimalloc_in_node():
    in_node("mimalloc", "libmimalloc.so.2")


@test
def jemalloc_in_node():
    in_node("jemalloc", "libjemalloc.so.2")


@test
def tcmalloc_in_node():
    in_node("tcmalloc", "libtcmalloc_minimal.so.4")


def writable(pid):
    """Private memory: (start, end, name)."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        where, rights, _, _, _, *name = line.split(None, 5)
        if rights == "rw-p":
            yield *(int(x, 16) for x in where.split("-")), name[0] if name else ""


def resident_pages(pid, start, end):
    """Addresses of those that are in memory; a reservation may be huge."""
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(start // 4096 * 8)
        entries = f.read(min(end - start, 1 << 30) // 4096 * 8)
    return [start + i // 8 * 4096 for i in range(0, len(entries), 8) if entries[i + 7] & 0x80]


def tampered(name, target, metadata):
    """Words of the memory replaced while nobody uses it any more, half of them in the pages that
    `metadata` chooses: an answer every time, every byte of it counted."""
    chance = random.Random(1)
    with target as t:
        pages = [page for start, end, what in writable(t.pid) if "stack" not in what
                 for page in resident_pages(t.pid, start, end)]
        said = set()
        with open(f"/proc/{t.pid}/mem", "r+b", buffering=0) as memory:
            chosen = metadata(pages, memory)
            equal("there is metadata", len(chosen) > 4, True)
            for words in (1, 4, 16, 64, 256):
                for _ in range(words):
                    page = chance.choice(chosen if chance.random() < 0.5 else pages)
                    at = page + 8 * chance.randrange(512)
                    memory.seek(chance.choice(chosen) + 8 * chance.randrange(512))
                    other = memory.read(8)
                    memory.seek(at)
                    memory.write(chance.choice([other, bytes(8), chance.randbytes(8), b"\1" + bytes(7), b"\xff" * 8]))
                doc = ask("malloc", t.pid, codes=(0, 4))
                said.update(doc["coverage"]["notes"])
            explained(t.pid, name)
        print(said)
        equal("says where it broke", any("0x" in s for s in said), True)


def segment_headers(pages, _):
    return [page for page in pages if page % (32 << 20) < 44 << 10]


def base_blocks(pages, memory):
    """jemalloc's memory for metadata begins with its size, and with where in it the unused begins."""
    found = []
    for page in pages:
        if page % (2 << 20) == 0:
            memory.seek(page)
            size, _, _, free, unused = struct.unpack("5Q", memory.read(40))
            if size and size % (2 << 20) == 0 and free + unused == page + size:
                found += [p for p in pages if page <= p < page + size]
    return found


@test
def mimalloc_tampered():
    tampered("mimalloc", preloaded("libmimalloc.so.2"), segment_headers)


@test
def tcmalloc_tampered():
    """Records of spans are full of addresses of each other; the first memory it takes is for them."""
    def records(pages, memory):
        lists = []
        for page in pages[:1500]:
            memory.seek(page)
            words = struct.unpack("512Q", memory.read(4096))
            near = sum(abs(w - page) < 8 << 20 for w in words if w % 8 == 0)
            lists.append((near, page))
        return [page for _, page in sorted(lists)[-64:]]
    tampered("tcmalloc", preloaded("libtcmalloc_minimal.so.4"), records)


@test
def jemalloc_tampered():
    tampered("jemalloc", preloaded("libjemalloc.so.2"), base_blocks)


@test
def musl_tampered():
    """Its metadata begins each page with the same number."""
    def areas(pages, memory):
        first = {}
        for page in pages:
            memory.seek(page)
            first.setdefault(memory.read(8), []).append(page)
        return max((pages for number, pages in first.items() if len(set(number)) > 5), key=len)
    tampered("musl", under_musl(), areas)
