"""`memwhy layout`: facts with their sources, checks, isolates; builds it does not know."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import Skip, Target, ask, equal, memwhy, refuses, test
from test_heap import NODE_ARGS, stopped

IDLE = "console.log('READY {}'); setInterval(() => {}, 1e6)"


def fact(doc, name):
    return next(f for f in doc["facts"] if f["name"] == name)


@test(nodes="all")
def facts(node):
    with Target("heap_truth.js", node=node, args=["500", "2"], node_args=NODE_ARGS) as t:
        stopped(t.pid)
        doc = ask("layout", t.pid)
        equal("explained", doc["explained"], True)
        equal("the table is this version's", doc["table_is_exact"], True)
        equal("checks that failed", [c for c in doc["checks"] if not c["passed"]], [])
        equal("every page walked", doc["checks"][-1]["check"].startswith("every heap page walks"), True)
        equal("facts without a source", [f for f in doc["facts"] if not f.get("source") or not f.get("text")], [])
        equal("gc_state is read off the code", fact(doc, "gc_state_offset")["source"], "code of Heap::SetGCState")
        equal("roots", fact(doc, "roots_count")["value"], doc["roots"])
        equal("isolates", [i["name"] for i in doc["isolates"]], ["main", "worker-1", "worker-2"])
        equal("main's thread", doc["isolates"][0]["tid"], t.pid)
        equal("collections", [i["gc_state"] for i in doc["isolates"]], [0, 0, 0])
        equal("spaces", {"read_only", "new", "old", "code", "large_object"} <= {s["space"] for s in doc["spaces"]}, True)
        sizes = {s["root"]: s for s in doc["sizes"]}
        equal("roots without size or rule", [r for r, s in sizes.items() if "size_bytes" not in s and "rule" not in s], [])
        equal("malloc", doc["malloc"]["allocator"], "glibc")
        equal("main_arena is known", any(f["name"] == "main_arena" for f in doc["malloc"]["facts"]), True)
        live = ask("layout", t.pid, "--live")
        equal("the same facts without a stop", live["facts"], doc["facts"])
        equal("no stop", live["cost"]["stops"], 0)
        text = memwhy("layout", t.pid, "--all")
        equal("exit code", text.code, 0)
        for word in ("gc_state_offset", "ok      the meta map is its own map", "scope_info_map", "main_arena", "ISOLATE"):
            equal(f"{word!r} is there", word in text.out, True)


def copied(folder, node):
    copy = Path(folder) / "node"
    shutil.copy(node.need().path, copy)
    return copy


@test(nodes=[24])
def stripped(node):
    """Without local symbols Node 24 cannot be explained: what is known is said, and which check failed."""
    if not shutil.which("strip"):
        raise Skip("there is no strip (binutils)")
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(folder, node)
        subprocess.run(["strip", str(copy)], check=True)
        with Target([copy, "-e", IDLE]) as t:
            doc = ask("layout", t.pid, codes=(4,))
            equal("explained", doc["explained"], False)
            equal("the last check failed", doc["checks"][-1]["passed"], False)
            equal("the engine", doc["target"]["engine"], "v8")
            equal("malloc is known all the same", doc["malloc"]["allocator"], "glibc")
            equal("FAILED is there", "FAILED" in memwhy("layout", t.pid).out, True)
            refuses("heap", t.pid, code=3, json_code="unsupported", says="layout")
            equal("the target still runs", t.process.poll(), None)


def pretend(t, node, **version):
    """Write another version into the running process: V8 looks at it at its start only."""
    if not shutil.which("nm"):
        raise Skip("there is no nm (binutils)")
    symbols = subprocess.run(["nm", str(node.path)], capture_output=True, text=True, check=True).stdout.splitlines()
    with open(f"/proc/{t.pid}/mem", "r+b", buffering=0) as f:
        for part, value in version.items():
            f.seek(next(int(s.split()[0], 16) for s in symbols if s.endswith(f" _ZN2v88internal7Version6{part}_E")))
            f.write(value.to_bytes(4, "little"))


@test(nodes=[20, 24])
def unknown_version(node):
    """A V8 no table is of: the nearest table, believed because every check passes."""
    with Target([node.need().path, "-e", IDLE]) as t:
        pretend(t, node, minor=7)
        doc = ask("layout", t.pid)
        equal("version", doc["target"]["v8_version"].split(".")[1], "7")
        equal("the table is this version's", doc["table_is_exact"], False)
        equal("explained", doc["explained"], True)
        equal("unwalked", ask("heap", t.pid)["coverage"]["unwalked_bytes"], 0)


@test(nodes=[20, 24])
def unknown_layout(node):
    """A table that does not explain the target is not believed."""
    with Target([node.need().path, "-e", IDLE]) as t:
        pretend(t, node, major=99 if node.version == 20 else 9, minor=0)
        doc = ask("layout", t.pid, codes=(4,))
        equal("explained", doc["explained"], False)
        equal("checks that passed", len([c for c in doc["checks"] if c["passed"]]) >= 3, True)
        equal("isolates", "isolates" in doc and len(doc["isolates"]) > 0, False)
        refuses("heap", t.pid, code=3, json_code="unsupported", says="layout")
        equal("the target still runs", t.process.poll(), None)


@test
def without_v8():
    with Target(["sleep", "60"], ready=False) as t:
        doc = ask("layout", t.pid)
        equal("engine", doc["target"]["engine"], "none")
        equal("facts of V8", "facts" in doc, False)
    refuses("layout", 4194305, code=3)
