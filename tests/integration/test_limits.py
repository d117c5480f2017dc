"""The heap limits memwhy reads from the isolate, against what V8 says of itself and the flags that set them."""
import json
import os
import subprocess

from harness import MEMWHY, Node, Target, ask, equal, memwhy, own_findings, test
from test_frozen import Group

MIB = 1 << 20


def limits(t):
    return [i["limits"] for i in ask("heap", t.pid)["isolates"]]


def by_flags(node, old, semi, **how):
    with Target("limits.js", node=node, **how) as t:
        main = limits(t)[0]
        equal("heap_size_limit", main["heap_size_limit"], t.truth["main"])
        equal("the old generation's", main["old_generation"], old * MIB)
        equal("semi-space", main["semi_space"], semi * MIB)
        equal("semi-spaces", main["semi_spaces"], 3)


@test(nodes="all")
def as_v8_says(node):
    """Without flags, by flags here and in NODE_OPTIONS, in a worker with limits of its own."""
    with Target("limits.js", node=node, args=["57"]) as t:
        main, worker = limits(t)
        equal("heap_size_limit", main["heap_size_limit"], t.truth["main"])
        equal("the worker's", worker["heap_size_limit"], t.truth["worker"])
        equal("its old generation", worker["old_generation"], 57 * MIB)
        said = memwhy("heap", t.pid).out
        equal("it is said", "V8 lets it grow to 57.0 MiB" in said, True)
    by_flags(node, 90, 2, node_args=["--max-semi-space-size=2"], env={"NODE_OPTIONS": "--max-old-space-size=90"})


@test(nodes=[26])
def one_semi_space_less(node):
    with Target("limits.js", node=node, node_args=["--minor-ms"]) as t:
        main = limits(t)[0]
        equal("semi-spaces", main["semi_spaces"], 2)
        equal("heap_size_limit", main["heap_size_limit"], t.truth["main"])


@test(nodes=[20, 26])
def in_a_small_cgroup(node):
    """V8 chooses its limit by the cgroup's; memwhy says whether both fit."""
    allowed = 600 * MIB
    with Group("memory") as group:
        group.set("memory.limit_in_bytes", allowed)
        inside = f"echo $$ >{group.folder}/cgroup.procs; exec {node.need().path} {os.path.dirname(__file__)}/../targets/limits.js"
        with Target(["sh", "-c", inside]) as t:
            main = limits(t)[0]
            equal("heap_size_limit", main["heap_size_limit"], t.truth["main"])
            doc = ask("explain", t.pid)
            budget = doc["budget"]
            equal("the fact", doc["facts"]["heap_limit"], main["old_generation"])
            equal("of all isolates", budget["heap_limit_bytes"], main["heap_size_limit"])
            equal("the cgroup's", budget["cgroup_limit_bytes"], allowed)
            equal("both", budget["most_bytes"], budget["heap_limit_bytes"] + budget["outside_bytes"])
            heap = sum(o["resident_bytes"] for o in doc["account"]["owners"] if o["path"].startswith("v8/main/"))
            outside = doc["account"]["rss_bytes"] - budget["outside_bytes"]
            equal("what is outside leaves the heap", abs(outside - heap) <= 2 * MIB, True)
            fits = "within the 600.0 MiB" if budget["most_bytes"] <= allowed else "more than its cgroup allows"
            equal("it is said", fits in " ".join(memwhy("explain", t.pid).out.split()), True)


@test
def near_it():
    """What lives fills four fifths: heap says so, explain says which look decides."""
    filler = "const a = new Array(1.35e6).fill(0); for (let i = 0; i < a.length; i++) a[i] = { i }; gc(); console.log('READY {}'); setInterval(() => a, 1e6)"
    with Target([Node(22).need().path, "--expose-gc", "--max-old-space-size=64", "-e", filler]) as t:
        doc = ask("heap", t.pid)["isolates"][0]
        equal("live is over four fifths", doc["live_bytes"] > 0.8 * 64 * MIB, True)
        causes = [f["cause"] for f in own_findings(t.pid)]
        equal("explain says both", ["near-heap-limit" in causes, causes[0]], [True, "collection-leak"])
        undecided = ask("explain", "--quick", t.pid, codes=(0, 1))["undecided"]
        equal("and asks, where it is not known what lives", [u["command"] for u in undecided if "64.0 MiB V8 allows" in u["question"]], [f"memwhy heap {t.pid}"])


@test
def of_memwhys_own():
    """In a cgroup with less than the process has, what lives is not asked for, and that is said."""
    filler = "const a = []; for (let i = 0; i < 2e6; i++) a.push({ i }); console.log('READY {}'); setInterval(() => a, 1e6)"
    with Group("memory") as group, Target([Node(24).need().path, "-e", filler]) as t:
        group.set("memory.limit_in_bytes", 64 * MIB)
        inside = f"echo $$ >{group.folder}/cgroup.procs; exec {MEMWHY} explain {t.pid} --json"
        doc = json.loads(subprocess.run(["sh", "-c", inside], capture_output=True, text=True, timeout=60).stdout)
        equal("it is said", any("less is left here" in n for n in doc["coverage"]["notes"]), True)
        equal("the rest is known", sum(o["resident_bytes"] for o in doc["account"]["owners"]), doc["account"]["rss_bytes"])
        causes = [f["cause"] for f in own_findings(t.pid)]
        equal("with room for it", causes[0], "collection-leak")
