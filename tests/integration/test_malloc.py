"""memwhy malloc against what the C library says of itself, to the byte."""
import os
import re
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness import BUILD, ROOT, TARGETS, Node, Skip, Target, ask, at_most, equal, memwhy, near, test

GLIBC = ROOT / ".cache" / "glibc"


def fetch():
    return subprocess.run([str(ROOT / "tests/scripts/fetch-glibc.sh")], capture_output=True, text=True, timeout=90)


def foreign_libraries():
    """The other C libraries that can be had: version -> directory."""
    p = fetch()
    found = dict(line.split() for line in p.stdout.splitlines())
    if not found:
        raise Skip(f"no other C library: {p.stderr.strip() or 'none in .cache/glibc'}")
    return found


def build_for_any_library():
    """malloc_truth, linked so that it runs under any glibc."""
    out = ROOT / ".cache" / "malloc_truth"
    source = TARGETS / "malloc_truth.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        out.parent.mkdir(exist_ok=True)
        new = out.with_suffix(f".{os.getpid()}")  # tests run side by side
        subprocess.run(["gcc", "-O0", "-DOWN_START", "-nostartfiles", "-w", "-o", new, source, "-lpthread"],
                       check=True)
        new.rename(out)
    return out


def command_under(directory, program, *args):
    preload = [d for d in [Path(directory) / "libpthread.so.0"] if d.exists()]
    return [f"{directory}/ld.so", "--library-path", directory,
            *(["--preload", preload[0]] if preload else []), program, *args]


def parse_info(path):
    """malloc_info's XML: per arena and in all, bytes by kind."""
    def numbers(e):
        got = {f"{x.tag}_{x.get('type')}": (int(x.get("count", 0)), int(x.get("size"))) for x in e
               if x.tag in ("total", "system")}
        return got
    root = ElementTree.parse(path).getroot()
    return [numbers(h) for h in root.findall("heap")], numbers(root)


def agrees(doc, truth, heaps=None):
    """The census equals mallinfo() and malloc_info(), every byte of it."""
    total = doc["totals"]
    equal("coverage notes", doc["coverage"]["notes"], [])
    equal("complete", doc["coverage"]["complete"], True)
    equal("free (fordblks)", total["free"], truth["fordblks"])
    equal("fast (fsmblks)", total["fast"], truth["fsmblks"])
    equal("in use, tcached and metadata (uordblks)",
          total["in_use"] + total["tcached"] + total["metadata"] + total["unwalked"], truth["uordblks"])
    equal("mmapped bytes (hblkhd)", total["mmapped"], truth["hblkhd"])
    equal("mmapped chunks (hblks)", total["mmapped_count"], truth["hblks"])
    equal("system (arena)", sum(a["system"] for a in doc["arenas"]), truth["arena"])
    equal("top of the main arena (keepcost)", doc["arenas"][0]["states"]["top"]["bytes"], truth["keepcost"])
    for mine, theirs in zip(sorted(doc["arenas"], key=lambda a: a["system"]),
                            sorted(heaps or [], key=lambda h: h["system_current"][1])):
        states = mine["states"]
        equal("fast chunks of an arena", states["fast"]["count"], theirs.get("total_fast", (0, 0))[0])
        equal("fast bytes of an arena", states["fast"]["bytes"], theirs.get("total_fast", (0, 0))[1])
        equal("binned chunks of an arena, and top", states["binned"]["count"] + 1, theirs["total_rest"][0])
        # malloc_info() adds up binned chunks with the flag bits of their size (chunksize_nomask in
        # __malloc_info): PREV_INUSE always, NON_MAIN_ARENA in some chunks of thread arenas
        flags = theirs["total_rest"][1] - (mine["free"] - states["fast"]["bytes"])
        count = states["binned"]["count"]
        equal(f"rest of an arena, but for {flags} of flag bits in {count} chunks",
              count <= flags <= 5 * count and (flags - count) % 4 == 0, True)


