"""What `memwhy heap` says a full collection will leave, against what V8 counts after it."""
import os
import signal
from harness import VERSIONS, Target, ask, equal, near, test
from test_heap import stopped

NODE_ARGS = ["--expose-gc", "--no-warnings"]


def totals(doc, key, isolate=0):
    """Without the read-only space, which up to Node 16 every isolate has for itself."""
    return sum(s[key] for s in doc["isolates"][isolate]["spaces"] if s["name"] != "read_only_space")


def collected(t):
    """The target collects; V8's own count of what is left, without what is only reserved: up to
    version 11 V8 counts open allocation areas as used (from 9 on), which memwhy sees and tells apart."""
    t.say("collect")
    os.kill(t.pid, signal.SIGCONT)
    truth = t.hear()
    stopped(t.pid)
    return truth


def compare(node, args):
    with Target("liveness.js", node=node, args=args, node_args=NODE_ARGS, timeout=120) as t:
        stopped(t.pid)
        before = ask("heap", t.pid)
        truth = collected(t)
        after = ask("heap", t.pid)
        for i, theirs in enumerate([truth] + truth["workers"]):
            live, garbage = totals(before, "live", i), totals(before, "garbage", i)
            used = sum(s["space_used_size"] for s in theirs["spaces"] if s["space_name"] != "read_only_space")
            if 16 <= node.version <= 20:
                used -= sum(s["allocation_areas"] for s in after["isolates"][i]["spaces"] if s["name"] != "new_space")
            print(f"Node {node.version} {' '.join(args)}, {before['isolates'][i]['name']}: live {live:,}, V8 after a "
                  f"collection {used:,} ({live / used - 1:+.3%}), garbage {garbage:,}, weakly held "
                  f"{totals(before, 'weak_only', i):,}")
            near("live", live, used, 0.003)
            equal("live and garbage are all objects", live + garbage, totals(before, "object_bytes", i))
        return before, after


@test(nodes=VERSIONS, timeout=240)
def mixed(node):
    compare(node, ["100000", "135"])


@test(nodes="all", timeout=240)
def weakly_held(node):
    before, after = compare(node, ["60000", "10", "weak"])
    # Every other key, each third WeakRef's target and what was registered and dropped.
    equal("something is held weakly only", totals(before, "weak_only") > 60000 // 3 * 40, True)


@test(nodes=VERSIONS, timeout=240)
def let_go(node):
    """What V8's caches hold, and optimised code of functions that are gone, is no live memory."""
    compare(node, ["60000", "10", "let_go"])


@test(nodes=VERSIONS, timeout=240)
def worker(node):
    before, _ = compare(node, ["100000", "20", "mixed", "worker"])
    equal("isolates", len(before["isolates"]), 2)


@test(nodes=[24])
def idle(node):
    """A second look after the collection: nothing but what printing left is garbage."""
    with Target("liveness.js", node=node, args=["5000", "0"], node_args=NODE_ARGS) as t:
        stopped(t.pid)
        collected(t)
        doc = ask("heap", t.pid)
        equal("garbage is less than 60 KB", totals(doc, "garbage") < 60_000, True)


@test(nodes=VERSIONS, timeout=240)
def given_back(node):
    """Resident memory before and some seconds after a full collection, as the kernel counts it."""
    with Target("given_back.js", node=node, args=["135"], node_args=["--expose-gc"], timeout=120) as t:
        before = ask("heap", t.pid)["isolates"][0]
        equal("there is garbage", before["garbage_bytes"] > 130e6, True)
        t.say("5")
        freed = t.hear()["before"] - t.truth["after"]
        after = ask("heap", t.pid)
        print(f"Node {node.version}: {before['gc_would_free_rss']:,} bytes foretold, {freed:,} given back "
              f"({before['gc_would_free_rss'] / freed - 1:+.1%}); pooled {before.get('gc_would_pool_rss', 0):,}, stale then "
              f"{after['stale']['resident']:,}")
        near("given back", before["gc_would_free_rss"], freed, 0.1)
        if node.version >= 22:  # and of the new space as many pages as it shrinks by
            equal("pooled", after["stale"]["resident"] >= 0.9 * before["gc_would_pool_rss"] > 50e6, True)
