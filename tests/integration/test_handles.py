"""`memwhy handles` and `sockets` against what Node says of its own handles, and the kernel of its sockets."""
import collections
import os
import tempfile
from harness import VERSIONS, SUPPORTED, Target, ask, at_most, equal, memwhy, refuses, test
from test_core import Folder, gdb_core

# What Node calls a handle, and libuv.
CLASSES = {"Server": ("TCP", "Pipe"), "Socket": ("TCP", "Pipe", "UDP"), "FSWatcher": ("FSEvent",),
           "ChildProcess": ("Process",), "MessagePort": ("MessagePort",)}
WRITTEN = 100 * (64 << 10)
STAYING = 10


class Handles:
    """tests/targets/handles.js in a folder of its own."""

    def __init__(self, node, clients=3, worker=True):
        self.node, self.args = node, [str(clients)] + (["worker"] if worker else [])

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.target = Target("handles.js", node=self.node, args=[self.folder.name, *self.args],
                             node_args=["--no-warnings"])
        return self.target

    def __exit__(self, *_):
        os.kill(self.target.truth["child"], 9)
        self.target.kill()
        self.folder.cleanup()


def of_type(doc, kind, loop=None):
    return [h for h in doc["handles"] if h["type"] == kind and not h["internal"] and loop in (None, h["loop"])]


def main_loop(doc):
    found = [i for i, l in enumerate(doc["loops"]) if l["default"]]
    equal("default loops", len(found), 1)
    return found[0]


def check_loops(doc, pid):
    """What libuv counts itself."""
    for i, loop in enumerate(doc["loops"]):
        equal(f"loop {i} is whole", "cut" in loop, False)
        holding = [h for h in doc["handles"] if h["loop"] == i and h["active"] and h["ref"] and not h["closing"]]
        equal(f"handles that keep loop {i} running", len(holding), loop["active_handles"])
        equal(f"requests of loop {i}", sum(loop["requests"].values()) - loop["requests"]["works_done"],
              loop["active_requests"])
    if pid:
        equal("the main loop's thread", doc["loops"][main_loop(doc)]["tid"], pid)


def check_handles(doc, truth, scripts, paths=True):
    main = main_loop(doc)
    equal("TCP", len(of_type(doc, "tcp", main)), 1 + 2 * 3)
    pipes = {h["fd"] for h in of_type(doc, "pipe", main)}
    equal("pipes, but for stdin and its like", pipes - {0, 1, 2}, set(truth["pipes"]))
    equal("UDP", len(of_type(doc, "udp", main)), 1)
    equal("watchers", len(of_type(doc, "fs_event")), 1)
    if paths:
        check_paths(doc, truth)
    equal("children", [h["pid"] for h in of_type(doc, "process")], [truth["child"]])
    equal("signals", [(h["signal"], h["ref"]) for h in of_type(doc, "signal")], [(12, False)])
    timer = [h for h in of_type(doc, "timer", main) if h.get("callback") == "node::Environment::RunTimers"]
    equal("the timer of all timers", len(timer), 1)
    equal("it waits for one of 500 s", 0 < timer[0]["due_ms"] <= 500_000, True)
    slow = [h for h in doc["handles"] if h.get("fd") == truth["fd"] and h["type"] == "tcp"]
    equal("bytes in libuv's queue", [h["queue_bytes"] for h in slow], [truth["writeQueueSize"]])
    equal("requests in it", slow[0]["queue_requests"], 1)
    if scripts:
        check_owners(doc, truth, main, slow[0])


def check_paths(doc, truth):
    folder = os.path.dirname(truth["fifo"])
    equal("watched", [h["path"] for h in of_type(doc, "fs_event")], [folder])
    equal("listening pipe", [h["path"] for h in of_type(doc, "pipe") if h["listening"]], [os.path.join(folder, "pipe")])
    equal("opened by the pool", {w["path"] for w in doc["works"]}, {truth["fifo"]})


