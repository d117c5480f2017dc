"""`memwhy watch`: rules on what real processes do, and what came of their actions."""
import http.server
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from harness import MEMWHY, TARGETS, Skip, Target, at_most, equal, memwhy, test


class Watch:
    """memwhy watch --json beside the test: .events as they come."""

    def __init__(self, *args):
        self.process = subprocess.Popen([str(MEMWHY), "watch", "--json", "--every", "100ms", *map(str, args)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.events = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def all(self, kind, **fields):
        return [e for e in list(self.events) if e["event"] == kind and
                all((e.get(k, {}).get("number") if k == "rule" else e.get(k)) == v for k, v in fields.items())]

    def wait(self, kind, timeout=60, **fields):
        """The first such event, which may still have to come."""
        with self.changed:
            if self.changed.wait_for(lambda: self.all(kind, **fields), timeout):
                return self.all(kind, **fields)[0]
        raise AssertionError(f"no event {kind} {fields}: {json.dumps(self.events)[-3000:]}")

    def end(self, timeout=60):
        """Its exit code, once it has ended by itself."""
        code = self.process.wait(timeout)
        self.reader.join(timeout)
        error = self.process.stderr.read().decode()
        if "Sanitizer" in error or "runtime error" in error:
            raise AssertionError(error)
        return code

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def watched(mode, node, *sizes, **more):
    return Target("watched.js", node=node, args=[mode, *sizes], **more)


def running(marker):
    """Processes that have this word on their command line."""
    found = []
    for p in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in p.read_bytes().split(b"\0"):
                found.append(int(p.parent.name))
        except OSError:
            pass
    return found


@test(nodes=[24])
def dump_before_it_dies(node):
    """Nobody knew that it would run out of memory; what it had is kept, once, while it still ran."""
    with tempfile.TemporaryDirectory() as folder, \
            watched("leak", node, 160, node_args=["--max-old-space-size=60"]) as t, \
            Watch("-e", f'when heap_used > 50% of old_generation_limit then capture "{folder}", snapshot "{folder}" once',
                  "-e", "when headroom(heap_limit) < 40MB then print once", t.pid) as w:
        w.wait("came")
        t.say("begin")
        capture, snapshot = (w.wait("action", action=a) for a in ("capture", "snapshot"))
        equal("exit code", w.end(), 1)  # with the process
        equal("it died", t.process.wait(60) != 0, True)
        equal("gone", len(w.all("gone")), 1)
        alarm = w.wait("alarm", rule=1)
        seen = alarm["conditions"][0]
        equal("the limit", (alarm["sample"]["old_generation_limit"], seen["limit"]), (60 << 20, 30 << 20))
        equal("over it", seen["limit"] < seen["value"] < 60 << 20, True)
        equal("earlier", w.wait("alarm", rule=2)["time_ns"] <= alarm["time_ns"], True)
        equal("once", (len(w.all("alarm", rule=1)), len(w.all("alarm", rule=2))), (1, 1))
        equal("outcomes", (snapshot["outcome"], capture["outcome"]), ("done", "done"))
        equal("files", {str(p) for p in Path(folder).iterdir()}, {snapshot["file"], capture["file"]})
        for action in (snapshot, capture):
            equal("size", os.stat(action["file"]).st_size, action["file_bytes"])
            equal("mode", os.stat(action["file"]).st_mode & 0o777, 0o600)
        leaked = [c for c in memwhy("objects", capture["file"], "--json").json()["classes"] if c["name"] == "Leaked"]
        equal("whole", (snapshot["complete"], capture["complete"]), (True, True))
        kept = [c for c in memwhy("open", snapshot["file"], "--json").json()["classes"] if c["name"] == "Leaked"]
        equal("it is what was leaked", leaked[0]["count"] > 10000 and kept[0]["count"] > 10000, True)
        equal("the capture came first", leaked[0]["count"] <= kept[0]["count"], True)


@test(nodes=[24])
def slopes(node):
    """One leaks below its saw, the other has the saw alone."""
    gc = {"node_args": ["--expose-gc"]}
    rules = ("-e", "when slope(live_after_gc) > 100KB/s over 3s then print once",
             "-e", "when time_to(heap_limit) < 10d over 3s then print once")
    with watched("saw", node, 10, **gc) as saw, watched("saw", node, 10, 10, **gc) as leak, \
            Watch(*rules, saw.pid, leak.pid) as w:
        alarms = [w.wait("alarm", rule=n) for n in (1, 2)]
        w.stop()
        equal("who", {a["process"]["pid"] for a in w.all("alarm")}, {leak.pid})
        seen = alarms[0]["conditions"][0]
        equal("the whole interval", 100 * 1024 < seen["low"] <= seen["value"] <= seen["high"], True)
        seen = alarms[1]["conditions"][0]
        equal("a time and its interval", 0 < seen["low"] <= seen["value"] <= seen["high"] < 10 * 86400e9, True)


@test(nodes=[24])
def time_of_collections(node):
    """The share of time that goes into collections: of one that collects, not of one that is idle."""
    gc = {"node_args": ["--expose-gc"]}
    with watched("saw", node, 4, **gc) as busy, watched("idle", node, **gc) as idle, \
            Watch("-e", "when gc_time > 1% over 1s then print once", busy.pid, idle.pid) as w:
        time.sleep(0.5)
        denied = [e for e in w.all("unknown") if "cannot be seen" in e["conditions"][0]["text"]]
        if denied:
            raise Skip(denied[0]["conditions"][0]["text"])
        alarm = w.wait("alarm")
        time.sleep(0.5)
        w.stop()
        equal("who", [a["process"]["pid"] for a in w.all("alarm")], [busy.pid])
        equal("a share", 0.01 < alarm["conditions"][0]["value"] < 1, True)
        states = {int(s["pid"]): s["state"] for s in w.all("end")[0]["states"]}
        equal("the idle one is judged", states[idle.pid], "no")


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes alarms; says 500 to the first."""

    def do_POST(self):
        self.server.bodies.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if len(self.server.bodies) == 1 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


@test(nodes=[20])
def webhooks_and_endpoints(node):
    """An endpoint that becomes slow, of two processes: the alarm names who answers, with its memory."""
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    hook.bodies = []
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, watched("server", node) as t, watched("idle", node) as other:
        url = t.truth["url"]
        rules = Path(folder, "rules")
        rules.write_text(f"# what the service owes\n"
                         f"when http {url} latency > 150ms for 3 of 5\n"
                         f"    then snapshot \"{folder}/dumps\", webhook http://127.0.0.1:{hook.server_port}/a?b=1,\n"
                         f"         run \"cat $MEMWHY_FILE | head -c 12\"\n"
                         f"when http {url} fails then print\n"
                         f"when http http://127.0.0.1:1/ latency > 1s then print\n")
        with Watch(rules, t.pid, other.pid) as w:
            w.wait("unknown", rule=3)
            time.sleep(0.6)
            equal("while it is fast", w.all("alarm"), [])
            t.say("300")
            alarm = w.wait("alarm", rule=1)
            equal("who answers", alarm["process"]["pid"], t.pid)
            equal("its memory", alarm["sample"]["rss"] > 20 << 20, True)
            seen = alarm["conditions"][0]
            equal("latency", (seen["limit"], seen["value"] >= 300e6, seen["status"]), (150e6, True, 200))
            posted = w.wait("action", action="webhook")
            equal("taken at the second try", (posted["outcome"], posted["status"], posted["tries"]), ("done", 204, 2))
            equal("a file for the command", w.wait("action", action="run")["output"], '{"snapshot":')
            t.kill()
            w.wait("gone")
            w.stop()
            other.kill()
    hook.shutdown()
    equal("posted twice", len(hook.bodies), 2)
    headers, body = hook.bodies[1]
    doc = json.loads(body)
    equal("the same alarm", (doc["event"], doc["time_ns"], doc["sample"]),
          ("alarm", alarm["time_ns"], alarm["sample"]))
    equal("what was done before", [(d["action"], d["outcome"]) for d in doc["done"]], [("snapshot", "done")])
    equal("its file", doc["file"].startswith(f"{folder}/dumps/memwhy-watch-"), True)
    equal("said to be JSON", headers["Content-Type"], "application/json")
    nobody = w.all("unknown", rule=3)[0]["conditions"][0]["text"]
    equal("a refused connection is no slow answer", "not asked yet" in nobody or "nobody listens" in nobody, True)
    equal("it was never judged slow", w.all("alarm", rule=3), [])


@test(nodes=[24])
def in_a_network_of_its_own(node):
    """A loopback address is that of the process: of a container's, nobody else can ask there."""
    inside = f"ip link set lo up; exec {node.need().path} {TARGETS}/watched.js server"
    with Target(["unshare", "-n", "sh", "-c", inside], ready=False) as t:
        try:
            t.hear()
        except AssertionError as e:
            raise Skip(f"no network namespace can be made: {e}")
        with Watch("-e", f"when http {t.truth['url']} latency > 1us then print once", t.pid) as w:
            equal("it answered", w.wait("alarm")["conditions"][0]["status"], 200)
            equal("ended cleanly", w.stop(), 1)


@test(nodes=[24])
def commands(node):
    """A command that hangs stops nobody and leaves nothing; no name of a process is ever run."""
    with tempfile.TemporaryDirectory() as folder:
        mark = f"{time.time_ns() % 10**9 + 10**9}"
        title = f"$(touch {folder}/a);`touch {folder}/b`;\n"
        with watched("idle", node, env={"TITLE": title}) as t, \
                Watch("-e", f'when rss > 1MB then run "sleep {mark} & sleep {mark}" timeout 1s once',
                      "-e", 'when rss > 1MB then run "true $MEMWHY_NAME $MEMWHY_COMMAND; echo $MEMWHY_PID $MEMWHY_LIMIT" '
                      'cooldown 300ms', "-e", 'when rss > 1MB then run "exit 3" once', t.pid) as w:
            hung = w.wait("action", rule=1)
            equal("its end", (hung["action"], hung["outcome"]), ("run", "timed-out"))
            at_most("in time", hung["took_ns"], 8e9)
            while len(w.all("action", rule=2)) < 4:
                w.wait("action", rule=2)
                time.sleep(0.05)
            equal("the watching went on", w.all("action", rule=2)[0]["time_ns"] < hung["time_ns"], True)
            until = time.monotonic() + 10
            while running(mark) and time.monotonic() < until:
                time.sleep(0.02)  # killed, and not gone yet
            equal("nothing is left", running(mark), [])
            said = w.all("action", rule=2)[0]
            equal("values", (said["output"].split(), said["exit_code"]), ([str(t.pid), "1048576"], 0))
            failed = w.wait("action", rule=3)
            equal("a command that fails", (failed["outcome"], failed["exit_code"]), ("failed", 3))
            alarms = [a["sample"]["time_ns"] for a in w.all("alarm", rule=2)]
            gaps = [b - a for a, b in zip(alarms, alarms[1:])]
            equal("the cooldown", len(gaps) > 2 and min(gaps) > 290e6, True)
            equal("ended cleanly", w.stop(), 1)
            equal("the end", w.events[-1]["event"], "end")
        equal("nothing was run", os.listdir(folder), [])


@test(nodes=[24])
def killed(node):
    """A watcher that is killed leaves no command behind, and no look."""
    mark = f"{time.time_ns() % 10**9 + 10**9}"
    with watched("idle", node) as t, \
            Watch("-e", f'when rss > 1MB then run "sleep {mark} & sleep {mark}; true" once',
                  "-e", f"when rss > 1MB then growth for {mark[:4]}s once", t.pid) as w:
        look = f"--for={mark[:4]}000000000ns"
        until = time.monotonic() + 20
        while (len(running(mark)) < 2 or not running(look)) and time.monotonic() < until:
            time.sleep(0.02)
        equal("both run", (len(running(mark)), bool(running(look))), (2, True))
        w.process.kill()
        until = time.monotonic() + 20
        while running(mark) + running(look) and time.monotonic() < until:
            time.sleep(0.02)
        equal("nothing is left", running(mark) + running(look), [])
        equal("the target is well", t.alive(), True)


@test(nodes=[24])
def budget(node):
    """The oldest of its own files go for the next; nothing of others; never more than the budget."""
    with tempfile.TemporaryDirectory() as folder, watched("idle", node) as t:
        def put(name, megabytes, age):
            path = Path(folder, name)
            path.write_bytes(b"\0" * (megabytes << 20))
            os.utime(path, (time.time() - age, time.time() - age))
            return path
        oldest, older, newer = (put(f"memwhy-watch-{i}.heapsnapshot", 30, 100 - i) for i in range(3))
        others = put("other.heapsnapshot", 30, 1000)
        rule = f'when heap_used > 1MB then snapshot "{folder}" budget {{}} once'
        doc = [json.loads(x) for x in memwhy("watch", "--json", "--exit-on-alarm", "-e", rule.format("20KB"),
                                             t.pid).out.splitlines()]
        refused = [e for e in doc if e["event"] == "action"][0]
        equal("too large for the budget", (refused["action"], refused["outcome"]), ("snapshot", "refused"))
        equal("said why", "the budget is 20.0 KiB" in refused["why"], True)
        equal("nothing was removed", all(p.exists() for p in (oldest, older, newer, others)), True)
        limit = 100 << 20
        text = memwhy("watch", "--exit-on-alarm", "-e", rule.format("100MB"), t.pid)
        equal("exit code", text.code, 1)
        equal("it says what had to go", "older of" in text.out, True)
        equal("others' stay", others.exists(), True)
        equal("the oldest went", [p.exists() for p in (oldest, older, newer)], [False, True, True])
        own = list(Path(folder).glob("memwhy-watch-*"))
        equal("and the new one came", len(own), 3)
        at_most("all of them", sum(p.stat().st_size for p in own), limit)


@test(nodes=[24])
def dying(node):
    """The target goes while it is looked at, and before its turn has come."""
    with watched("idle", node) as t, watched("idle", node) as stays, \
            Watch("-e", "when rss > 1MB then growth for 3s once", t.pid, stays.pid) as w:
        w.wait("alarm")
        time.sleep(0.7)
        t.kill()
        stays.kill()
        equal("it ended by itself", w.end(), 1)
        outcomes = [(a["action"], a["outcome"]) for a in w.all("action")]
        equal("refused, not done", outcomes, [("growth", "refused")] * 2)
        equal("why", sorted("gone" in a["why"] for a in w.all("action"))[-1], True)


@test
def mistakes():
    """Wrong rules: where, and what was expected."""
    for rule, place, what in (
            ("when heap_usd > 1GB then print", ":1:6:", "Did you mean heap_used?"),
            ("when rss > 10s then print", ":1:12:", "a size such as 500MB"),
            ("when rss > 1GB the print", ":1:16:", "`then`"),
            ("when rss > 1GB then capture /tmp", ":1:29:", "within quotes"),
            ("when slope(rss) > 1MB/min then webhook https://a/", ":1:40:", "https")):
        a = memwhy("watch", "-e", rule, "--check")
        equal(f"{rule}: exit code", a.code, 2)
        equal(f"{rule}: {a.err}", place in a.err and what in a.err, True)
    equal("no rules", memwhy("watch").code, 2)
    equal("no such file", memwhy("watch", "/nonexistent").code, 2)
    equal("no pid", memwhy("watch", "-e", "when rss > 1GB then print", "x").code, 2)
    equal("nobody", memwhy("watch", "-e", "when rss > 1GB then print").code, 2)
    equal("no process", memwhy("watch", "-e", "when rss > 1GB then print", 2**30).code, 3)
    good = memwhy("watch", "-e", "when rss > 90% of cgroup_limit for 10s then print", "--check")
    equal("in words", (good.code, "When rss is over 90.0 % of cgroup_limit, for 10 s" in good.out), (0, True))


@test(nodes=[24])
def dry_run(node):
    """Nothing is done, and what would have been is said; what cannot be judged is said as well."""
    with tempfile.TemporaryDirectory() as folder, watched("idle", node) as t:
        a = memwhy("watch", "--dry-run", "--for", "500ms", "--every", "100ms", "--json", "-e",
                   f'when rss > 1MB then snapshot "{folder}", run "touch {folder}/x"', "-e",
                   "when rss > 1TB then print", "-e", "when slope(rss) > 1GB/s over 1h then print", t.pid)
        events = [json.loads(line) for line in a.out.splitlines()]
        equal("exit code", a.code, 1)
        equal("outcomes", [e["outcome"] for e in events if e["event"] == "action"], ["dry-run"] * 2)
        equal("nothing was done", os.listdir(folder), [])
        equal("unknown", [e["rule"]["number"] for e in events if e["event"] == "unknown"], [3])
        equal("states", [s["state"] for s in events[-1]["states"]], ["holds", "no", "unknown"])
