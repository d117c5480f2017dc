"""memwhy gc and usage: the inspector closed, open, elsewhere, in use, in a network of its own, not to be had;
what was foretold against what came of it; no harm to the target, whenever memwhy ends."""
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from harness import MEMWHY, Node, Skip, Target, ask, at_most, equal, memwhy, near, refuses, test

MIB = 1 << 20
IDLE = "console.log('READY {}'); setInterval(Math.random, 1e6)"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def inspected(node, *node_args, port=None):
    """On a port of its own, for tests run beside each other."""
    port = free_port() if port is None else port
    return Target("inspected.js", node=node, node_args=[f"--inspect-port={port}", *node_args]), f"127.0.0.1:{port}"


def listens(pid):
    """The addresses on which the process listens."""
    inodes = set(re.findall(r"socket:\[(\d+)\]", " ".join(os.readlink(f) for f in Path(f"/proc/{pid}/fd").iterdir())))
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return [r[1] for r in rows if r[3] == "0A" and r[9] in inodes]


def foretold(doc, name):
    return next((r["foretold"], r["measured"]) for r in doc["foretold"] if r["name"] == name)


@test(nodes="all")
def collects_what_was_foretold(node):
    """The inspector is closed before and after."""
    target, address = inspected(node)
    with target as t:
        doc = ask("gc", t.pid)
        equal("inspector", doc["inspector"], {"address": address, "opened": True, "closed": True, "other_clients": 0})
        equal("nothing listens", listens(t.pid), [])
        live, used = foretold(doc, "heap_used_after")
        near("heapUsed", used, live, 0.03)
        heap, gave = foretold(doc, "heap")
        at_most("smallest that proves anything", 20 * MIB, heap)
        near("the heap gives back", gave, heap, 0.02)
        buffers, gone = foretold(doc, "buffers")
        near("Buffers", buffers, 32 * MIB, 0.02)
        near("Buffers that went", gone, buffers, 0.02)
        near("RSS", doc["freed_bytes"], doc["predicted_bytes"], 0.10)
        said = ask("usage", t.pid)["inspector"]
        equal("asked, it is opened and closed, too", said, doc["inspector"])
        equal("nothing listens then", listens(t.pid), [])
        equal("it lives", t.alive(), True)


@test(nodes=[20, 26])
def relieves(node):
    """A collection, and then a trim of what it gave up inside malloc; a second time there is nothing."""
    with Target("inspected.js", node=node, node_args=[f"--inspect-port={free_port()}"], args=[2000]) as t:
        doc = ask("relieve", t.pid)
        equal("steps", [s["step"] for s in doc["steps"]], ["gc", "trim"])
        for s in doc["steps"]:
            near(s["step"], s["freed"], s["foretold"], 0.10)
        at_most("the trim proves nothing below", 30 * MIB, doc["steps"][1]["foretold"])
        near("all of it", doc["freed_bytes"], sum(s["freed"] for s in doc["steps"]), 0.02)
        equal("closed", doc["inspector"]["closed"], True)
        again = ask("relieve", t.pid)
        equal("steps then", again["steps"], [])
        at_most("left", again["gc_would_free_bytes"] + again["trim_would_free_bytes"], 8 * MIB)


@test
def relieves_as_far_as_it_may():
    """No signal: the collection is refused, the trim made. No V8: only a trim."""
    with Target("inspected.js", node=Node(24), node_args=["--disable-sigusr1"]) as t:
        doc = ask("relieve", t.pid, "--at-least=100k", codes=(4,))
        equal("gc is refused", "would die of it" in doc["steps"][0]["refused"], True)
        equal("and not tried again", [s["step"] for s in doc["steps"]].count("gc"), 1)
        equal("it lives", t.alive(), True)
    with Target("waits") as t:
        doc = ask("relieve", t.pid)
        equal("steps", [s["step"] for s in doc["steps"]], ["trim"])
        near("freed", doc["freed_bytes"], doc["steps"][0]["foretold"], 0.02)


