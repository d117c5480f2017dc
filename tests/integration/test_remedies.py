"""What memwhy malloc says each remedy would do, against the same work done under that remedy."""
import re
from pathlib import Path

from harness import Node, Target, ask, equal, near, test

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


def check(what, amount, effects, settings=("MALLOC_ARENA_MAX=2", "MALLOC_TRIM_THRESHOLD_=131072")):
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
        with work(node, what, amount, SETTINGS[setting]) as t:
            measured = rss(t.pid)
        print(f"{what} {amount}: {now >> 20} MiB; {setting}: predicted {said[setting]['rss'] >> 20}, measured "
              f"{measured >> 20} MiB ({said[setting]['effect']})")
        near(f"RSS of {what} with {setting}", said[setting]["rss"], measured, 0.2)
        if said[setting]["effect"] not in effects[setting[7:11]]:
            raise AssertionError(f"effect of {setting} on {what}: {said[setting]}")


@test(timeout=180)
def fewer_arenas_ruin_a_burst():
    check("burst", 4000, {"AREN": ["more"], "TRIM": ["same"]})


@test(timeout=180)
def fewer_arenas_help_threads_in_turn():
    check("hashes", 60, {"AREN": ["less"], "TRIM": ["less"], "MMAP": ["less"]}, settings=SETTINGS)


@test(timeout=180)
def pinned_memory_stays():
    check("churn", 2, {"AREN": ["same"], "TRIM": ["same"]})


@test(timeout=180)
def those_who_stay_pin_the_rest():
    # with fewer arenas a tenth more, of which some runs keep half anyway
    check("stay", 1600, {"AREN": ["more", "same"], "TRIM": ["less"]})
