"""The session of "How good is your memory?": from a process that grows to the list that holds it, by
one command a step, each asked what the one before has shown; of the running process, and of a core.

The list is a variable of the program's module and what a request leaves in it is `{name, arr}`."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import MEMWHY, ROOT, VERSIONS, Target, ask, equal, memwhy, test

# No collection may move the objects between two commands on the running process.
ARGS = {"node_args": ["--expose-gc", "--no-memory-reducer"]}


def one(what, found):
    equal(what, len(found), 1)
    return found[0]


def session(target, truth):
    """Follows the story; gives what each command showed of its object, to compare."""
    entry = f'Object {{name: "hi", arr: Array({truth["length"]})}}'
    requests = truth["requests"]

    main = ask("bt", target)["threads"][0]
    names = [f["name"] for f in main["frames"]]
    equal("it waits for the next request", any("epoll" in n for n in names) and "uv_run" in names, True)

    objects = one("classes of this name", [c for c in ask("objects", target)["classes"] if c["name"] == "Object"])
    live = objects["count"] - objects["garbage_count"]
    equal("objects", live >= requests, True)
    equal("objects retain the arrays", objects["retained"] > requests * truth["length"] * 8, True)

    instances = ask("instances", target, "Object", "-d")
    equal("as many as `objects` counts", instances["count"], live)
    hi = [i for i in instances["instances"] if i["summary"] == entry]
    equal("what the requests left", len(hi), requests)
    chosen = hi[requests // 2]["addr"]

    refs = ask("refs", target, chosen)
    equal("object", refs["summary"], "Object")
    ref = one("who refers to it, but for V8's own", [r for r in refs["refs"] if r["kind"] != "internal"])
    equal("it stands first", refs["refs"][0], ref)
    equal("an array", (ref["from_summary"], ref["kind"]), (f"Array({requests})", "element"))
    index = int(ref["name"])
    equal("by its index", ref["text"], f"[{index}]")

    array = one("objects", ask("inspect", target, ref["from"], "--limit", requests, "--depth", 2)["objects"])
    equal("array", (array["summary"], array["addr"], array["live"]), (f"Array({requests})", ref["from"], True))
    elements = [m for m in array["members"] if m["kind"] == "element"]
    equal("indices", [m["name"] for m in elements], [str(i) for i in range(requests)])
    equal("elements", {m["addr"] for m in elements}, {i["addr"] for i in hi})
    equal("the one", elements[index]["addr"], chosen)
    parts = {tuple((m["name"], m["summary"]) for m in e["members"] if m["kind"] == "property") for e in elements}
    equal("of each", parts, {(("name", '"hi"'), ("arr", f"Array({truth['length']})"))})

    path = one("shortest paths", ask("path", target, chosen)["paths"])
    equal("in the program's words", path["line"].endswith(f"list[{index}]"), True)
    equal("where the variable is", f"variable list of {truth['script']}: " in path["line"], True)
    equal("last steps", [(s["addr"], s["name"], s["summary"]) for s in path["steps"][-2:]],
          [(ref["from"], "variable list", f"Array({requests})"), (chosen, f"[{index}]", "Object")])

    first = ask("suspects", target, "--min=1M", codes=(1,))["suspects"][0]
    equal("the first suspect", (first["kind"], first["count"]), ("collection-leak", requests))
    return {"objects": live, "hi": [i["addr"] for i in hi], "ref": ref, "line": path["line"], "suspect": first["text"]}


def core_of(t, folder):
    """gdb's, as in the story, or a capture."""
    if not shutil.which("gcore"):
        path = folder / "story.core.zst"
        equal("captured", memwhy("capture", t.pid, "-o", path).code, 0)
        return path
    p = subprocess.run(["gcore", "-o", folder / "story", str(t.pid)], capture_output=True, text=True)
    path = folder / f"story.{t.pid}"
    equal(f"core of gdb: {p.stderr[-200:]}", path.exists(), True)
    return path


@test(nodes=VERSIONS, timeout=300)
def reaches_the_list(node):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        with Target("story.js", node=node, **ARGS) as t:
            live = session(t.pid, t.truth)
            core = session(core_of(t, Path(folder)), t.truth)
    equal("the core says the same", core, live)
    print(f"Node {node.version}: {live['line']}")


@test
def documents_show_commands_that_are():
    """Each command line of the documents is understood: it comes as far as the target, which is missing.
    Those that need none, and would go on for ever, are looked at only for their options."""
    lines = [(document.name, line.strip()[2:]) for document in sorted((ROOT / "docs").glob("*.md"))
             for line in document.read_text().splitlines() if line.strip().startswith("$ memwhy ")]
    session = [line.split()[1] for name, line in lines if name == "session.md"]
    for command in ("bt", "objects", "instances", "refs", "inspect", "path", "suspects", "dominators"):
        equal(f"docs/session.md shows {command}", command in session, True)
    no_such_pid = str(1 << 23)  # more than the kernel gives
    with tempfile.TemporaryDirectory() as folder:
        for name, line in lines:
            command = line.split()[1]
            if command in ("serve", "watch", "top", "record", "oom"):
                options = re.findall(r" (--[a-z][a-z-]+)", line.split(" | ")[0])
                told = memwhy(command, "--help").out
                equal(f"{name}: {line}: options that there are not", [o for o in options if o not in told], [])
                continue
            args = [no_such_pid if word.isdigit() and len(word) > 3 else word for word in shlex.split(line)[1:]]
            p = subprocess.run([MEMWHY, *args], capture_output=True, text=True, cwd=folder)
            equal(f"{name}: {line}: {p.stderr.strip()}: exit code", p.returncode, 3)
