"""`memwhy explain --for`: what grows while it is watched, and what only goes up and down."""
import csv
import io
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from harness import Target, ask, at_most, equal, memwhy, refuses, test

RATE = 2_000_000


def watched(t):
    """On a busy machine 9 seconds have too few looks: then it says so, and that twice as long would do."""
    for seconds in (9, 18, 36):
        doc = ask("explain", t.pid, "--for", f"{seconds}s")
        owners = {o["owner"]: o for o in doc["series"]["owners"]}
        if owners["heap"].get("why") != "too-few-floors":
            break
        at_most("looks that are too few", doc["series"]["looks"], 5)
    return doc, owners


@test(nodes=[24])
def leaks_and_a_saw(node):
    """Under a saw of some 10 MB a second, 2 MB a second are kept, or nothing is."""
    kinds = ["leak/array", "healthy/saw"]
    targets = [Target("slopes.js", node=node, args=[k], env={"RATE": RATE}) for k in kinds]
    try:
        time.sleep(2)  # what starting takes
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(watched, targets))
        for kind, t, (doc, owners) in zip(kinds, targets, answers):
            growing = {name for name, o in owners.items() if o["verdict"] == "growing"}
            # RSS follows, but for what else a process faults in in its first seconds
            equal(f"{kind}: what grows", growing - {"rss"}, {t.truth["grows"]} if t.truth["grows"] else set())
            if t.truth["grows"]:
                o = owners[t.truth["grows"]]
                at_most(f"{kind}: off its rate by", abs(o["per_second"] / RATE - 1), 0.1)
                equal(f"{kind}: the interval is one", o["low"] <= o["per_second"] <= o["high"], True)
                equal(f"{kind}: its floors", len(o["floor"]) >= o["floors"] >= 6, True)
            else:
                equal(f"{kind}: RSS does not grow", "rss" in growing, False)
            if t.truth["grows"]:
                equal(f"{kind}: said first", doc["verdict"].startswith("heap: growing "), True)
                held = [c for c in doc["series"]["containers"] if "kept" in " ".join(c["path"])]
                equal(f"{kind}: what holds it", len(held) > 0, True)
    finally:
        for t in targets:
            t.kill()


@test(nodes=[24])
def what_cannot_be_watched(node):
    refuses("explain", "999999999", "--for", "1s")
    with Target("slopes.js", node=node, args=["healthy/idle"]) as t:
        answer = memwhy("explain", t.pid, "--for", "1s")
        equal("in words", "Over 1.00 s" in answer.out and "heap  " in answer.out, True)
        equal("alive", t.alive(), True)


@test(nodes=[20])
def a_recording(node):
    """What `record` kept, `history` shows: its own numbers, the same in every form."""
    with tempfile.TemporaryDirectory() as folder, Target("slopes.js", node=node, args=["leak/array"]) as t:
        path = os.path.join(folder, "a.db")
        equal("recorded", memwhy("record", t.pid, "-o", path, "--every", "100ms", "--for", "2s").code, 0)
        doc = ask("history", path)
        equal("processes", [p["pid"] for p in doc["processes"]], [t.pid])
        rows = list(csv.DictReader(io.StringIO(memwhy("history", path, "--csv", "--owner", "rss").out)))
        rss = next(o for o in doc["processes"][0]["owners"] if o["owner"] == "rss")
        values = [int(r["rss"]) for r in rows]
        equal("some rounds", len(rows) >= 10, True)
        equal("least, most and last", [rss["min"], rss["max"], rss["now"]], [min(values), max(values), values[-1]])
        at_most("seconds", doc["processes"][0]["to_ns"] - doc["processes"][0]["from_ns"], 3_000_000_000)
        points = ask("history", path, "--owner", "rss")["processes"][0]["owners"][0]["points"]
        equal("points", [p[3] for p in points], values)
        text = memwhy("history", path).out
        equal("in words", f"pid {t.pid}, node 20" in text and "RSS  " in text, True)
        equal("too short to call it growing", {o["series"]["verdict"] for o in doc["processes"][0]["owners"]
                                               if o["owner"] in ("rss", "heap_used")} & {"growing"}, set())
        refuses("history", path, "--process", "1", json_code=None)
        equal("no such field", memwhy("history", path, "--owner", "nothing").code, 2)
        refuses("history", __file__)
