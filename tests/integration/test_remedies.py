"""What memwhy malloc says each remedy would do, against the same work done under that remedy."""
import re
from pathlib import Path

from harness import Node, Target, ask, equal, near, own_findings, test

SETTINGS = {"MALLOC_ARENA_MAX=2": {"MALLOC_ARENA_MAX": 2},
            "MALLOC_TRIM_THRESHOLD_=131072": {"MALLOC_TRIM_THRESHOLD_": 131072},
            "MALLOC_MMAP_THRESHOLD_=131072": {"MALLOC_MMAP_THRESHOLD_": 131072}}


def rss(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def work(node, what, amount, env):
    threads = {"hashes": 16, "stay": 16}.get(what, 4)
    return Target("remedies.js", node=node, args=[what, amount], node_args=["--expose-gc"],
                  env={"UV_THREADPOOL_SIZE": threads, **env})


def measure(node, what, amount, setting, runs):
    """The middle of some runs: which threads come to share an arena is another matter in each."""
    seen = []
    for _ in range(runs):
        with work(node, what, amount, SETTINGS[setting]) as t:
            seen.append(rss(t.pid))
    return sorted(seen)[runs // 2]


def check(what, amount, effects, runs=1, settings=("MALLOC_ARENA_MAX=2", "MALLOC_TRIM_THRESHOLD_=131072")):
    """effects: what each setting is known to do; RSS predicted within 20 % of RSS measured."""
    node = Node(24).need()
    with work(node, what, amount, {}) as t:
        doc = ask("malloc", t.pid)
        now = rss(t.pid)
        said = {r["setting"]: r for r in doc["remedies"]}
        equal("another allocator", said["jemalloc, mimalloc"]["effect"], "unknown")
        trimmed = ask("trim", t.pid)
        near("RSS after malloc_trim", now - trimmed["freed_bytes"], said["malloc_trim(0)"]["rss"], 0.05)
    for setting in settings:
        measured = measure(node, what, amount, setting, runs if "ARENA" in setting else 1)
        print(f"{what} {amount}: {now >> 20} MiB; {setting}: predicted {said[setting]['rss'] >> 20}, measured "
              f"{measured >> 20} MiB ({said[setting]['effect']})")
        near(f"RSS of {what} with {setting}", said[setting]["rss"], measured, 0.2)
        if said[setting]["effect"] not in effects[setting[7:11]]:
            raise AssertionError(f"effect of {setting} on {what}: {said[setting]}")


@test(timeout=180)
def fewer_arenas_ruin_a_burst():
    check("burst", 4000, {"AREN": ["more"], "TRIM": ["same"]}, runs=3)


@test(timeout=180)
def fewer_arenas_help_threads_in_turn():
    check("hashes", 40, {"AREN": ["less"], "TRIM": ["less"], "MMAP": ["less"]}, runs=3, settings=SETTINGS)


@test(timeout=180)
def pinned_memory_stays():
    check("churn", 2, {"AREN": ["same"], "TRIM": ["same"]})


@test(timeout=180)
def those_who_stay_pin_the_rest():
    # with fewer arenas a tenth more, of which some runs keep half anyway
    check("stay", 1600, {"AREN": ["more", "same"], "TRIM": ["less"]})


@test
def holes_are_no_pages():
    """Free memory that a trim does not give back: explain says so, and a trim shows it."""
    with work(Node(24).need(), "holes", 40000, {}) as t:
        first = own_findings(t.pid)[0]
        freed = ask("trim", t.pid)["freed_bytes"]
    equal("cause", first["cause"], "glibc-heap-fragmentation")
    near("bytes of holes", first["bytes"], 40000 * 3000, 0.1)
    near("what a trim gives back, in MiB more than none", (1 << 20) + freed, (1 << 20) + first["remedy"]["saving_bytes"], 0.5)
