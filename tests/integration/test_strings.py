"""`memwhy strings`: copies, the largest, slices, with a program that knows what it made."""
from harness import VERSIONS, Target, ask, at_most, equal, memwhy, refuses, test
from test_heap import stopped

ARGS = {"node_args": ["--expose-gc", "--no-warnings"]}


def rounded(n):
    return (n + 7) // 8 * 8


@test(nodes=VERSIONS, timeout=240)
def copies(node):
    with Target("strings.js", node=node, **ARGS) as t:
        stopped(t.pid)
        truth = t.truth
        doc = ask("strings", t.pid)
        rows = {r["value"]: r for r in doc["duplicates"]}
        for text, n, width in ((truth["copied"], truth["copies"], 1), (truth["copiedWide"], truth["wide"], 2)):
            row = rows[text]
            # The literal of the source is one more.
            at_most("copies", abs(row["count"] - n - 1), 1)
            equal("length", row["length"], len(text))
            size = rounded(16 + width * len(text))
            equal("bytes", row["bytes"], size * row["count"])
            equal("all but one are wasted", row["wasted"], size * (row["count"] - 1))
        equal("what is there once is not listed", [v for v in rows if v.startswith("there is only one")], [])
        at_most("not less than these", sum(rows[x]["wasted"] for x in (truth["copied"], truth["copiedWide"])),
                doc["wasted_by_duplicates"])
        equal("most wasted first", [r["wasted"] for r in doc["duplicates"]],
              sorted((r["wasted"] for r in doc["duplicates"]), reverse=True))
        every = ask("strings", t.pid, "--top", 0)
        equal("all lists are complete", (len(every["duplicates"]), sum(r["wasted"] for r in every["duplicates"])),
              (every["duplicated_contents"], every["wasted_by_duplicates"]))
        total = ask("instances", t.pid, "(string)", "--limit", 1)["count"]
        equal("all strings", sum(f["count"] for f in every["forms"]), total + sum(
            ask("instances", t.pid, c, "--limit", 1)["count"] for c in ("(sliced string)", "(concatenated string)")))


@test(nodes=VERSIONS, timeout=240)
def largest_and_slices(node):
    with Target("strings.js", node=node, **ARGS) as t:
        stopped(t.pid)
        truth = t.truth
        doc = ask("strings", t.pid)
        first = doc["largest"][0]
        equal("the largest", (first["length"], first["bytes"], first["form"], first["value"][:3]),
              (truth["long"], rounded(16 + truth["long"]), "sequential", "LLL"))
        parents = [p for p in doc["sliced_parents"] if p["value"].startswith("parent ")]
        equal("parents", len(parents), truth["parents"])
        for p in parents:
            number = int(p["value"][7])
            equal("length of a parent", p["length"], truth["parent"] + number + 9)
            equal("one slice, of so many characters", (p["slices"], p["used"]), (1, truth["slice"]))
            equal("nothing else", p["only_slices"], True)
        held = [p for p in doc["sliced_parents"] if p["value"].startswith("held otherwise")]
        equal("what is held otherwise", [p["only_slices"] for p in held], [False])
        at_most("kept in all", sum(p["bytes"] for p in parents), doc["kept_by_slices"])
        text = memwhy("strings", t.pid).out
        equal("in words", "parent 4" in text and "LLL" in text and truth["copied"][:30] in text, True)
        equal("but not what is held anyway", "held otherwise" in text.split("Kept by slices")[1], False)
        few = ask("strings", t.pid, "--where", f"length={len(truth['copied'])}")
        equal("by query", {r["length"] for r in few["largest"]}, {len(truth["copied"])})


@test
def no_v8():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("strings", t.pid, code=3, json_code="unsupported", says="no V8")
