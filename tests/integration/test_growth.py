"""`memwhy objects`: by shape, by script, and what has grown since an earlier look."""
import os
import signal
import tempfile
from harness import VERSIONS, Target, ask, at_most, equal, memwhy, refuses, test
from test_heap import stopped

ARGS = {"node_args": ["--expose-gc", "--no-warnings"]}


def captured(t, folder, name):
    path = os.path.join(folder, name)
    equal("captured", memwhy("capture", t.pid, "-o", path).code, 0)
    return path


def grown(t):
    t.say("grow")
    os.kill(t.pid, signal.SIGCONT)
    truth = t.hear()
    stopped(t.pid)
    return truth


@test(nodes=VERSIONS, timeout=240)
def growing(node):
    with tempfile.TemporaryDirectory() as folder, Target("growth.js", node=node, **ARGS) as t:
        stopped(t.pid)
        then = t.truth
        before = captured(t, folder, "before.memwhy")
        equal("nothing has grown while it stood", ask("objects", t.pid, "--growing", before)["growing"], [])
        now = grown(t)
        doc = ask("objects", t.pid, "--growing", before)
        rows = {r["name"]: r for r in doc["growing"]}
        for name in ("Grows", "Shrinks"):
            equal(f"{name} then", rows[name]["count_then"], then[name])
            equal(f"{name} now", rows[name]["count_now"], now[name])
            equal(f"more {name}", rows[name]["count_delta"], now[name] - then[name])
        equal("what stayed is not there", "Stays" in rows, False)
        equal("bytes outside the heap", rows["ArrayBuffer"]["count_delta"], now["buffers"])
        equal("the most first", [r["bytes_delta"] for r in doc["growing"]],
              sorted((r["bytes_delta"] for r in doc["growing"]), reverse=True))
        equal("the Buffers first", doc["growing"][0]["name"], "ArrayBuffer")
        at_most("their bytes", abs(doc["growing"][0]["bytes_delta"] - 500_000 * now["buffers"]), 1000)
        after = captured(t, folder, "after.memwhy")
        equal("two captures say the same", ask("objects", after, "--growing", before)["growing"], doc["growing"])
        by_script = {(r["name"], r.get("script"), r.get("line")): r["count_delta"] for r in
                     ask("objects", after, "--growing", before, "--by", "script")["growing"]}
        equal("by script", by_script["Grows", "/srv/app/grows.js", 5], now["Grows"] - then["Grows"])
        text = memwhy("objects", t.pid, "--growing", before).out
        equal("in words", "Grows" in text and "Shrinks" not in text, True)


@test(nodes=VERSIONS, timeout=240)
def by_shape_and_script(node):
    with Target("growth.js", node=node, **ARGS) as t:
        stopped(t.pid)
        shapes = ask("objects", t.pid, "--by", "shape", "--class", "Stays")["classes"]
        equal("two shapes", {s["properties"]: s["count"] for s in shapes},
              {"{id, text}": t.truth["Stays"], "{id, text, later}": t.truth["two"]})
        for s in shapes:
            doc = ask("instances", t.pid, "--shape", s["shape"], "--all")
            equal("objects of a shape", doc["count"], s["count"])
        scripts = ask("objects", t.pid, "--by", "script", "--script", "/srv/app/")["classes"]
        equal("where constructors are", {(s["name"], s["script"], s["line"]): s["count"] for s in scripts if
              s["name"] != "Function"},
              {("Grows", "/srv/app/grows.js", 5): t.truth["Grows"], ("Shrinks", "/srv/app/stays.js", 10):
               t.truth["Shrinks"], ("Stays", "/srv/app/stays.js", 1): t.truth["Stays"] + t.truth["two"]})
        equal("the classes themselves", sum(s["count"] for s in scripts if s["name"] == "Function"), 3)
        everything = ask("objects", t.pid, "--no-retained")["classes"]
        for by in ("shape", "script"):
            parts = ask("objects", t.pid, "--no-retained", "--by", by)["classes"]
            equal(f"all objects by {by}", sum(c["count"] for c in parts), sum(c["count"] for c in everything))
            equal(f"all bytes by {by}", sum(c["shallow"] for c in parts), sum(c["shallow"] for c in everything))


@test(nodes=[24])
def filtered(node):
    with Target("growth.js", node=node, **ARGS) as t:
        stopped(t.pid)
        everything = {c["name"]: c for c in ask("objects", t.pid)["classes"]}
        for part in ("--live", "--garbage"):
            rows = {c["name"]: c for c in ask("objects", t.pid, part, "--no-retained")["classes"]}
            for name, c in rows.items():
                all_of_it = everything[name]
                want = all_of_it["garbage_count"] if part == "--garbage" else all_of_it["count"] - all_of_it["garbage_count"]
                equal(f"{name} {part}", c["count"], want)
        some = ask("objects", t.pid, "--class", "S*s")["classes"]
        equal("by pattern", {c["name"] for c in some} & {"Stays", "Shrinks", "Grows"}, {"Stays", "Shrinks"})
        equal("retained as before", {c["name"]: c["retained"] for c in some},
              {c["name"]: everything[c["name"]]["retained"] for c in some})
        refuses("objects", t.pid, "--by", "colour", code=2, json_code="usage", says="colour")
        refuses("objects", t.pid, "--growing", "/nonexistent/file", code=3)
