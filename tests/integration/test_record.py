"""memwhy record: what it writes is what the kernel said, and it stays readable whatever happens.

The store is read by Python's sqlite3, and its blobs by the few lines below: not by memwhy.
MEMWHY_KILLS=200 for the long run of kills."""
import contextlib
import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from harness import MEMWHY, Node, Skip, Target, ask, at_most, equal, memwhy, near, refuses, test

RSS, THREADS = 0, 32  # places in enum sample_field, which only grows
KILLS = int(os.environ.get("MEMWHY_KILLS", "10"))


def numbers(blob):
    """LEB128."""
    value = shift = 0
    for byte in blob:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield value
            value = shift = 0


def samples(store):
    """[(time in ms, process key, {field: value})] of the rounds that are no blocks yet."""
    rows = []
    for at, blob in store.execute("SELECT time, samples FROM rounds ORDER BY time"):
        rest = numbers(blob)
        for key in rest:
            next(rest)  # how many bytes follow
            known = next(rest)
            rows.append((at, key, {f: next(rest) for f in range(64) if known >> f & 1}))
    return rows


@contextlib.contextmanager
def opened(path):
    store = sqlite3.connect(path)
    try:
        equal("integrity", store.execute("PRAGMA integrity_check").fetchone()[0], "ok")
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@contextlib.contextmanager
def recording(path, *args, **more):
    """A recorder that runs; killed at the end, if nobody ended it."""
    p = subprocess.Popen([MEMWHY, "record", "-o", path, *map(str, args)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, **more)
    try:
        yield p
    finally:
        if p.poll() is None:
            p.kill()
        p.wait()
        p.stdout.close()
        p.stderr.close()


def wait_for(what, condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"no {what} in {seconds} s")
        time.sleep(0.02)


def rounds(path):
    """How many there are by now; 0 while there is no store."""
    try:
        store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return 0
    try:
        return store.execute("SELECT count(*) FROM rounds").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        store.close()


@test(nodes=[24])
def what_the_kernel_says(node):
    with folder() as d, Target("healthy.js", node=node, ready=False) as t:
        time.sleep(0.5)
        path = d / "a.db"
        doc = ask("record", t.pid, "-o", path, "--every=100ms", "--for=1s")
        rss = int(Path(f"/proc/{t.pid}/statm").read_text().split()[1]) * 4096
        threads = len(os.listdir(f"/proc/{t.pid}/task"))
        equal("ended", doc["recording"]["ended"], "time")
        equal("its mode", path.stat().st_mode & 0o777, 0o600)
        with opened(path) as store:
            found = samples(store)
            equal("rounds", len(found), doc["recording"]["rounds"])
            at_most("rounds", len(found), 12)
            near("RSS", found[-1][2][RSS], rss, 0.02)
            equal("threads", found[-1][2][THREADS], threads)
            near("the clock", found[-1][0] / 1000, time.time(), 1e-8 * 2)
            process = store.execute("SELECT pid, version, end FROM processes").fetchall()
            version = subprocess.run([node.path, "-v"], capture_output=True, text=True).stdout.strip()[1:]
            equal("process", process, [(t.pid, version, 0)])
            cost = store.execute("SELECT sum(cpu), sum(rounds) FROM costs").fetchone()
            equal("rounds in its cost", cost[1], len(found))
            at_most("CPU in the store", cost[0], doc["cost"]["cpu_ns"])
            equal("closed", store.execute("SELECT closed FROM recordings").fetchall(), [(1,)])


@test
def ends_with_its_command():
    node = Node(24).need().path
    with folder() as d:
        path = d / "a.db"
        script = "setTimeout(() => process.exit(7), 500)"
        a = memwhy("record", "-o", path, "--every=100ms", "--", "sh", "-c", f"echo said; '{node}' -e '{script}'; exit $?")
        equal("exit code", a.code, 7)
        equal("what the command says", a.out, "said\n")
        a = memwhy("record", "-o", path, "--every=100ms", "--", node, "-e",
                   "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 500)")
        equal("exit code", a.code, 128 + 9)
        # At the end of --for it is asked to end, and what comes of that is its own.
        a = memwhy("record", "-o", path, "--every=100ms", "--for=1s", "--", node, "-e",
                   "process.on('SIGTERM', () => process.exit(5)); setInterval(() => 0, 1000)")
        equal("exit code", a.code, 5)
        with opened(path) as store:
            ends = store.execute("SELECT end, status FROM processes ORDER BY key").fetchall()
            equal("ends", ends, [(1, 0), (4, 9), (3, 5)])  # gone; signal 9; exit 5
            equal("why there are gaps", store.execute("SELECT count(*) FROM gaps WHERE why NOT IN (0, 3)").fetchone(), (0,))
        a = memwhy("record", "-o", d / "b.db", "--", "/nonexistent")
        equal("exit code", a.code, 3)
        assert "cannot be started" in a.err, a.err
        equal("left", (d / "b.db").exists(), False)


def collections(store):
    """[(kind, pause in ms)] of the rounds that are no blocks yet; kinds as in enum gc_kind."""
    found = []
    for blob, in store.execute("SELECT collections FROM rounds WHERE collections NOT NULL ORDER BY time"):
        rest = list(numbers(blob))
        assert len(rest) % 8 == 0, rest  # process, time, isolate, kind, reason, pause, before, after
        found += [(kind, pause / 1e6) for kind, pause in zip(rest[3::8], rest[5::8])]
    return found


@test(nodes=[24])
def each_collection(node):
    """From when the process was first seen on: what its own trace says."""
    script = """let a = [], n = 0; setTimeout(() => { const t = setInterval(() => {
        for (let i = 0; i < 2e5; i++) a.push({i}); if (a.length > 2e6) a = [];
        if (++n == 25) clearInterval(t) }, 20) }, 500)"""
    with folder() as d:
        path = d / "a.db"
        p = subprocess.run([MEMWHY, "record", "--json", "-o", path, "--every=100ms", "--", node.path, "--trace-gc",
                            "-e", script], capture_output=True, text=True, timeout=60)
        trace, answer = p.stdout[:p.stdout.index('{\n')], p.stdout[p.stdout.index('{\n'):]
        if "no_collections" in answer:
            raise Skip("collections cannot be had here")
        kinds = {"Scavenge": 0, "Mark-Compact": 1}
        said = [(kinds[kind], float(pause)) for kind, pause in
                re.findall(r"ms: (Scavenge|Mark-Compact).*? MB, (?:pooled: \S+ MB, )?([\d.]+) ", trace)]
        with opened(path) as store:
            found = collections(store)
        assert found, said
        equal("collections", json.loads(answer)["recording"]["collections"], len(found))
        for (kind, pause), (want_kind, want_pause) in zip(found, said[-len(found):]):
            equal("kind", kind, want_kind)
            at_most("pause, ms, off by", abs(pause - want_pause), 0.1)


@test
def ends_when_all_are_gone():
    with folder() as d, Target(["sleep", "1"], ready=False) as a, Target(["sleep", "1.3"], ready=False) as b:
        path = d / "a.db"
        with recording(path, a.pid, b.pid, "--every=100ms") as p:
            a.process.wait()
            b.process.wait()
            equal("exit code", p.wait(timeout=20), 0)
            assert b"is gone" in p.stdout.read()
        with opened(path) as store:
            equal("ends", store.execute("SELECT pid, end FROM processes ORDER BY key").fetchall(),
                  sorted([(a.pid, 1), (b.pid, 1)]))


@test
def refuses_what_is_not_its_own():
    with folder() as d:
        me, path, text, foreign, damaged = os.getpid(), d / "a.db", d / "text", d / "foreign.db", d / "damaged.db"
        with recording(path, me) as p:
            wait_for("round", lambda: rounds(path))
            error = refuses("record", me, "-o", path, says="Another memwhy is recording")
            equal("code", error["code"], "no-permission")
            p.send_signal(signal.SIGTERM)
            equal("exit code", p.wait(timeout=20), 0)
        text.write_text("hello\n" * 100)
        with contextlib.closing(sqlite3.connect(foreign)) as store:
            store.execute("CREATE TABLE mine (x)")
        for other in text, foreign:
            before = other.read_bytes()
            refuses("record", me, "-o", other, says="no recording")
            equal("left alone", other.read_bytes(), before)
        refuses("record", me, "-o", d, says="Is a directory")
        refuses("record", me, "-o", "/dev/null", says="no file to record into")
        refuses("record", me, "-o", d / "none" / "a.db", says="No such file")
        refuses("record", 2**22 + 1, "-o", d / "b.db", code=3)
        refuses("record", "-o", d / "b.db", code=2, says="not said what")
        refuses("record", me, code=2, says="-o FILE.db")
        refuses("record", me, "--all-node", "-o", d / "b.db", code=2, says="one of these")
        equal("left", (d / "b.db").exists(), False)
        random.seed(4)
        for _ in range(8):  # whatever is spoilt: one sentence, or it is not noticed
            page = bytearray(path.read_bytes())
            for _ in range(200):
                page[random.randrange(100, len(page))] = random.randrange(256)
            damaged.write_bytes(page)
            a = memwhy("record", me, "-o", damaged, "--every=100ms", "--for=100ms")
            assert a.code in (0, 3) and a.err.count("\n") == (a.code != 0), (a.code, a.err)


@test(timeout=900)
def killed_at_any_moment():
    """The store opens, and at most the last second is missing; the next recorder goes on with it."""
    random.seed(int(time.time()))
    with folder() as d:
        path = d / "0.db"
        for i in range(KILLS):
            if random.random() < 0.5:  # one that is just being made
                path = d / f"{i}.db"
            before = rounds(path)
            with recording(path, os.getpid(), "--every=100ms") as p:
                time.sleep(random.random() ** 2 * 0.7)
                began = rounds(path) > before
                p.kill()
                killed = time.time()
                p.wait()
            if not path.exists():
                continue
            if path.stat().st_size:
                with opened(path) as store:
                    if began:
                        last = samples(store)[-1][0] / 1000
                        at_most("missing, seconds", killed - last, 1)
        doc = ask("record", os.getpid(), "-o", path, "--every=100ms", "--for=200ms")
        assert doc["recording"]["rounds"] >= 2, doc
        with opened(path) as store:
            times = [s[0] for s in samples(store)]
            equal("times rise", times, sorted(set(times)))


@contextlib.contextmanager
def no_room(disk, p):
    """A small file system that fills up, or what a quota does where none can be mounted."""
    if not os.path.ismount(disk):
        resource.prlimit(p.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        yield
        resource.prlimit(p.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(b"x" * 4096):
            pass
    yield
    ballast.unlink()


@contextlib.contextmanager
def small_disk(d):
    disk = d / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "memwhy-test", disk], capture_output=True).returncode
    try:
        yield disk
    finally:
        if mounted:
            subprocess.run(["umount", "-l", disk], check=True)


def stands_still(path):
    before = rounds(path)
    time.sleep(0.5)
    return rounds(path) == before


@test
def a_full_disk_for_a_while():
    with folder() as d, small_disk(d) as disk:
        path = disk / "a.db"
        with recording(path, os.getpid(), "--every=100ms") as p:
            wait_for("round", lambda: rounds(path) > 3)
            with no_room(disk, p):
                wait_for("failure", lambda: stands_still(path))
                before = rounds(path)
            wait_for("recovery", lambda: rounds(path) > before + 3)
            p.send_signal(signal.SIGINT)
            equal("exit code", p.wait(timeout=20), 0)
            said = p.stderr.read().decode().splitlines()
        equal("sentences", len(said), 2)
        assert "goes on being tried" in said[0] and "nothing is missing" in said[1], said
        with opened(path) as store:
            times = [s[0] for s in samples(store)]
            equal("gaps", store.execute("SELECT count(*) FROM gaps WHERE why = 2").fetchone(), (0,))
        at_most("between two rounds, ms", max(b - a for a, b in zip(times, times[1:])), 1000)


@contextlib.contextmanager
def small_cgroup(limit):
    """A memory cgroup of this size; gives its file of processes."""
    for base, knob in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup") / base / f"memwhy-record-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            try:
                (group / knob).write_text(str(limit))
            except OSError:
                continue
            yield group / "cgroup.procs"
            return
        finally:
            time.sleep(0.1)
            group.rmdir()
    raise Skip("no memory cgroup can be made here")


@test
def an_oom_kill():
    """In a cgroup of 40 MB: how it ended, with its last seconds."""
    with folder() as d, small_cgroup(40 << 20) as procs:
        path = d / "a.db"
        hog = "import time; a = []\nwhile True: a.append(bytearray(b'x' * (1 << 20))); time.sleep(0.03)"
        t = subprocess.Popen(["python3", "-c", hog], preexec_fn=lambda: procs.write_text("0"))
        try:
            with recording(path, t.pid, "--every=100ms") as p:
                equal("the kernel kills it", t.wait(timeout=30), -9)
                equal("exit code", p.wait(timeout=20), 0)
            with opened(path) as store:
                equal("end", store.execute("SELECT end, oom_kills FROM processes").fetchall(), [(2, 1)])
                found = samples(store)
                most = max(s[2].get(RSS, 0) for s in found)
                assert most > 30 << 20, most
        finally:
            t.kill()
            t.wait()
