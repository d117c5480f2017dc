"""`memwhy oom`: logs of processes that die here and now, and recorded ones; prefixes; garbage; size."""
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from harness import MEMWHY, ROOT, TARGETS, VERSIONS, Skip, at_most, equal, memwhy, near, refuses, test

LOGS = ROOT / "tests" / "logs"
MIB = 1 << 20
LIMIT = 24  # of the old generation, MiB


def start(node, how, *flags, more=()):
    """A process that will die, its output and its command line (as shells echo it) in one log."""
    log = tempfile.TemporaryFile()
    command = [str(node.path), *flags, str(TARGETS / "dies.js"), how, *more]
    log.write(("> node " + " ".join(flags) + f" dies.js {how}\n").encode())
    log.flush()
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL), log


def ended(started, code=None):
    """Its log and the truth it printed."""
    process, log = started
    equal("how it ended", process.wait(timeout=60), code if code is not None else -signal.SIGABRT)
    log.seek(0)
    text = log.read().decode(errors="replace")
    log.close()
    return text, json.loads(re.search(r"READY (\{.*\})", text).group(1))


def read(text, codes=(1,), name="-"):
    a = memwhy("oom", name, "--json", stdin=text.encode() if name == "-" else None)
    if a.code not in codes:
        raise AssertionError(f"exit code {a.code}: {a.out[:500]}{a.err}\n{text[:2000]}")
    return a.json()


def only(doc):
    equal("deaths", [d["how"] for d in doc["deaths"]], [doc["deaths"][0]["how"]])
    return doc["deaths"][0]


def full_collections(text):
    """V8's own lines of one trace, once each: (time, before, after)."""
    found = re.findall(r"\[\d+:0x[0-9a-f]+\] +(\d+) ms: (?:Incremental )?Mark-\S+(?: \(reduce\))? ([\d.]+) \([\d.]+\) -> ([\d.]+)", text)
    return sorted(set((int(a), float(b), float(c)) for a, b, c in found))


def cited(death, text):
    """Every line cited is in the log, and the message's is where it says."""
    lines = text.split("\n")
    for e in death["evidence"]:
        if not 0 <= e.get("line", 0) <= len(lines):
            raise AssertionError(f"no such line: {e}")
    equal("the message's line", death["message"] in lines[death["line"] - 1], True)


def of_heap(node, started):
    text, truth = ended(started)
    d = only(read(text))
    equal("cause", (d["how"], d["cause"], d["confidence"]), ("heap-limit", "near-heap-limit", "certain"))
    equal("pid", d["process"]["pid"], truth["pid"])
    equal("limit", (d["facts"]["heap_limit"], d["facts"]["heap_limit_from"]), (LIMIT * MIB, "flag"))
    cited(d, text)
    fulls = full_collections(text)
    equal("full collections", d["collections"]["full"], len(fulls))
    equal("live", round(d["facts"]["heap_live"] / MIB, 1), fulls[-1][2])
    equal("ran for", d["collections"]["last_at_ns"] >= fulls[-1][0] * 1000000, True)
    equal("series", [round(p["heap_live"] / MIB, 1) for p in d["collections"]["series"]], [f[2] for f in fulls])
    without = "\n".join(line for line in text.split("\n") if "max-old-space" not in line)
    guess = only(read(without))["facts"]
    if "heap_limit_max" in guess:  # said only where V8's words give it
        equal("the limit is below that", guess["heap_limit_max"] >= LIMIT * MIB, True)
    equal("not asserted otherwise", [k for k in ("heap_limit", "heap_limit_min") if k in guess], [])
    return text


