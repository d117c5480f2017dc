"""`memwhy suspects` on programs that each hold one thing, and on one that holds nothing."""
from harness import Target, ask, equal, memwhy, near, refuses, test

KINDS = {"map": "collection-leak", "array": "collection-leak", "dictionary": "collection-leak",
         "large": "large-object", "listeners": "listener-leak", "timers": "timer-leak", "waiting": "promise-leak",
         "chain": "closure-leak", "slices": "string-slice-retention", "pool": "buffer-pool-pinning",
         "contexts": "context-leak", "modules": "module-reload-leak", "stores": "async-context-leak",
         "finalizers": "finalization-leak", "symbols": "symbol-registry-leak",
         "streams": "stream-backpressure", "workers": "worker-leak", "scripts": "code-or-script-leak"}


def words(suspect):
    return " ".join([suspect["text"], *(p["text"] for p in suspect["parts"])])


@test(nodes="all", timeout=300)
def each_kind(node):
    for name, kind in KINDS.items():
        with Target("suspects.js", node=node, args=[name], node_args=["--expose-gc", "--no-warnings"]) as t:
            doc = ask("suspects", t.pid, "--min=2M" if name != "contexts" else "--min=500k", codes=(1,))
            first = doc["suspects"][0]
            print(f"Node {node.version} {name}: {first['kind']}: {first['text']}")
            equal(f"{name}: the first suspect", first["kind"], kind)
            if "count" in t.truth:
                near(f"{name}: how many", first["count"], t.truth["count"], 0.002)
            equal(f"{name}: the function is named", t.truth.get("function", "") in words(first), True)
            equal(f"{name}: its path", t.truth.get("path", "") in first.get("path", ""), True)
            equal(f"{name}: the class is named", t.truth.get("class", "") in words(first), True)


@test(nodes="all")
def nothing(node):
    """What Node itself holds is no suspect at 2 MB."""
    with Target("suspects.js", node=node, args=["nothing"], node_args=["--expose-gc"]) as t:
        equal("suspects", ask("suspects", t.pid, "--min=4M")["suspects"], [])
        a = memwhy("suspects", t.pid, "--min=4M")
        equal("exit code", a.code, 0)
        equal("says so", "Nothing holds 4.0 MiB or more" in a.out, True)


@test
def no_v8():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("suspects", t.pid, code=3, json_code="unsupported", says="no V8")