def partition_holds(doc):
    """Every byte of an arena has one state, and no more is resident than there is."""
    for a in doc["arenas"]:
        states = a["states"]
        used = sum(s["bytes"] for name, s in states.items() if name != "reserve")
        equal(f"states of arena {a['index']} fill its system bytes", used, a["system"])
        for name, s in states.items():
            at_most(f"resident {name} of arena {a['index']}", s["resident"], s["bytes"])
        at_most("trimmable", a["trimmable"], a["free_resident"])


def check_truth_program(command, mode=""):
    with tempfile.NamedTemporaryFile() as xml:
        with Target([*command, xml.name, mode]) as t:
            doc = ask("malloc", t.pid, codes=(0,))
            heaps, _ = parse_info(xml.name)
            truth = t.truth
            equal("it still runs", t.alive(), True)
    equal("allocator", doc["allocator"], "glibc")
    agrees(doc, truth, heaps)
    partition_holds(doc)
    equal("arenas", len(doc["arenas"]), len(heaps))
    marks = [c for c in doc["classes"] if c["size"] == truth["mark_chunk"]]
    at_most("marked chunks", truth["marks"], marks[0]["in_use_count"])
    # what the program holds, and a little of the library's own
    near("in use", doc["totals"]["in_use"], truth["mine"], 0.001)
    equal("an arena of several heaps", max(a["heaps"] for a in doc["arenas"]) > 3, True)
    threads = sorted(t for a in doc["arenas"] for t in a["threads"])
    equal("each thread is in one arena", len(threads), len(set(threads)))
    equal("all threads are in an arena", len(threads), doc["target"]["threads"])
    return doc


@test
def own_library():
    doc = check_truth_program([build_for_any_library()])
    print("glibc", doc["glibc"].get("version"), doc["totals"])


@test(timeout=300)
def other_libraries():
    program = build_for_any_library()
    for version, directory in foreign_libraries().items():
        doc = check_truth_program(command_under(directory, program))
        equal("version", doc["glibc"]["version"], version)
        print("glibc", version, doc["totals"])


@test
def break_moved_by_another():
    """Memory somebody else took with sbrk lies between malloc's chunks: left out, said as unwalked."""
    doc = check_truth_program([build_for_any_library()], "sbrk")
    near("what is not malloc's", doc["totals"]["unwalked"], 100000, 0.001)


@test
def break_blocked():
    """The main arena goes on in mappings that nothing names; all of them are found."""
    doc = check_truth_program([build_for_any_library()], "blocked")
    equal("unwalked", doc["totals"]["unwalked"], 0)


