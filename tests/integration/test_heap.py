"""`memwhy heap` against V8's own statistics, printed by the target just before it stops itself."""
import tempfile
import time
from harness import Target, ask, at_most, equal, memwhy, near, refuses, test

EXACT = {"read_only_space", "code_space", "map_space", "trusted_space", "large_object_space", "code_large_object_space",
         "trusted_large_object_space", "new_large_object_space"}
AFTER_STATISTICS = 40_000  # what printing them allocates in the new space
CUT_OFF = 40_000
NODE_ARGS = ["--no-warnings", "--experimental-vm-modules"]


def stopped(pid):
    """Wait until the target's SIGSTOP has taken hold of every thread."""
    for _ in range(400):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            if f.read().rpartition(")")[2].split()[0] == "T":
                return
        time.sleep(0.005)
    raise AssertionError("the target did not stop itself")


def compare(node, name, isolate, truth):
    spaces = {s["name"]: s for s in isolate["spaces"]}
    total = 0
    for want in truth["spaces"]:
        space, size, used = want["space_name"], want["space_size"], want["space_used_size"]
        total += size
        got = spaces.pop(space, None)
        if got is None:
            equal(f"{name}: size of {space}", 0, size)
            continue
        equal(f"{name}: size of {space}", got["committed"], size)
        equal(f"{name}: unwalked in {space}", got["unwalked"], 0)
        if space in EXACT:
            equal(f"{name}: used of {space}", got["used"], used)
        elif space == "old_space":
            near(f"{name}: used of {space}", got["used"], used, 0.0005)
            # V8 goes on counting what it cut off objects in place; the walk sees that it is free.
            walked = got["object_bytes"] + (got["allocation_areas"] if node.version <= 20 else 0)
            near(f"{name}: objects of {space}", walked, used, 0.0005 + CUT_OFF / used)
        else:
            at_most(f"{name}: used of {space} against V8", abs(got["used"] - used), AFTER_STATISTICS)
        whole = sum(got[k] for k in ("object_bytes", "free", "allocation_areas", "headers", "unused", "unwalked"))
        equal(f"{name}: parts of {space}", whole, got["committed"])
        at_most(f"{name}: resident of {space}", got["resident"], got["committed"])
    equal(f"{name}: spaces V8 does not list", list(spaces), [])
    equal(f"{name}: heapTotal", isolate["heap_total"], truth["memory"]["heapTotal"])
    equal(f"{name}: sum of spaces", isolate["heap_total"], total)
    at_most(f"{name}: heapUsed against V8", abs(isolate["heap_used"] - truth["memory"]["heapUsed"]), 2 * AFTER_STATISTICS)
    near(f"{name}: arrayBuffers", isolate["array_buffers"], truth["memory"]["arrayBuffers"], 0.001)


def shown(doc, what):
    print(f"{what}: {sum(s['object_count'] for i in doc['isolates'] for s in i['spaces']):,} objects, "
          f"paused {doc['cost']['pause_ns'] / 1e6:.1f} ms in {doc['cost']['stops']} stop(s)")


@test(nodes="all")
def every_kind_of_object(node):
    with Target("heap_truth.js", node=node, args=["6000"], node_args=NODE_ARGS) as t:
        stopped(t.pid)
        doc = ask("heap", t.pid)
        equal("isolates", len(doc["isolates"]), 1)
        equal("unwalked bytes", doc["coverage"]["unwalked_bytes"], 0)
        equal("complete", doc["coverage"]["complete"], True)
        compare(node, "main", doc["isolates"][0], t.truth["main"])
        if node.version >= 22:
            equal("the target made WebAssembly structs", "collected" in t.truth["wasm"], True)
        shown(doc, f"Node {node.version}")


@test(nodes="all")
def with_workers(node):
    with Target("heap_truth.js", node=node, args=["3000", "3"], node_args=NODE_ARGS) as t:
        stopped(t.pid)
        doc = ask("heap", t.pid)
        equal("isolates", len(doc["isolates"]), 4)
        equal("unwalked bytes", doc["coverage"]["unwalked_bytes"], 0)
        equal("main first", doc["isolates"][0]["name"], "main")
        equal("main's thread", doc["isolates"][0]["tid"], t.pid)
        compare(node, "main", doc["isolates"][0], t.truth["main"])
        workers = doc["isolates"][1:]
        # Which is which V8 does not say: the next in size.
        mine = sorted(workers, key=lambda i: (i["heap_total"], i["heap_used"]))
        theirs = sorted(t.truth["workers"], key=lambda w: (w["memory"]["heapTotal"], w["memory"]["heapUsed"]))
        for isolate, truth in zip(mine, theirs):
            compare(node, isolate["name"], isolate, truth)
        shown(doc, f"Node {node.version} with 3 workers")


@test(nodes=[24])
def coverage_counters(node):
    """NODE_V8_COVERAGE gives every function a block of counters."""
    with tempfile.TemporaryDirectory() as folder, Target(
            "heap_truth.js", node=node, args=["1000"], node_args=NODE_ARGS, env={"NODE_V8_COVERAGE": folder}) as t:
        stopped(t.pid)
        doc = ask("heap", t.pid)
        equal("unwalked bytes", doc["coverage"]["unwalked_bytes"], 0)
        equal("complete", doc["coverage"]["complete"], True)


@test(nodes=[16, 24])
def text(node):
    with Target("heap_truth.js", node=node, args=["500", "1"], node_args=NODE_ARGS) as t:
        stopped(t.pid)
        a = memwhy("heap", t.pid)
        equal("exit code", a.code, 0)
        for word in ("main (thread ", "worker-1", "heapTotal", "arrayBuffers", "old_space", "total", "Paused"):
            equal(f"{word!r} is there", word in a.out, True)


@test(nodes="all")
def at_a_glance(node):
    """ps reads V8's counters without a stop: the same total, and about the same used."""
    with Target("heap_truth.js", node=node, args=["3000", "1"], node_args=NODE_ARGS) as t:
        stopped(t.pid)
        isolates = ask("heap", t.pid)["isolates"]
        began = time.monotonic()
        row = ask("ps", t.pid)["processes"][0]
        took = time.monotonic() - began
        used = sum(i["heap_used"] for i in isolates)
        equal("heap_total", row["heap_total"], sum(i["heap_total"] for i in isolates))
        near("heap_used", row["heap_used"], used, 0.1)
        print(f"Node {node.version}: V8 used {row['heap_used'] / used - 1:+.1%}, ps took {took * 1000:.0f} ms")


@test
def no_v8():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("heap", t.pid, code=3, json_code="unsupported", says="no V8")


@test
def no_process():
    refuses("heap", 4194305, code=3)  # over the kernel's largest pid
