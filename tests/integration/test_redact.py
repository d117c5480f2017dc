"""A redacted capture holds no secret, and tells of the process what the whole one tells."""
import secrets as random
import shutil
import struct
import subprocess
import time
from pathlib import Path
from harness import ROOT, TARGETS, Skip, Target, ask, at_most, equal, memwhy, test
from test_account import Held
from test_capture import COMMANDS, Folder, answer, same

ENCODINGS = ("latin1", "utf-16-le")


def core_bytes(path):
    """The core's bytes, unpacked where it is packed."""
    if path.suffix != ".zst":
        return path.read_bytes()
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    return subprocess.run(["zstd", "-dcf", path], capture_output=True, check=True).stdout


def seed():
    """As nobody else has it in memory."""
    return random.token_hex(10)


def both(pid, folder):
    """A whole and a redacted capture of one moment. The first one brings pages of files in. Threads are
    given time to come to rest: where one stands in machine code, its instructions tell its first frame,
    and the redacted file does not have them."""
    time.sleep(0.5)
    with Held(pid):
        memwhy("capture", pid, "-o", folder / "warm.core")
        (folder / "warm.core").unlink()
        ask("capture", pid, "-o", folder / "whole.core")
        doc = ask("capture", pid, "-o", folder / "redacted.core", "--redact")
        ask("capture", pid, "-o", folder / "redacted.core.zst", "--redact")
    equal("says that it is redacted", doc["capture"]["redacted"], True)
    equal("notes", doc["coverage"]["notes"], [])
    return folder / "whole.core", folder / "redacted.core"


def found(data, text):
    return sum(data.count(text.encode(e)) for e in ENCODINGS)


def holds_none(whole, redacted, planted):
    plain = core_bytes(whole)
    for name, text in planted.items():
        equal(f"{name} is in the whole capture", found(plain, text) > 0, True)
    del plain
    for path in (redacted, redacted.with_name(redacted.name + ".zst")):
        blank = core_bytes(path)
        for name, text in planted.items():
            equal(f"{name} in {path.name}", found(blank, text), 0)


def tells_the_same(whole, redacted, commands=COMMANDS):
    for command in commands:
        want = answer(command, whole)
        same(command, answer(command, redacted), want)
        same(f"packed, {command}", answer(command, redacted.with_name(redacted.name + ".zst")), want)


@test(nodes="all", timeout=200)
def node_program(node):
    s = seed()
    with Folder() as folder, Target("secrets.js", node=node, args=[f"argv-{s}"], env={"A_SECRET": f"env-{s}"}) as t:
        t.say(s)
        planted = {**t.hear(), "argv": f"argv-{s}", "env": f"env-{s}", "seed": s}
        whole, redacted = both(t.pid, folder)
        holds_none(whole, redacted, planted)
        blank = redacted.read_bytes()
        number = struct.pack("<d", 123456789012345)
        equal("a number in the whole capture", number in whole.read_bytes(), True)
        equal("the number in the redacted one", blank.count(number), 0)
        for name in (b"aPropertyNameThatStays", b"secrets.js", b"plant"):
            equal(f"{name} stays", name in blank, True)
        del blank
        tells_the_same(whole, redacted)


@test(timeout=100)
def native_program():
    s = seed()
    with Folder() as folder, Target("secrets", args=[f"argv-{s}End"], env={"A_SECRET": f"env-{s}End"}) as t:
        t.say(s)
        t.hear()
        t.hear()
        names = ("live", "tcached", "binned", "mmapped", "aligned", "top", "anonymous", "shared", "bss", "data", "dead",
                 "thread", "stack", "tls")
        planted = {n: f"{n}-{s}-{s}End" for n in names}
        planted |= {"argv": f"argv-{s}End", "env": f"env-{s}End", "seed": s}
        whole, redacted = both(t.pid, folder)
        holds_none(whole, redacted, planted)
        tells_the_same(whole, redacted, ("explain", "malloc", "map"))


@test(nodes=[16, 20, 24, 26], timeout=300)
def stacks(node):
    """The same frames, names and lines, in optimised and inlined code and in functions that wait."""
    programs = (("js_tiers.js", "turbofan", ["--allow-natives-syntax"]), ("js_async.js", "", []))
    for program, arg, flags in programs:
        frames = 0
        with Folder() as folder, Target([node.need().path, *flags, TARGETS / program, arg]) as t:
            for _ in range(6):
                docs = []
                for name, option in (("whole.core", []), ("redacted.core", ["--redact"])):
                    (folder / name).unlink(missing_ok=True)
                    ask("capture", t.pid, "-o", folder / name, "--freeze=stop", "--max-pause=100s", *option)
                    docs.append(ask("bt", folder / name, codes=(0, 4))["threads"])
                frames += sum(len(thread["frames"]) for thread in docs[0])
                same(f"{program}: {t.truth['tag']}", docs[1], docs[0])
                if t.truth.get("done"):
                    break
                t.say("")
                t.hear()
        equal("frames", frames > 100, True)


def at_rest(pid):
    """It used no processor for a while: two moments of it are the same."""
    last, until = None, time.monotonic() + 20
    while time.monotonic() < until:
        now = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        if now == last:
            return
        last = now
        time.sleep(0.3)


@test(nodes=[18, 24], timeout=200)
def with_workers(node):
    with Folder() as folder, Target("account.js", node=node, args=["workers"], node_args=["--expose-gc"]) as t:
        at_rest(t.pid)
        tells_the_same(*both(t.pid, folder))


@test(nodes=[24], timeout=200)
def stays_small(node):
    """What is needed to redact does not grow with the target."""
    used = []
    for megabytes in (20, 200):
        with Folder() as folder, Target([node.need().path, "--expose-gc", ROOT / "bench" / "heap.js", megabytes], timeout=100) as t:
            doc = ask("capture", t.pid, "-o", folder / "a.core", "--redact")
            used.append(doc["cost"]["own_rss_bytes"])
            print(f"{megabytes} MB: {doc['cost']['took_ns'] / 1e6:.0f} ms, own memory {used[-1] >> 20} MiB")
    at_most("memory of ours for ten times the heap", used[1], used[0] + (16 << 20))
