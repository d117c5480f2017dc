"""`memwhy explain --for`: what grows while it is watched, and what only goes up and down."""
import time
from concurrent.futures import ThreadPoolExecutor
from harness import Target, ask, at_most, equal, memwhy, refuses, test

RATE = 2_000_000


def watched(t):
    doc = ask("explain", t.pid, "--for", "9s")
    return doc, {o["owner"]: o for o in doc["series"]["owners"]}


@test(nodes=[24], alone=True)
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
            want = {"heap": {"heap", "rss"}, "array_buffers": {"array_buffers", "rss"}, None: set()}[t.truth["grows"]]
            equal(f"{kind}: what grows", growing, want)
            for name in want - {"rss"}:
                o = owners[name]
                at_most(f"{kind}: off its rate by", abs(o["per_second"] / RATE - 1), 0.1)
                equal(f"{kind}: the interval is one", o["low"] <= o["per_second"] <= o["high"], True)
                equal(f"{kind}: its floors", len(o["floor"]) >= o["floors"] >= 6, True)
            if t.truth["grows"]:
                held = [c for c in doc["series"]["containers"] if "kept" in " ".join(c["path"])]
                equal(f"{kind}: what holds it", len(held) > 0, True)
    finally:
        for t in targets:
            t.kill()


@test(nodes=[24])
def what_cannot_be_watched(node):
    refuses("explain", "999999999", "--for", "1s")
    with Target("slopes.js", node=node, args=["healthy/idle"]) as t:
        answer = memwhy("explain", t.pid, "--for", "2s")
        equal("in words", "Over 2.00 s" in answer.out and "heap  " in answer.out, True)
        equal("alive", t.alive(), True)
