"""The options that choose objects, with a program that knows what it made."""
from harness import VERSIONS, Target, ask, equal, refuses, test
from test_heap import stopped

ARGS = {"node_args": ["--expose-gc", "--no-warnings"]}


def found(t, *query):
    """Summaries of the live objects a query gives, with how many there are."""
    doc = ask("instances", t.pid, *query)
    equal("all listed", len(doc["instances"]), doc["count"])
    return [i["summary"] for i in doc["instances"]]


@test(nodes="all", timeout=240)  # Maps and Sets of Node 12 are not read
def where(node):
    with Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        truth = t.truth
        equal("length of an array", found(t, "Array", "-w", f"length={truth['long']}"), [f"Array({truth['long']})"])
        equal("entries of a Map", len(found(t, "Map", "-w", f"length={truth['map']}")), 1)
        equal("entries of a Set", len(found(t, "Set", "-w", f"length={truth['set']}")), 1)
        equal("length of a typed array", found(t, "Uint8Array", "-w", f"length={truth['buffer']}"),
              [f"Uint8Array({truth['buffer']})"])
        equal("length of a string", len(found(t, "(string)", "-w", f"length={truth['text']}")), 1)
        one = ask("instances", t.pid, "Map", "-w", f"length={truth['map']}")["instances"][0]
        more = ask("instances", t.pid, "Map", "-w", f"length>{truth['map']}")["instances"]
        equal("greater is not equal", one in more, False)
        equal("nor is less", len(found(t, "Map", "-w", f"length<{truth['map']},length>{truth['map'] - 1}")), 0)
        equal("a range", len(found(t, "Map", "-w", f"length<={truth['map']},length>={truth['map']}")), 1)
        equal("off-heap bytes", found(t, "-w", f"off-heap={truth['buffer']}"), [f"ArrayBuffer({truth['buffer']})"])
        at_least = 8 * truth["long"]
        equal("bytes alone", found(t, "(array)", "-w", f"size>={at_least},length={truth['long']}"), ["(array)"])
        equal("bytes that would go with it", f"Array({truth['long']})" in
              found(t, "Array", "-w", f"retained>{at_least},retained<2M"), True)


@test(nodes=VERSIONS, timeout=240)
def script_shape_and_dominator(node):
    with Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        made = found(t, "--script", "/app/made.js")
        equal("objects of the script", sorted(made)[-1] == "class Made" and made.count("Made"), t.truth["Made"])
        equal("nothing else", len(made), t.truth["Made"] + 1)
        store = ask("instances", t.pid, "SessionStore")["instances"][0]["addr"]
        held = found(t, "Session", "--retained-by", store)
        equal("the store holds all sessions", len(held), t.truth["Session"])
        equal("untagged is the same", len(found(t, "Session", "--retained-by", hex(int(store, 16) - 1))), len(held))
        equal("but nothing made elsewhere", found(t, "Made", "--retained-by", store), [])


@test(nodes=[24])
def refusals(node):
    with Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        for text in ["size", "size>", "size>x", "colour>3", "size!3", "size>1M,", "size>-1", "size=>3", "", ",",
                     "size>99999999999999999999"]:
            refuses("instances", t.pid, "--where", text, code=2, json_code="usage", says="--where")
        for addr in ["hello", "", "0", "-1", "0xffffffffffffffff", "12 "]:
            refuses("instances", t.pid, "--shape", addr, code=2, json_code="usage", says="no address")
        refuses("instances", t.pid, "--retained-by", "0x1235", code=2, json_code="usage", says="no object begins")