@test(nodes=VERSIONS)
def dies_of_its_heap(node):
    """Of the limit, of one block below it, of its own kind of report: all at once, since each takes a second."""
    old = f"--max-old-space-size={LIMIT}"
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        flags = ["--report-on-fatalerror", "--report-directory=" + folder, "--report-filename=report.json"]
        heap = start(node, "heap", old, "--trace-gc", *flags)
        block = start(node, "map", old)
        of_heap(node, heap)
        text, truth = ended(block)
        d = only(read(text))
        equal("pid", d["process"]["pid"], truth["pid"])
        room = LIMIT * MIB - d["facts"]["heap_live"]
        one_block = d["how"] == "one-block" and d["cause"] == "large-object"
        at_limit = d["how"] == "heap-limit" and d["cause"] == "near-heap-limit"
        equal(f"a Map that grows, with {room} bytes left", one_block if room > 0.2 * LIMIT * MIB else at_limit, True)
        if node.version <= 22:  # later builds have no names in the stack
            equal("what it was doing", d["facts"]["doing"] in ("map", "small-object"), True)
        written = json.loads(Path(report).read_text())
        of_report(report, written)


@test(nodes=[8])
def died_so_in_older_versions(node):
    """Before reports and mu: the heap, one block that did not fit, and a length nobody can have."""
    old = f"--max-old-space-size={LIMIT}"
    heap, block, length = (start(node, *how) for how in (("heap", old, "--trace-gc"), ("map", old), ("length",)))
    of_heap(node, heap)
    text, truth = ended(block)
    d = only(read(text))
    equal("pid", d["process"]["pid"], truth["pid"])
    equal("one block", d["how"], "one-block")
    cited(d, text)
    text, _ = ended(length, 1)
    d = only(read(text))
    equal("a length", d["how"], "too-large")
    cited(d, text)


def of_report(path, written):
    doc = read("", name=path)
    d = only(doc)
    equal("kind", doc["target"]["kind"], "report")
    equal("how", (d["how"], d["cause"]), ("heap-limit", "near-heap-limit"))
    equal("pid", d["process"]["pid"], written["header"]["processId"])
    equal("version", "v" + d["process"]["node_version"], written["header"]["nodejsVersion"])
    equal("used", d["facts"]["heap_live"], written["javascriptHeap"]["usedMemory"])
    equal("limit", d["facts"]["heap_limit"], LIMIT * MIB)


@test(nodes=[12, 18, 26])
def dies_of_an_exception(node):
    """Too long a string, a broken length, too deep a recursion, a worker: with and without a listener."""
    runs = {how: start(node, how) for how in ("string", "length", "stack", "worker")}
    heard = start(node, "worker", more=["heard"])
    expected = {"string": ("too-large", "large-object"), "length": ("too-large", "large-object"),
                "stack": ("stack-overflow", None), "worker": ("worker-limit", "near-heap-limit")}
    for how, run in runs.items():
        text, _ = ended(run, code=1)
        d = only(read(text))
        equal(how, (d["how"], d.get("cause")), expected[how])
        equal(f"{how} is said to be the end", "died" in d["sentence"], True)
        if node.version >= 18:
            equal("version", f"v{d['process']['node_version']}" in text, True)
    text, _ = ended(heard, code=0)
    d = only(read(text))
    equal("worker, heard", (d["how"], d["facts"]["in_isolate"]), ("worker-limit", "worker"))
    equal("that the process lived is not known", "lived on" in " ".join(d["unknown"]), True)


@test(nodes=[12, 20, 26])
def lives(node):
    text, truth = ended(start(node, "alive", "--max-old-space-size=512", "--expose-gc", "--trace-gc"), code=0)
    doc = read(text, codes=(0,))
    equal("deaths", doc["deaths"], [])
    equal("pid", doc["alive"][0]["process"]["pid"], truth["pid"])
    equal("collections", doc["alive"][0]["collections"]["full"], len(full_collections(text)))
    equal("is said to grow", "grows by" in doc["verdict"], True)
    facts, ahead = doc["alive"][0]["facts"], doc["alive"][0]["collections"]["time_to_limit_ns"] / 1e9
    equal("limit", facts["heap_limit"], 512 * MIB)
    near("time to it", ahead, (512 * MIB - facts["heap_live"]) / facts["growth"], 0.01)


