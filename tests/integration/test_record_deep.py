"""Deep looks of a recording: moments of a process that can be explained and compared long after it."""
import json

from harness import Target, ask, at_most, equal, memwhy, test
from test_capture import Folder


@test(nodes=[24], timeout=120)
def moments(node):
    """Told of a program that says how many it keeps, after it has ended."""
    with Folder() as folder:
        db = folder / "a.db"
        with Target("keeps_on.js", node=node) as t:
            done = ask("record", t.pid, "-o", db, "--deep-every=10s", "--for=18s")["recording"]
            t.say("kept?")
            kept = t.hear()["kept"]
        equal("looks", [done["deep_looks"], done["deep_looks_failed"]], [2, 0])
        last = ask("explain", f"{db}@last", codes=(0, 1))
        equal("of a recording", last["target"]["kind"], "recorded")
        equal("adds up", sum(o["resident_bytes"] for o in last["account"]["owners"]), last["account"]["rss_bytes"])
        diff = ask("diff", f"{db}:{t.pid}@first..last")
        least = 8 * (3 << 20)
        equal("Buffers", sum(o["delta"] for o in diff["owners"] if o["path"].startswith("arraybuffers/")) >= least, True)
        # the kernel joins mappings that lie side by side: then one grows
        grown = [r for r in diff["regions"] if r.get("owner") == "malloc/mmapped" and r["change"] in ("came", "grew")]
        equal("and their mappings", sum(r["resident_delta_bytes"] for r in grown) >= least, True)
        doc = ask("compare", f"{db}@first..last", codes=(0, 1))
        named = {c["path_text"]: c for c in doc["containers"]}
        print(json.dumps(doc["containers"])[:600])
        visits = named["global.visitsKept"]
        equal("a Map that grows", [visits["class"], visits["verdict"], visits["entries_class"]], ["Map", "grows", "Visit"])
        at_most("more than it keeps in the end", visits["entries"], kept)
        at_most("in ten seconds", abs(visits["entries_delta"] - 10000), 3000)
        course = ask("explain", f"{db}@first..last", codes=(0, 1))
        equal("as it was at the end", course["account"]["rss_bytes"], last["account"]["rss_bytes"])
        equal("and how it came there", {"rss", "heap_used"} <= {o["owner"] for o in course["series"]["owners"]}, True)
        refused = memwhy("objects", f"{db}@last")
        equal("of objects there are none", (refused.code, "holds no memory" in refused.err), (2, True))
        missing = memwhy("explain", f"{db}@-1h")
        equal("before the first", (missing.code, "deep look" in missing.err), (3, True))
