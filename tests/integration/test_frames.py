"""JavaScript frames: every frame that Error().stack prints, with its name, line and column, in every tier."""
from harness import TARGETS, Target, ask, equal, test


def line_of(frame):
    """A frame as Error().stack prints it."""
    name = frame.get("name") or ""
    before = "async " if frame.get("async") else ""
    if frame["kind"] == "builtin":
        return before + (name if name.startswith("Promise.") and frame.get("async") else f"{name} (<anonymous>)")
    place = f"{frame.get('script')}:{frame.get('line')}:{frame.get('column')}"
    return before + (f"{name} ({place})" if name else place)


def shown(frames, by):
    """The frames below the function that shows."""
    for i, f in enumerate(frames):
        if (f.get("name") or "").split(".")[-1] == by:
            return frames[i + 1:]
    return None


def thread_of(doc, by):
    threads = [t for t in doc["threads"] if shown(t["frames"], by) is not None]
    equal(f"threads that are in {by}", len(threads), 1)
    return threads[0]


def compare(tag, thread, stack, by):
    """Of V8's own code Error().stack leaves out what stands for no function, and entries."""
    got = [f for f in shown(thread["frames"], by)
           if f["kind"] == "js" or (f["kind"] == "builtin" and line_of(f) in stack)]
    want = [line for line in stack if not line.startswith("wasm://")]
    for i in range(max(len(got), len(want))):
        equal(f"{tag}: frame {i}", line_of(got[i]) if i < len(got) else None, want[i] if i < len(want) else None)
        if got[i]["kind"] == "js":
            equal(f"{tag}: frame {i}, what is known of the line", got[i]["line_kind"], "call")
    return got


def steps(node, target, *args, node_args=(), by="show"):
    """Every stack the target shows, compared; gives the frames that were."""
    seen = []
    with Target([node.need().path, *node_args, TARGETS / target, *args]) as t:
        while not t.truth.get("done"):
            thread = thread_of(ask("bt", t.pid, "--freeze=stop"), by)
            equal(f"{t.truth['tag']}: the main thread", thread["tid"] == t.pid, not t.truth["worker"])
            seen += compare(t.truth["tag"], thread, t.truth["stack"], by)
            t.say("")
            t.hear()
    return seen


def tiers(frames):
    return {f.get("tier") for f in frames if f["kind"] == "js" and not f.get("async")}


@test(nodes=[18, 22, 24], timeout=300)
def calls_of_every_sort(node):
    seen = steps(node, "js_stacks.js")
    equal("constructors", sum(1 for f in seen if f.get("constructor")) >= 8, True)
    equal("frames", len(seen) > 500, True)


@test(nodes=[16, 20, 26], timeout=300)
def baseline(node):
    seen = steps(node, "js_stacks.js", node_args=["--always-sparkplug"])
    equal("baseline frames", sum(1 for f in seen if f.get("tier") == "baseline") > 200, True)


@test(nodes="all", timeout=200)
def optimised(node):
    seen = steps(node, "js_tiers.js", "turbofan", node_args=["--allow-natives-syntax"])
    equal("inlined", sum(1 for f in seen if f.get("inlined") and f.get("tier") == "optimised") > 20, True)
    equal("inlined constructor", any(f.get("inlined") and f.get("constructor") for f in seen), True)
    equal("inlined builtin", any(f.get("inlined") and f["kind"] == "builtin" for f in seen), True)


@test(nodes=[24, 26], timeout=200)
def maglev(node):
    seen = steps(node, "js_tiers.js", "maglev", node_args=["--allow-natives-syntax", "--maglev"])
    equal("inlined", sum(1 for f in seen if f.get("inlined") and f.get("tier") == "maglev") > 20, True)
    equal("inlined builtin", any(f.get("inlined") and f["kind"] == "builtin" for f in seen), True)


@test(nodes="all", timeout=200)
def hot(node):
    """Left to V8 itself, which mixes tiers on one stack."""
    seen = steps(node, "js_tiers.js", "hot", node_args=["--allow-natives-syntax"])
    equal("optimised", "optimised" in tiers(seen), True)


@test(nodes="all", timeout=200)
def async_functions(node):
    seen = steps(node, "js_async.js")
    equal("async frames", sum(1 for f in seen if f.get("async")) > 40, True)


@test(nodes="all", timeout=200)
def modules_and_workers(node):
    seen = steps(node, "js_module.mjs")
    equal("file URLs", any((f.get("script") or "").startswith("file:///") for f in seen), True)


@test(nodes="all", timeout=200)
def interrupted(node):
    """Between calls only the registers know where the interpreter is: a line that is told is of the loop."""
    flags = ["--no-opt", "--no-sparkplug"] + (["--no-maglev"] if node.version >= 20 else [])
    known = 0
    with Target("js_spin.js", node=node, node_args=flags) as t:
        for _ in range(15):
            spin = next(f for f in ask("bt", t.pid, "--js", "--freeze=stop")["threads"][0]["frames"] if f["name"] == "spin")
            if spin["line_kind"] == "call":
                known += 1
                equal("on the loop", t.truth["first"] <= spin["line"] <= t.truth["last"], True)
            else:
                equal("where it begins", (spin["line"], spin["column"]), (6, 1))
    equal("known at all", known > 0, True)


@test(nodes="all")
def no_stack_was_asked_for(node):
    """V8 may make its tables of positions when a stack is first printed; the lines are known before."""
    with Target("js_late.js", node=node) as t:
        before = thread_of(ask("bt", t.pid, "--freeze=stop"), "showLate")
        t.say("")
        stack = t.hear()["stack"]
        compare("before V8 printed it", before, stack, "showLate")
        compare("after", thread_of(ask("bt", t.pid, "--freeze=stop"), "showLate"), stack, "showLate")


@test(nodes="all")
def arguments(node):
    with Target("js_args.js", node=node) as t:
        frames = {f.get("name"): f for f in thread_of(ask("bt", t.pid, "-v", "--freeze=stop"), "show")["frames"]}
        equal("of many", frames["many"]["args"],
              ["42", "1.5", "NaN", "-Infinity", '"text"', '"a longer text than is worth its place in..."', "true", "null",
               "undefined", "Object", "Array(3)", "Order", "function named", "class Order", "Symbol(mark)", "Map(0)", "..."])
        equal("of show", frames["show"]["args"], ['"arguments"'])
        module = next(f for f in frames.values() if f.get("name") == "Object.<anonymous>")
        equal("of the module", module["args"][1:3], ["function require", "Module"])