RECORDED = {
    "node8-heapgc.log": [("heap-limit", "near-heap-limit", 5519)],
    "node8-map.log": [("heap-limit", "near-heap-limit", 10676)],
    "node8-slow.log": [("heap-limit", "near-heap-limit", 5744)],
    "node8-string.log": [("too-large", "large-object", None)],
    "node8-invalid-length.log": [("too-large", "large-object", 14986)],
    "node24-invalid-table.log": [("too-large", "large-object", 32936)],
    "node10-heap.log": [("heap-limit", "near-heap-limit", 11032)],
    "node10-table.log": [("heap-limit", "near-heap-limit", 11666)],
    "node14-slowgc.log": [("heap-limit", "near-heap-limit", 24629)],
    "node14-array.log": [("heap-limit", "near-heap-limit", 25275)],
    "node14-worker.log": [("worker-limit", "near-heap-limit", None)],
    "node22-report.json": [("heap-limit", "near-heap-limit", 6060)],
    "folded.log": [("heap-limit", "near-heap-limit", 1)],
    "kernel-3.10-v1.log": [("cgroup-kill", None, 28438)],
    "kernel-4.20-v1.log": [("cgroup-kill", None, 23793)],
    "kernel-5.4-lines.log": [("cgroup-kill", None, 63214)],
    "kernel-6.1-v2.log": [("cgroup-kill", None, 4045)],
    "kernel-6.7-v2-page-cache.log": [("cgroup-kill", "page-cache-in-cgroup", 128825)],
    "kernel-6.18-v1-buffers.log": [("cgroup-kill", "off-heap-retention", 8680)],
    "kernel-6.18-v1-heap.log": [("cgroup-kill", "js-retention", 10625)],
    "kernel-6.18-v1-sibling.log": [("cgroup-kill", "other-process-in-pod", 24592), ("cgroup-kill", None, 24591)],
    "kernel-6.18-v1-shm.log": [("cgroup-kill", "shared-memory", 12945), ("cgroup-kill", "shared-memory", 13089)],
    "kernel-host.log": [("host-kill", None, 15784)],
}


def brief(doc):
    return [(d["how"], d.get("cause"), d["process"].get("pid")) for d in doc["deaths"]]


@test
def recorded():
    equal("all of them", sorted(p.name for p in LOGS.iterdir() if p.suffix != ".md"), sorted(RECORDED))
    for name, deaths in RECORDED.items():
        equal(name, brief(read("", name=LOGS / name)), deaths)
    doc = read("", name=LOGS / "kernel-4.20-v1.log")
    facts = only(doc)["facts"]
    equal("limit and usage", (facts["cgroup_limit"], facts["cgroup_usage"]), (524288 << 10, 524288 << 10))
    equal("rss", facts["rss"], (506500 + 1268) << 10)
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "log.1.gz"
        packed.write_bytes(gzip.compress((LOGS / "node8-map.log").read_bytes()))
        equal("packed", brief(read("", name=packed)), RECORDED["node8-map.log"])
    said = memwhy("oom", LOGS / "folded.log").out
    equal("the program's line", "stringifyReplacerFn at /usr/src/app/node_modules/safe-stable-stringify/stable.js:386"
          in said, True)
    equal("first", said.startswith("app_1 (pid 1) died of its heap limit: 994.0 MiB lived"), True)


@test
def prefixes():
    """What collectors put before lines changes nothing but the name; journals escape, shells colour."""
    text = (LOGS / "node14-slowgc.log").read_text()
    bare = only(read(text))
    docker = lambda line: json.dumps({"log": line + "\n", "stream": "stderr", "time": "2026-11-22T00:31:30.1Z"},
                                     separators=(",", ":"))
    forms = {
        "": lambda line: line + "\r",
        "web_1": lambda line: "web_1     | " + line,
        "web-1": lambda line: f"\x1b[36mweb-1  | \x1b[0m{line}",
        "pod/web-7c9d8-abc/app": lambda line: "[pod/web-7c9d8-abc/app] " + line,
        "host-1 node[4711]": lambda line: "Nov 22 00:28:08 host-1 node[4711]: " + line,
        "app[web.1]": lambda line: "2026-11-22T00:28:08.123456+00:00 app[web.1]: " + line,
        "3|api": lambda line: "3|api  | 2026-11-22T00:28:08: " + line,
        "web": lambda line: "[web] " + line,
    }
    unnamed = [lambda line: "2026-11-22T00:31:30.123456789Z stderr F " + line, docker,
               lambda line: "2026-11-22 00:31:30,123 " + line]
    for label, form in [*forms.items(), *(("", f) for f in unnamed)]:
        death = only(read("\n".join(form(line) for line in text.split("\n"))))
        equal("label of " + form("x"), death["process"].get("label", ""), label)
        for part in ("how", "cause", "facts", "collections", "line"):
            equal(f"{part} of " + form("x"), death[part], bare[part])