class Client:
    """Somebody else's debugger."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        listing = self.get(b"GET /json/list HTTP/1.1\r\nHost: localhost\r\n\r\n")
        path = re.search(r"ws://[^/]*(/[0-9a-f-]+)", listing)[1]
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        answer = self.get(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        equal("it is connected", "101" in answer.splitlines()[0], True)

    def get(self, request):
        self.socket.sendall(request)
        time.sleep(0.1)
        return self.socket.recv(65536).decode()


def says_what_is_seen(doc):
    """The figures of the process are those that memwhy sees."""
    figures = {f["name"]: f for f in doc["figures"]}
    for name, off in (("rss", MIB), ("heapTotal", 0), ("heapUsed", 200 << 10), ("arrayBuffers", 4096), ("heap_size_limit", 0)):
        at_most(f"{name}: {figures[name]}", abs(figures[name]["difference"]), off)
        equal(f"{name} is what was said", figures[name]["says"],
              doc["said"]["heap" if name == "heap_size_limit" else "memory"][name])
    spaces = {s["name"]: s for s in doc["spaces"]}
    old = spaces["old_space"]
    equal("old_space", old["size_sees"], old["size_says"])
    near("old_space used", old["used_sees"], old["used_says"], 0.005)
    near("old_space in memory", old["resident_sees"], old["physical_says"], 0.02)
    equal("spaces that are not seen", [s for s in spaces.values() if s["name"] != "read_only_space" and "size_sees" not in s], [])


@test(nodes="all")
def open_already(node):
    """On a port of its choice, with another client, asked twice: it stays as it is."""
    with Target("inspected.js", node=node, node_args=["--inspect=127.0.0.1:0", "--max-old-space-size=200"]) as t:
        doc = ask("usage", t.pid)
        equal("opened by us", doc["inspector"]["opened"], False)
        equal("its version", doc["said"]["versions"]["node"], doc["target"]["node_version"])
        equal("flags", [(f["name"], f["value"]) for f in doc["flags"]], [("max-old-space-size", "200")])
        says_what_is_seen(doc)
        before = listens(t.pid)
        equal("it listens", len(before), 1)
        client = Client(doc["inspector"]["address"])
        for command in ("usage", "gc"):
            equal(f"{command}: other clients", ask(command, t.pid)["inspector"]["other_clients"], 1)
        equal("it still listens", listens(t.pid), before)
        client.socket.settimeout(0.05)
        try:
            equal("the other client was told nothing, and not thrown out", client.socket.recv(16), None)
        except TimeoutError:
            pass


@test(nodes="all")
def in_a_network_of_its_own(node):
    inside = f"ip link set lo up; exec {node.need().path} -e \"{IDLE}\""
    with Target(["unshare", "-n", "sh", "-c", inside], ready=False) as t:
        try:
            t.hear()
        except AssertionError as e:
            raise Skip(f"no network namespace can be made: {e}")
        doc = ask("gc", t.pid)
        equal("inspector", doc["inspector"], {"address": "127.0.0.1:9229", "opened": True, "closed": True, "other_clients": 0})


def refused(t, says, **how):
    refuses("gc", t.pid, says=says, **how)
    equal("it lives", t.alive(), True)
    equal("nothing was opened", listens(t.pid), [])


@test(nodes="all")
def handled_by_the_program(node):
    """SIGUSR1 would do what it is there for: nothing is sent."""
    with Target([node.need().path, "-e", f"process.on('SIGUSR1', () => process.exit(7)); {IDLE}"]) as t:
        refused(t, "a handler of its own")


@test
def signal_not_caught():
    """It would die of SIGUSR1: nothing is sent."""
    with Target([Node(24).need().path, "--disable-sigusr1", "-e", IDLE]) as t:
        refused(t, "would die of it (--disable-sigusr1)")
    with Target("waits") as t:
        refused(t, "no Node process")


@test
def port_taken():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        for args, env in (([f"--inspect-port={port}"], {}), ([], {"NODE_OPTIONS": f"--inspect-port=127.0.0.1:{port}"})):
            with Target("inspected.js", node=Node(22), node_args=args, env=env) as t:
                refused(t, f"port {port}")


@test
def busy():
    """A main thread that does not come back in time: said, and undone when it does."""
    target, address = inspected(Node(24))
    with target as t:
        t.say("busy 5000")
        t.hear()
        time.sleep(0.2)
        began = time.monotonic()
        error = refuses("gc", t.pid, "--timeout=500ms", says="did not answer in time")
        at_most("seconds", time.monotonic() - began, 12)
        if listens(t.pid):
            equal("it is said", address in error["hint"], True)
        until = time.monotonic() + 15
        while listens(t.pid) and time.monotonic() < until:
            time.sleep(0.1)
        equal("closed when it was free", listens(t.pid), [])
        t.say("say")
        t.hear()


@test
def ended_at_any_moment():
    """Killed: the process runs on. Interrupted: its inspector is closed as well."""
    target, _ = inspected(Node(26))
    with target as t:
        for how in (signal.SIGINT, signal.SIGKILL):
            p = subprocess.Popen([str(MEMWHY), "gc", str(t.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            until = time.monotonic() + 20
            while not listens(t.pid) and p.poll() is None and time.monotonic() < until:
                time.sleep(0.01)
            p.send_signal(how)
            p.wait(30)
            equal("it lives", t.alive(), True)
            equal("what listens", len(listens(t.pid)), 1 if how == signal.SIGKILL else 0)
            t.say("say")
            t.hear()
        equal("a later one works", "inspector" in ask("gc", t.pid), True)