def storm(t, stops):
    """Stops that fall anywhere, also into malloc itself: nearly always every byte is known, and when a
    chunk is caught half made, it is said and costs no more than its surroundings."""
    complete = 0
    for _ in range(stops):
        doc = ask("malloc", t.pid, codes=(0, 4))
        complete += doc["coverage"]["complete"]
        system = sum(a["system"] for a in doc["arenas"])
        at_most("unwalked", doc["totals"]["unwalked"], system // 20)
        if doc["totals"]["unwalked"]:
            equal("it is said", doc["coverage"]["complete"], False)
        for a in doc["arenas"]:
            for name, s in a["states"].items():
                at_most(f"resident {name} of arena {a['index']}", s["resident"], s["bytes"])
    print(f"{complete} of {stops} complete")
    at_most("9 of 10 stops", stops * 0.9, complete)


@test
def storm_of_threads():
    for threads in (1, 4):
        with Target("malloc_storm", args=[threads]) as t:
            storm(t, 40)


@test
def storm_under_other_libraries():
    for version, directory in foreign_libraries().items():
        if tuple(map(int, version.split("."))) < (2, 36):
            continue  # the program is built against this machine's
        with Target([f"{directory}/ld.so", "--library-path", directory, BUILD / "tests/malloc_storm", 4]) as t:
            storm(t, 30)


@test
def core_file():
    """A core gives the same census as the process."""
    with tempfile.TemporaryDirectory() as directory, Target([build_for_any_library()]) as t:
        live = ask("malloc", t.pid, codes=(0,))
        if not shutil.which("gcore"):
            raise Skip("gcore (gdb) is not installed")
        subprocess.run(["gcore", "-o", f"{directory}/core", str(t.pid)], capture_output=True, timeout=60)
        core = ask("malloc", f"{directory}/core.{t.pid}", codes=(0, 4))
    for name in ("in_use", "tcached", "free", "fast", "binned", "top", "metadata", "mmapped", "mmapped_count"):
        equal(name, core["totals"][name], live["totals"][name])
    equal("classes", core["classes"], live["classes"])


@test(timeout=240)
def node_under_other_libraries():
    node = Node(20).need()
    for version, directory in foreign_libraries().items():
        if tuple(map(int, version.split("."))) < (2, 36):
            continue  # this machine's libstdc++ needs a newer one
        command = [f"{directory}/ld.so", "--library-path", directory, node.path, TARGETS / "malloc_node.js"]
        with Target([*command, "workers"]) as t:
            time.sleep(1)
            doc = ask("malloc", t.pid, codes=(0,))
            truth = mallinfo2_of(t.pid)
            again = ask("malloc", t.pid, codes=(0,))
        if doc["totals"] == again["totals"]:
            agrees(doc, truth)
            partition_holds(doc)
            print("glibc", version, doc["totals"])


def call_in(pid, *calls):
    """Call functions in a process through gdb."""
    if not shutil.which("gdb"):
        raise Skip("gdb is not installed")
    args = ["gdb", "-q", "-batch", "-nx", "-p", str(pid)]
    for c in calls:
        args += ["-ex", c]
    return subprocess.run(args, capture_output=True, text=True, timeout=60).stdout


def mallinfo2_of(pid):
    """mallinfo2() called in the process: its struct is returned through memory on the stack."""
    out = call_in(pid, "set $sp = ($sp - 4096) & ~0xff", "set $buf = (unsigned long *)($sp + 1024)",
                  "call ((void *(*)(void *))mallinfo2)($buf)", "x/10gu $buf")
    numbers = [int(n) for line in re.findall(r"^0x[0-9a-f]+:((?:\s+\d+)+)$", out, re.M) for n in line.split()]
    if len(numbers) < 10:
        raise AssertionError(f"gdb did not call mallinfo2: {out}")
    names = ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
             "keepcost"]
    return dict(zip(names, numbers))


@test(nodes="all")
def in_node(node):
    """A Node with workers, quiet: the same from outside as mallinfo2() called inside."""
    with Target("malloc_node.js", node=node, args=["workers"]) as t:
        time.sleep(1)
        doc = ask("malloc", t.pid, codes=(0,))
        truth = mallinfo2_of(t.pid)
        again = ask("malloc", t.pid, codes=(0,))
    if doc["totals"] != again["totals"]:
        raise Skip(f"the process did not keep still: {doc['totals']} {again['totals']}")
    agrees(doc, truth)
    partition_holds(doc)