@test
def interleaved():
    """Five services die in one log, their lines mixed in every way: each its own death."""
    logs = {"web_1": "node14-slowgc.log", "web_2": "node8-map.log", "api_1": "node10-heap.log",
            "jobs_1": "node14-worker.log", "mail_1": "node8-string.log"}
    for seed in range(12):
        chosen = random.Random(seed)
        left = {n: (LOGS / f).read_text().splitlines() for n, f in logs.items()}
        mixed = []
        while any(left.values()):
            name = chosen.choice([n for n in left if left[n]])
            for _ in range(chosen.randint(1, 3)):
                mixed += [f"{name.ljust(8)} | {line}" for line in left[name][:1]]
                left[name] = left[name][1:]
        mixed.append("web_1 exited with code 134")
        doc = read("\n".join(mixed))
        got = {d["process"]["label"]: (d["how"], d.get("cause"), d["process"].get("pid")) for d in doc["deaths"]}
        equal(f"seed {seed}", got, {n: RECORDED[f][0] for n, f in logs.items()})
        equal("each once", len(doc["deaths"]), len(logs))
        for d in doc["deaths"]:
            whole = only(read("", name=LOGS / logs[d["process"]["label"]]))
            equal("facts", d["facts"], whole["facts"])
            equal("nobody caught it", "died" in d["sentence"], True)
    # without labels, pids tell the collections apart
    both = (LOGS / "node14-slowgc.log").read_text() + (LOGS / "node10-heap.log").read_text()
    equal("one after the other", [d[2] for d in brief(read(both))], [24629, 11032])


@test
def other_ends():
    """An exit code alone says little; beside what explains it, it is no death of its own."""
    killed = only(read("npm ERR! code ELIFECYCLE\nnpm ERR! errno 137\nKilled\n"))
    equal("137", (killed["how"], killed.get("cause")), ("killed", None))
    equal("who did it is not known", "dmesg" in " ".join(killed["unknown"]), True)
    described = "    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n"
    equal("Kubernetes' word", only(read(described))["how"], "oom-killed")
    equal("134 alone", only(read("web_1 exited with code 134\n"))["how"], "aborted")
    kernel = (LOGS / "kernel-6.18-v1-heap.log").read_text()
    equal("with the kernel's lines", brief(read(kernel + "app exited with code 137\n")),
          RECORDED["kernel-6.18-v1-heap.log"])
    equal("RangeError that was logged", "threw" in only(read("12:00 RangeError: Invalid string length\n"))["sentence"],
          True)
    flagged = "$ node --max_old_space_size=300 app.js\n" + (LOGS / "node10-table.log").read_text()
    d = only(read(flagged))
    equal("one block", (d["how"], d["cause"], d["facts"]["heap_limit"]), ("one-block", "large-object", 300 * MIB))


@test
def garbage():
    refuses("oom", "-", json_code="bad-file", says="nothing recognised", stdin=b"")
    refuses("oom", "-", json_code="bad-file", says="nothing recognised", stdin=b"all is well, 12 ms: fine\n" * 1000)
    refuses("oom", "-", json_code="bad-file", stdin=random.Random(1).randbytes(1 << 20))
    refuses("oom", shutil.which("ls"), json_code="bad-file", says="nothing recognised")
    refuses("oom", "/nonexistent", json_code="bad-file", says="cannot be opened")
    refuses("oom", "/", says="")
    refuses("oom", "-", json_code="bad-file", stdin=b'{"header":{"reportVersion":3', says="diagnostic report")
    hostile = b"\x1b]0;evil\x07web_1 | FATAL ERROR: \x1b[31m\xff\xfe Reached heap limit \xc2\x9b2J\n"
    out = memwhy("oom", "-", stdin=hostile).out
    equal("no escapes", [c for c in out if ord(c) < 32 and c != "\n" or 0x7f <= ord(c) < 0xa0], [])
    one_line = b"x" * (3 << 20) + b"FATAL ERROR: Reached heap limit\n" + (LOGS / "node8-map.log").read_bytes()
    doc = read(one_line.decode())
    equal("behind a line without end", brief(doc), RECORDED["node8-map.log"])
    equal("is said", doc["coverage"]["complete"], False)


