"""`memwhy instances`: the objects of a class one by one; a program that knows how many it made."""
import os
import tempfile
from harness import VERSIONS, Target, ask, equal, memwhy, refuses, test
from test_heap import stopped

ARGS = {"node_args": ["--expose-gc", "--no-warnings"]}


def rows(doc, count):
    """The list, which must be complete, distinct and in the order of addresses."""
    equal("count", doc["count"], count)
    addresses = [int(i["addr"], 16) for i in doc["instances"]]
    equal("ascending addresses", addresses, sorted(set(addresses)))
    equal("all listed", len(addresses), count)
    equal("tagged", {a & 3 for a in addresses}, {1} if count else set())
    return doc["instances"]


@test(nodes=VERSIONS, timeout=240)
def by_class(node):
    with Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        live = rows(ask("instances", t.pid, "Session"), t.truth["Session"])
        equal("their summaries", {i["summary"] for i in live}, {"Session"})
        equal("all live", {i["live"] for i in live}, {True})
        equal("one size", len({i["shallow"] for i in live}), 1)
        details = rows(ask("instances", t.pid, "Session", "-d"), t.truth["Session"])
        equal("their details", {i["summary"] for i in details},
              {f"Session {{id: {i}, user: Object}}" for i in range(t.truth["Session"])})
        rows(ask("instances", t.pid, "Gone"), 0)
        gone = rows(ask("instances", t.pid, "Gone", "--garbage"), t.truth["Gone"])
        equal("none live", {i["live"] for i in gone}, {False})
        rows(ask("instances", t.pid, "Gone", "--all"), t.truth["Gone"])
        rows(ask("instances", t.pid, "Session", "--garbage"), 0)
        both = ask("instances", t.pid, "Session*")
        equal("by pattern", both["count"], t.truth["Session"] + 1)
        equal("what objects counts", {c["name"]: c["count"] - c["garbage_count"] for c in ask("objects", t.pid,
              "--no-retained")["classes"] if c["name"] in ("Session", "Made")},
              {"Session": t.truth["Session"], "Made": t.truth["Made"]})


@test(nodes=[24])
def text_and_limit(node):
    with Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        a = memwhy("instances", t.pid, "Session", "-n", 3)
        equal("exit code", a.code, 0)
        equal("three of them", a.out.count(" Session\n"), 3)
        equal("how many more", "and 4,287 more" in a.out and "4,290 objects" in a.out, True)
        a = memwhy("instances", t.pid, "Session")
        equal("fifty unless told otherwise", a.out.count(" Session\n"), 50)
        equal("none in words", "0 objects" in memwhy("instances", t.pid, "NoSuchClass").out, True)


@test(nodes=VERSIONS, timeout=240)
def sorted_by_size(node):
    with Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        doc = ask("instances", t.pid, "Array", "--sort", "retained", "--limit", 2)
        first, second = doc["instances"]
        equal("the sessions' array first", first["summary"], f"Array({t.truth['Session']})")
        equal("not less than the objects", first["retained"] > t.truth["Session"] * (40 + 32), True)
        equal("then the long one", second["summary"], f"Array({t.truth['long']})")
        equal("itself and its elements", second["retained"] >= 32 + 16 + 8 * t.truth["long"], True)
        largest = ask("instances", t.pid, "(string)", "-s", "shallow", "-n", 2)["instances"]
        equal("descending", largest[0]["shallow"] >= largest[1]["shallow"], True)
        equal("a --retained column", all("retained" in i for i in
              ask("instances", t.pid, "Made", "--retained")["instances"]), True)


@test(nodes=[24])
def of_a_capture(node):
    """The addresses of a capture can be asked about again."""
    with tempfile.TemporaryDirectory() as folder, Target("instances.js", node=node, **ARGS) as t:
        stopped(t.pid)
        path = os.path.join(folder, "one.memwhy")
        equal("captured", memwhy("capture", t.pid, "-o", path).code, 0)
        here = rows(ask("instances", t.pid, "Session"), t.truth["Session"])
        there = rows(ask("instances", path, "Session"), t.truth["Session"])
        equal("the same", there, here)


@test
def refusals():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("instances", t.pid, "X", code=3, json_code="unsupported", says="no V8")
        refuses("instances", t.pid, "X", "--class", "Y", code=2, json_code="usage")
        refuses("instances", t.pid, "X", "--sort", "colour", code=2, json_code="usage", says="colour")
