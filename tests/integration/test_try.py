"""memwhy try: settings whose effect is known, a program that dies of one, and what is left behind."""
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import MEMWHY, TARGETS, Node, at_most, equal, memwhy, near, test

APP = TARGETS / "tried.js"
QUICK = ["--url", "/", "--requests", "10", "--connections", "2", "--settle", "250ms"]


def node():
    return Node(24).need().path


def attempt(*args, code=0, command=None):
    """The document of `memwhy try ARGS -- COMMAND` (the app, if none is given)."""
    a = memwhy("try", "--json", *args, "--", *(command or [node(), APP]))
    equal(f"exit code of try {args} ({a.out[:500]} {a.err})", a.code, code)
    return a.json()


def refused(*args, code, says, command=None):
    error = attempt(*args, code=code, command=command)["error"]
    text = error["message"] + " " + error.get("hint", "")
    assert says in text, f"the message lacks {says!r}: {text}"


def by_name(doc):
    return {s["name"]: s for s in doc["settings"]}


@test
def settings_of_known_effect():
    doc = attempt("--alone", "-e", "HOLD=60", "-e", "LATER=1", "-e", "CRASH=1", *QUICK)
    s = by_name(doc)
    equal("settings", list(s), ["baseline", "HOLD=60", "LATER=1", "CRASH=1"])
    equal("baseline's runs", [r["outcome"] for r in s["baseline"]["runs"]], ["measured"] * 5)
    held = s["HOLD=60"]["measures"]["settled_rss_bytes"]
    equal("HOLD=60 against the baseline", held["against_baseline"], "more")
    near("what it holds", held["shift"], 60e6, 0.1)
    assert held["shift_low"] <= held["shift"] <= held["shift_high"], held
    equal("it hurts", (s["HOLD=60"]["hurts"], s["HOLD=60"]["saves"]), (True, False))
    equal("LATER=1 does nothing", (s["LATER=1"]["hurts"], s["LATER=1"]["saves"]), (False, False))
    equal("ranking", doc["ranking"], [["baseline", "LATER=1"], ["HOLD=60"]])
    equal("to ship", doc["ship"], None)
    equal("runs that died", [r["outcome"] for r in s["CRASH=1"]["runs"]], ["died"] * 2)
    for r in s["CRASH=1"]["runs"]:
        equal("how", r["why"], "was killed by SIGABRT under load")
        assert "told to crash" in r["output"], r
    for r in s["baseline"]["runs"] + s["HOLD=60"]["runs"]:
        equal("answered", r["http"]["requests"], 10)
        equal("failures", sum(r["http"]["failures"].values()), 0)
        at_most("RSS when ready below the peak", r["start_rss_bytes"], r["peak_rss_bytes"] + (1 << 20))
        at_most("settled below the peak", r["settled_rss_bytes"], r["peak_rss_bytes"] + (1 << 20))
        near("the account's sum", sum(r["groups"].values()), r["settled_rss_bytes"], 0.05)


@test
def loads():
    """What a load is told; that its failure is one; a rate it prints; latencies and pauses as they are."""
    check = 'test "$URL" = "http://127.0.0.1:$PORT" && kill -0 $PID && echo "Requests/sec:  12.5"'
    once = ["--settle", "100ms", "--rounds", "1"]
    runs = by_name(attempt("-e", "A=1", "--load", check, *once))["A=1"]["runs"]
    equal("outcome", (runs[0]["outcome"], runs[0]["per_second"]), ("measured", 12.5))
    assert "gc_ns" not in runs[0], runs[0]
    refused("-e", "A=1", "--load", "echo no luck; exit 3", *once, code=3, says="exited with code 3: no luck")
    slow = by_name(attempt("-e", "SLOW=20", "--gc-times", "--url", "/chunked", "--requests", "10",
                           "--connections", "1", *once))
    at_most("the slow one's median", 20e6, slow["SLOW=20"]["runs"][0]["p50_ns"])
    at_most("the quick one's", slow["baseline"]["runs"][0]["p50_ns"], 20e6)


@test
def programs_that_end():
    """Their peak counts, and --max-old-space-size has effect through a flag."""
    hold = "const a = []; for (let i = 0; i < 60; i++) a.push(new Array(1 << 17).fill(i)); "
    doc = attempt("-f", "--max-old-space-size=30", "-n", "1", "--gc-times", command=[node(), "-e", hold])
    s = by_name(doc)
    equal("ranked by", doc["ranked_by"], "peak_rss_bytes")
    run = s["baseline"]["runs"][0]
    equal("outcome", (run["outcome"], run["why"]), ("ended", "exited with code 0 before it was ready"))
    assert run["gc_ns"] > 0 and "settled_rss_bytes" not in run, run
    at_most("60 MB on the heap", 60 << 20, run["peak_rss_bytes"])
    run = s["--max-old-space-size=30"]["runs"][0]
    equal("outcome of a limit", run["outcome"], "died")
    assert "heap out of memory" in run["output"], run


@test
def flags_are_asked_of_the_binary():
    refused("-f", "--max-old-space-sise=256", code=2, says="Is it --max-old-space-size?")
    refused("-f", "--max-old-space-size=some", code=2, says="illegal value")
    refused("-e", "NODE_OPTIONS=--expose-gcc", code=2, says="not allowed in NODE_OPTIONS")
    refused("-f", "--expose-gc", code=2, says="NODE_OPTIONS", command=["sh", "-c", "true"])
    refused(code=2, says="nothing to try")
    refused("-e", "A=1", code=3, says="could not be started", command=["no-such-program"])
    refused("-e", "A=1", code=3, says="Cannot find module", command=[node(), "no-such-script.js"])


def is_there(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def started_by(pid):
    """All that descends from a process, by their parents."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    found = [pid]
    for p in found:
        found += [child for child, parent in parents.items() if parent == p]
    return found[1:]


@test
def nothing_outlives_memwhy():
    for end, code in ((signal.SIGKILL, -9), (signal.SIGINT, 3)):
        with tempfile.TemporaryDirectory() as folder:
            daemon = Path(folder) / "pid"
            p = subprocess.Popen([MEMWHY, "try", "-e", "A=1", "--load", "sleep 1000", "--json", "--", node(), APP],
                                 stdout=subprocess.PIPE, env={**os.environ, "DAEMON": str(daemon)})
            until = time.monotonic() + 20
            while len(started_by(p.pid)) < 5:  # two keepers, the app, what it left behind, the load
                assert time.monotonic() < until, started_by(p.pid)
                time.sleep(0.05)
            pids = started_by(p.pid)
            assert int(daemon.read_text()) in pids, (pids, daemon.read_text())
            p.send_signal(end)
            out = p.communicate()[0]
            equal(f"exit code after {end.name}", p.returncode, code)
            if end == signal.SIGINT:
                assert "interrupted" in json.loads(out)["error"]["message"], out
            until = time.monotonic() + 5
            while any(map(is_there, pids)) and time.monotonic() < until:
                time.sleep(0.05)
            equal(f"left after {end.name}", [x for x in pids if is_there(x)], [])