@test
def any_size():
    """Constant memory: a log of 200 MB with a trace of 300,000 collections and 3,000 processes in it."""
    filler = b'2026-11-22T00:31:30.123Z info GET /users/123 200 13ms {"requestId":"abc","agent":"Mozilla/5.0"}\n' * 2000
    process = subprocess.Popen([str(MEMWHY), "oom", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    began = time.monotonic()
    for part in range(60):
        for _ in range(15):
            process.stdin.write(filler)
        process.stdin.write("".join(
            f"[{7 + i % 50 + part * 50}:0x55d3ceb94000] {part * 5000 + i:8d} ms: Mark-Compact {100 + part}.8 (172.6) -> "
            f"{100 + part}.0 (172.8) MB, 20.34 / 0.00 ms  (average mu = 0.117, current mu = 0.026) task\n"
            for i in range(5000)).encode())
    process.stdin.write((LOGS / "node8-map.log").read_bytes())
    process.stdin.close()
    doc = json.loads(process.stdout.read())
    equal("exit code", process.wait(), 1)
    equal("the death at its end", brief(doc), RECORDED["node8-map.log"])
    equal("lines", doc["target"]["lines"], 60 * (15 * 2000 + 5000) + 28)
    equal("forgotten ones are said", "forgotten" in doc["coverage"]["notes"][0], True)
    at_most("its own memory", doc["cost"]["own_rss_bytes"], 48 << 20)


def cgroup(limit):
    """A fresh memory cgroup of this size: (folder, its file of processes)."""
    name = f"memwhy-oom-{os.getpid()}"
    for base, knob in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")):
        folder = base / name
        try:
            folder.mkdir()
            (folder / knob).write_text(str(limit))
            return folder
        except OSError:
            if folder.exists():
                folder.rmdir()
    raise Skip("no memory cgroup can be made here")


@test
def killed_by_the_kernel():
    """The real thing, where the kernel's log can be read: Buffers outgrow a cgroup."""
    from harness import Node
    try:
        before = subprocess.run(["dmesg"], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as why:
        raise Skip("the kernel's log cannot be read") from why
    folder = cgroup(96 << 20)
    try:
        inside = lambda: (folder / "cgroup.procs").write_text("0")
        with tempfile.TemporaryFile() as log:
            p = subprocess.Popen([str(Node(24).need().path), "--trace-gc", str(TARGETS / "dies.js"), "buffers"],
                                 stdout=log, stderr=log, preexec_fn=inside)
            equal("killed", p.wait(timeout=60), -signal.SIGKILL)
            log.seek(0)
            text = log.read()
        for _ in range(20):
            kernel = subprocess.run(["dmesg"], capture_output=True, check=True).stdout
            if f"Killed process {p.pid} ".encode() in kernel:
                break
            time.sleep(0.1)
        else:
            raise Skip("the kernel's log does not have it")
    finally:
        time.sleep(0.1)
        folder.rmdir()
    last = before.rsplit(b"\n", 2)[-2] if b"\n" in before else b"\n"
    doc = read((text + kernel[kernel.rfind(last) + len(last):]).decode(errors="replace"))
    d = next(d for d in doc["deaths"] if d["process"].get("pid") == p.pid)
    equal("how", (d["how"], d["cause"]), ("cgroup-kill", "off-heap-retention"))
    equal("limit", d["facts"]["cgroup_limit"], 96 << 20)