def check_owners(doc, truth, main, slow):
    """As process._getActiveHandles() lists them: not closed and not unref'ed."""
    ours = collections.Counter(h["owner"]["class"] for h in doc["handles"]
                               if h["loop"] == main and "owner" in h and h["ref"] and not h["closing"])
    equal("owners", ours, collections.Counter(truth["handles"]))
    for h in doc["handles"]:
        if "owner" in h:
            equal(f"the wrap of a {h['owner']['class']}", h["wrap"]["class"] in CLASSES[h["owner"]["class"]], True)
    equal("socket.writableLength", slow["owner"]["writable_length"], truth["writableLength"])
    for want in truth["writable"]:
        got = [h for h in of_type(doc, "tcp", main) if h["fd"] == want["fd"]]
        equal(f"writableLength of {want['fd']}", got[0]["owner"]["writable_length"], want["writableLength"])


def check_pool(doc):
    states = collections.Counter(w["state"] for w in doc["works"])
    equal("work of the pool", states, {"running": 4, "queued": 3})
    equal("what it is", {w.get("kind") for w in doc["works"]}, {"open"})
    equal("threads", len({w["tid"] for w in doc["works"] if w["state"] == "running"}), 4)


def check_worker(doc, truth):
    servers = [h for h in of_type(doc, "tcp") if h["listening"]]
    equal("servers", {h["loop"] == main_loop(doc) for h in servers}, {True, False})
    other = [h for h in servers if h["loop"] != main_loop(doc)][0]
    if "file" in other:
        equal("the worker's", other["file"]["local"], f"127.0.0.1:{truth['workerPort']}")


def check_sockets(doc, truth, scripts, kernel):
    rows = {s["fd"]: s for s in doc["sockets"]}
    slow = rows[truth["fd"]]
    equal("most is queued on", doc["sockets"][0]["fd"], truth["fd"])
    equal("libuv's part", slow["uv_queued"], truth["writeQueueSize"])
    equal("JavaScript's part is known", "js_queued" in slow, scripts)
    if kernel:
        equal("ends", (slow["local"], slow["peer"], slow["state"]),
              (f"127.0.0.1:{truth['localPort']}", f"127.0.0.1:{truth['port']}", "ESTABLISHED"))
        peer = [s for s in doc["sockets"] if s.get("local") == slow["peer"] and s.get("peer") == slow["local"]][0]
        equal("UDP", [s["local"] for s in doc["sockets"] if s["kind"] == "udp"], [f"127.0.0.1:{truth['udp']}"])
    if scripts and kernel:
        # Every byte that was written is somewhere: here, or with the peer, which does not read.
        equal("all that was written", slow["js_queued"] + slow["uv_queued"] + slow["send_queue"] +
              peer["receive_queue"], WRITTEN)
        equal("the sum", slow["queued"], WRITTEN - peer["receive_queue"])


@test(nodes=VERSIONS, timeout=240)
def known_handles(node):
    """Frozen, stopped and from a capture: all of it."""
    with Handles(node) as t:
        scripts = node.version in SUPPORTED or any("owner" in h for h in ask("handles", t.pid)["handles"])
        for how in ("fork", "stop"):
            doc = ask("handles", t.pid, f"--freeze={how}")
            check_loops(doc, t.pid)
            check_handles(doc, t.truth, scripts)
            check_pool(doc)
            check_worker(doc, t.truth)
            check_sockets(ask("sockets", t.pid, f"--freeze={how}"), t.truth, scripts, True)
        print(f"Node {node.version}: {len(doc['handles'])} handles of {len(doc['loops'])} loops, "
              f"{doc['cost']['took_ns'] / 1e6:.0f} ms")
        with tempfile.TemporaryDirectory() as folder:
            for redacted in (False, True):
                path = os.path.join(folder, f"app.{redacted}.core")
                a = memwhy("capture", t.pid, "-o", path, *(["--redact"] if redacted else []))
                equal("captured", a.code, 0)
                doc = ask("handles", path)
                check_loops(doc, t.pid)
                equal("types", {x["type"]: x["count"] for x in doc["types"]},
                      {x["type"]: x["count"] for x in ask("handles", t.pid)["types"]})
                check_handles(doc, t.truth, scripts, paths=not redacted)
                check_pool(doc)
                check_worker(doc, t.truth)
                check_sockets(ask("sockets", path), t.truth, scripts, not redacted)


