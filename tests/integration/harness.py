"""What an integration test needs: real targets, memwhy's answer, and comparisons that say what differs.

A test file is tests/integration/test_NAME.py. In it, every function marked @test is a test:

    from harness import test, Target, ask, equal, near, at_most

    @test(nodes="all")                       # once per Node version; the test gets the Node
    def old_space(node):
        with Target("heap.js", node=node, args=["100"]) as t:   # tests/targets/heap.js, READY seen
            doc = ask("heap", t.pid)         # build/memwhy heap PID --json, as a dict
            equal("old space", doc["isolates"][0]["heap_total"], t.truth["old_total"])

    @test                                    # no Node; no argument
    def arenas():
        with Target("arenas") as t:          # tests/targets/arenas.c, built by meson
            near("in use", ask("malloc", t.pid)["arenas"][0]["in_use"], t.truth["in_use"], 0.001)

A target prints one line `READY {json}` on stdout when its state stands, flushes, and stays until
it is killed (or reads commands from stdin: t.say("line"), t.hear() for its next `READY` line).
Every test runs in a process group of its own, which is killed when it ends, however it ends.
Tests run three at a time; mark those that measure time @test(alone=True). `./dev test PATTERN` runs
those whose name holds PATTERN. raise Skip("why") says what could not run.
"""
import json
import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("MEMWHY_BUILD", "build")
MEMWHY = BUILD / "memwhy"
TARGETS = ROOT / "tests" / "targets"
NODES = ROOT / ".nodes"
VERSIONS = [12, 16, 18, 20, 22, 24, 26]
SUPPORTED = [16, 18, 20, 22, 24, 26]
TESTS = []  # what @test collects, in the order of the file


class Skip(Exception):
    """This test cannot run here, and why."""


class Node:
    """An official Node build: node.version (its major), node.path."""

    def __init__(self, version):
        self.version = version
        self.path = NODES / str(version) / "bin" / "node"

    def need(self):
        if not self.path.exists():
            raise Skip(f"Node {self.version} is not in .nodes (./dev nodes)")
        return self


def test(function=None, *, nodes=None, alone=False, timeout=120):
    """Mark a test. nodes: None, "all" (SUPPORTED) or a list of majors; the test then gets a Node."""

    def mark(f):
        TESTS.append({"function": f, "nodes": SUPPORTED if nodes == "all" else nodes,
                      "alone": alone, "timeout": timeout})
        return f

    return mark(function) if function else mark


class Target:
    """A running process of known state: .pid, .truth (its last READY's JSON). Killed on exit.

    name: "x.js" runs tests/targets/x.js under `node`; another name is the program meson built from
    tests/targets/NAME.c; a list is a command line of its own. ready=False does not wait for READY.
    """

    def __init__(self, name, node=None, args=(), node_args=(), env=None, ready=True, timeout=60, cwd=None):
        self.timeout = timeout
        if isinstance(name, (list, tuple)):
            command = [str(a) for a in name]
        elif name.endswith(".js"):
            command = [str((node or Node(24)).need().path), *node_args, str(TARGETS / name)]
        else:
            command = [str(BUILD / "tests" / name)]
        command += [str(a) for a in args]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd,
                                        env={**os.environ, **{k: str(v) for k, v in (env or {}).items()}})
        self.pid = self.process.pid
        self.truth = None
        self._pending = b""
        if ready:
            self.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def alive(self):
        """It runs, and is not held by a tracer."""
        if self.process.poll() is not None:
            return False
        status = Path(f"/proc/{self.pid}/status").read_text()
        return "State:\tt" not in status and "State:\tZ" not in status

    def say(self, line):
        """Send one line to its stdin."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self):
        """Wait for the next READY line; returns its JSON and keeps it as .truth."""
        import select
        until = time.monotonic() + self.timeout
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if newline:
                self._pending = rest
                if line.startswith(b"READY"):
                    self.truth = json.loads(line[5:] or b"{}")
                    return self.truth
                continue
            wait = until - time.monotonic()
            if wait <= 0 or not select.select([self.process.stdout], [], [], wait)[0]:
                self.kill()
                raise AssertionError(f"target {self.process.args} was not READY in {self.timeout} s")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError(f"target {self.process.args} ended before READY: {self.process.wait()}")
            self._pending += data


def need_command(*names):
    """Skip the test while this build lacks one of these commands."""
    known = [c["name"] for c in ask("help")["commands"]]
    for name in names:
        if name not in known:
            raise Skip(f"this build has no command {name}")


class Answer:
    """What a run of memwhy gave: .code, .out, .err (text), .seconds, .json()."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def json(self):
        return json.loads(self.out)


def memwhy(*args, env=None, timeout=100, stdin=None):
    """Run build/memwhy with these arguments, whatever comes of it. A sanitizer report fails at once."""
    began = time.monotonic()
    p = subprocess.run([str(MEMWHY), *map(str, args)], capture_output=True, timeout=timeout, input=stdin,
                       env={**os.environ, **(env or {})})
    answer = Answer(p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace"),
                    time.monotonic() - began)
    if "Sanitizer" in answer.err or "runtime error:" in answer.err:
        raise AssertionError(f"memwhy {' '.join(map(str, args))}: sanitizer report\n{answer.err}")
    if answer.code < 0:
        raise AssertionError(f"memwhy {' '.join(map(str, args))}: died of signal {-answer.code}\n{answer.err}")
    return answer


def ask(*args, codes=(0, 1), **more):
    """Run memwhy ... --json, demand one of these exit codes, and give the document."""
    a = memwhy(*args, "--json", **more)
    if a.code not in codes:
        raise AssertionError(f"memwhy {' '.join(map(str, args))}: exit code {a.code}\n{a.out[:2000]}\n{a.err}")
    doc = a.json()
    equal("schema", doc["schema"], "memwhy/1")
    return doc


def refuses(*args, code=3, json_code=None, says=None, **more):
    """Run memwhy ... --json, demand an error document with this exit code; gives its error object."""
    doc = ask(*args, codes=(code,), **more)
    error = doc["error"]
    if json_code:
        equal("error code", error["code"], json_code)
    if says and says not in error["message"] + " " + error.get("hint", ""):
        raise AssertionError(f"the message lacks {says!r}: {error}")
    return error


def equal(what, got, want):
    if got != want:
        off = f" (off by {got - want})" if isinstance(got, int) and isinstance(want, int) else ""
        raise AssertionError(f"{what}: got {got!r}, want {want!r}{off}")


def own_findings(pid):
    """What explain finds about the process itself: other tests' processes may be large beside it."""
    return [f for f in ask("explain", pid)["findings"] if f["cause"] != "other-process-in-pod"]


def near(what, got, want, part):
    """Within `part` of `want`: near("old space", got, want, 0.0005)."""
    if abs(got - want) > part * abs(want):
        off = (got - want) / want * 100 if want else float("inf")
        raise AssertionError(f"{what}: got {got}, want {want}: off by {got - want} ({off:.4f} %), allowed {part * 100} %")


def at_most(what, got, limit):
    if got > limit:
        raise AssertionError(f"{what}: got {got}, allowed at most {limit}")