@test(nodes=[20], timeout=180)
def trim_prediction(node):
    """malloc_trim(0), called through gdb, gives back what was predicted (test_trim.py: through memwhy)."""
    def rss():
        status = Path(f"/proc/{t.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
    with Target("malloc_node.js", node=node, args=["holes"], node_args=["--expose-gc"]) as t:
        time.sleep(0.5)
        doc = ask("malloc", t.pid, codes=(0,))
        before = rss()
        call_in(t.pid, "call (int)malloc_trim(0)")
        after = rss()
        left = ask("malloc", t.pid, codes=(0,))["totals"]["trimmable"]
    predicted = doc["totals"]["trimmable"]
    print(f"predicted {predicted}, given back {before - after}")
    at_most("smallest prediction that proves anything", 300 << 20, predicted)
    near("given back", before - after, predicted, 0.05)
    at_most("still trimmable afterwards", left, 1 << 20)


def allocator_file(name):
    """A library of another allocator, fetched beside the C libraries or installed."""
    fetch()
    for directory in (ROOT / ".cache/allocators", Path("/usr/lib/x86_64-linux-gnu")):
        if (directory / name).exists():
            return directory / name
    raise Skip(f"{name} can neither be fetched nor is it installed")


def rename_library(directory, library, name):
    copy = Path(directory) / name
    shutil.copy(library, copy)
    return copy


@test
def renamed_allocator_is_known_by_its_symbols():
    with tempfile.TemporaryDirectory() as directory:
        preload = rename_library(directory, allocator_file("libjemalloc.so.2"), "liballoc.so")
        with Target("malloc_node.js", node=Node(24).need(), args=["small"], env={"LD_PRELOAD": preload}) as t:
            doc = ask("malloc", t.pid, codes=(0,))
    equal("allocator", doc["allocator"], "jemalloc")


def check_pins(doc):
    """What keeps the end of the brk heap, found again among all chunks: those with less than a page between."""
    brk = sorted((c for c in doc["chunks"] if c["arena"] == "0"), key=lambda c: int(c["address"], 16))
    pins, below = [], 0
    for c in brk:
        if c["state"] in ("binned", "fast"):
            below += c["size"]
        elif c["state"] != "top":
            if not pins or below >= 4096:
                pins.append({"count": 0, "bytes": 0, "below": below})
            p = pins[-1]
            p.update(address=c["address"], size=c["size"], state=c["state"], count=p["count"] + 1,
                     bytes=p["bytes"] + c["size"])
            below = 0
    said = [{k: p[k] for k in pins[0]} for p in doc["pins"] if p["arena"] == 0]
    equal("pins", said, pins[:-17:-1])
    equal("arenas with pins", {p["arena"] for p in doc["pins"]}, {a["index"] for a in doc["arenas"] if a["chunks"]})


@test
def chunks_one_by_one():
    """The list of all chunks adds up to the census, one class is what the program marked."""
    with Target([build_for_any_library()]) as t:
        doc = ask("malloc", t.pid, "--chunks", codes=(0,))
        one = ask("malloc", t.pid, f"--class={t.truth['mark_chunk']}", codes=(0,))["contents"]
        truth = t.truth
    for state in ("in-use", "tcached", "fast", "binned"):
        mine = [c for c in doc["chunks"] if c["state"] == state and c["arena"] != "mmap"]
        equal(f"{state} chunks", len(mine), sum(a["states"][state]["count"] for a in doc["arenas"]))
        equal(f"{state} bytes", sum(c["size"] for c in mine), sum(a["states"][state]["bytes"] for a in doc["arenas"]))
        equal(f"{state} resident", sum(c["resident"] for c in mine),
              sum(a["states"][state]["resident"] for a in doc["arenas"]))
    mapped = [c for c in doc["chunks"] if c["arena"] == "mmap"]
    equal("mmapped", len(mapped), doc["totals"]["mmapped_count"])
    check_pins(doc)
    cls = next(c for c in doc["classes"] if c["size"] >= truth["mark_chunk"])
    equal("chunks of the class in use", sum(c["count"] for c in one if c["state"] == "in-use"), cls["in_use_count"])
    at_most("marked ones", truth["marks"], sum(c["count"] for c in one if c["state"] == "in-use"))
    equal("resident by class", sum(c["in_use_resident"] for c in doc["classes"]),
          sum(a["in_use_resident"] for a in doc["arenas"]) + doc["totals"]["mmapped_resident"])


@test
def processors_are_counted():
    """As many as the process may run on, which is what glibc counts."""
    with Target(["taskset", "-c", str(min(os.sched_getaffinity(0))), build_for_any_library()]) as t:
        facts = ask("malloc", t.pid, codes=(0,))["glibc"]
    equal("allowed", facts["cpus_allowed"], 1)
    equal("online", facts["cpus_online"], os.sysconf("SC_NPROCESSORS_ONLN"))


@test
def text_output():
    with Target([build_for_any_library()]) as t:
        answer = memwhy("malloc", t.pid, "--classes", "--mmapped")
    equal("exit code", answer.code, 0)
    for word in ("in use", "malloc_trim(0) would give back", "trimmable", "thread"):
        if word not in answer.out:
            raise AssertionError(f"the text lacks {word!r}:\n{answer.out}")