@test(nodes=[16, 24], timeout=300)
def core(node):
    """A core knows nothing of the kernel's side, and says so by saying nothing; the rest is the same."""
    with Folder() as folder, Handles(node) as t:
        path = gdb_core(t.pid, folder)
        doc = ask("handles", path)
        check_loops(doc, t.pid)
        check_handles(doc, t.truth, True)
        check_pool(doc)
        equal("files", [h for h in doc["handles"] if "file" in h], [])
        doc = ask("sockets", path)
        check_sockets(doc, t.truth, True, False)
        equal("what the kernel has", "send_queue" in doc["total"], False)


@test(nodes="all")
def whose_sockets(node):
    """The request that HTTP answers; of TLS the socket that the program writes to, not the one below it."""
    with Target("sockets.js", node=node, node_args=["--no-warnings"]) as t:
        doc = ask("sockets", t.pid)
        rows = {(s.get("local"), s.get("peer")): s for s in doc["sockets"]}
        for name in ("http", "tls"):
            want = t.truth[name]
            ends = (f"127.0.0.1:{want['local']}", f"127.0.0.1:{want['port']}")
            owner = rows[ends]["handle"]["owner"]
            equal(f"who writes over {name}", owner["class"], want["class"])
            equal(f"its writableLength over {name}", owner["writable_length"], want["writableLength"])
            equal(f"its request over {name}", owner.get("request"), want.get("request"))
            client = rows[ends[::-1]]["handle"]["owner"]["class"]
            equal(f"the other end over {name}", client, want.get("clientClass", "Socket"))
        equal("most is queued by the two", {(s["local"], s["peer"]) for s in doc["sockets"][:2]},
              {(f"127.0.0.1:{w['local']}", f"127.0.0.1:{w['port']}") for w in t.truth.values()})
        print(f"Node {node.version}: {doc['total']}")


@test(nodes=[18, 24], timeout=240)
def while_it_works(node):
    """Sockets come and go, objects move: what stays is there in every picture, with its owner."""
    with Target("sockets_busy.js", node=node, args=[str(STAYING)]) as t:
        for i in range(20):
            doc = ask("sockets", t.pid, f"--freeze={'fork' if i % 2 else 'stop'}")
            staying = [s for s in doc["sockets"] if s.get("handle", {}).get("fd") in t.truth["fds"]]
            equal("sockets that stay", len(staying), 2 * STAYING)
            equal("who owns them", {s["handle"]["owner"]["class"] for s in staying}, {"Socket"})
            equal("bytes that nobody reads", sum(s["js_queued"] + s["uv_queued"] for s in staying),
                  t.truth["waiting"])


@test(nodes=[24])
def text(node):
    with Handles(node, worker=False) as t:
        a = memwhy("sockets", t.pid)
        equal("exit code", a.code, 0)
        first = a.out.splitlines()[2].split()
        equal("the first row", first[:4], [str(t.truth["fd"]), "tcp", "ESTABLISHED", f"127.0.0.1:{t.truth['localPort']}"])
        a = memwhy("handles", t.pid, "--type", "udp")
        equal("exit code", a.code, 0)
        equal("only UDP", {l.split()[0] for l in a.out.splitlines() if "127.0.0.1:" in l}, {"udp"})
        refuses("handles", t.pid, "--type", "sockets", code=2, json_code="usage", says="tcp")
        at_most("rows with --top", len(ask("sockets", t.pid, "--top=2")["sockets"]), 2)


@test
def no_libuv():
    with Target(["sleep", "60"], ready=False) as t:
        refuses("handles", t.pid, code=3, json_code="unsupported", says="No event loop")
        refuses("sockets", t.pid, code=3, json_code="unsupported", says="No event loop")
