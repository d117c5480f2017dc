"""Random stops of a process that allocates hard and starts and ends workers: every page walks to its
end, unless a collection was under way at each attempt."""
import os
import random
import time
from harness import Target, ask, at_most, equal, test

STOPS = int(os.environ.get("MEMWHY_STOPS", "9"))  # per version


@test(nodes="all", timeout=240)
def random_stops(node):
    pause = random.Random(node.version)
    with Target("storm.js", node=node, node_args=["--no-warnings"]) as t:
        collecting, stops, longest, isolates = 0, 0, 0, set()
        for _ in range(STOPS):
            time.sleep(pause.uniform(0.01, 0.25))
            doc = ask("heap", t.pid, codes=(0, 4), env={"MEMWHY_DEBUG": "v8"})
            coverage = doc["coverage"]
            collecting += coverage["in_collection"]
            stops += doc["cost"]["stops"]
            longest = max(longest, doc["cost"]["longest_pause_ns"])
            isolates.add(len(doc["isolates"]))
            if not coverage["in_collection"]:
                equal("unwalked bytes", coverage["unwalked_bytes"], 0)
            equal("the target still runs", t.process.poll(), None)
        at_most("looks that met collections only", collecting, STOPS // 3)
        print(f"Node {node.version}: {STOPS} looks, {stops} stops, longest {longest / 1e6:.1f} ms, "
              f"{collecting} in a collection, {min(isolates)} to {max(isolates)} isolates")
