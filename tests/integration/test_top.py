"""memwhy top in a real terminal: tmux, on a socket of its own, and what stands on its screen."""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import MEMWHY, Node, Skip, Target, ask, at_most, equal, memwhy, near, refuses, test

IDLE = ("const say = () => process.stdout.write(`READY ${JSON.stringify(process.memoryUsage())}\\n`); say(); "
        "process.stdin.on('data', say); setInterval(() => {}, 1e6)")
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def idle(mebibytes=0, word="", node=24, **more):
    """A Node process with that much in a Buffer, and a word in its command line."""
    code = f"global.a = Buffer.alloc({mebibytes} << 20, 1); {IDLE}"
    return Target([Node(node).need().path, "-e", code, word], **more)


class Terminal:
    """memwhy with these arguments in a terminal of that size, started by a shell that says what it left."""

    def __init__(self, *args, columns=80, rows=24, env=None):
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        self.folder = tempfile.TemporaryDirectory()
        self.socket = f"{self.folder.name}/tmux"
        self.server = subprocess.Popen(["tmux", "-D", "-u", "-f", "/dev/null", "-S", self.socket],
                                       env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"})
        for _ in range(200):
            if os.path.exists(self.socket):
                break
            time.sleep(0.02)
        variables = {"NO_COLOR": "", "COLUMNS": "33", "LINES": "7", **(env or {})}  # such ones outlive a resize
        script = (f"cd {self.folder.name}; stty -g >before; "
                  f"env {' '.join(f'{k}={v}' for k, v in variables.items())} "
                  f"{MEMWHY} {' '.join(map(str, args))} 2>said & echo $! >pid; fg >/dev/null; "
                  "echo $? >code; stty -g >after; exec sleep 1000")
        self.tmux("new-session", "-d", "-x", columns, "-y", rows, "bash", "-mc", script)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.server.wait(10)
        self.folder.cleanup()

    def tmux(self, *words):
        p = subprocess.run(["tmux", "-S", self.socket, *map(str, words)], capture_output=True, text=True, timeout=20)
        if p.returncode:
            raise AssertionError(f"tmux {words}: {p.stderr}")
        return p.stdout

    def screen(self, colours=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else [])).split("\n")

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", columns, "-y", rows)

    def until(self, what, holds, timeout=15):
        """Wait until holds(screen) gives something; gives that."""
        end = time.monotonic() + timeout
        while True:
            screen = self.screen()
            got = holds(screen)
            if got:
                return got
            if time.monotonic() > end:
                raise AssertionError(f"no {what} on the screen:\n" + "\n".join(screen) + self.file("said"))
            time.sleep(0.03)

    def shows(self, *words, timeout=15):
        return self.until(words, lambda s: all(w in "\n".join(s) for w in words) and s, timeout)

    def file(self, name):
        path = Path(self.folder.name, name)
        return path.read_text() if path.exists() else ""

    def pid(self):
        return int(self.file("pid"))

    def ended(self):
        """Its exit code, with the terminal as it was before."""
        end = time.monotonic() + 10
        while not self.file("after").endswith("\n"):
            if time.monotonic() > end:
                raise AssertionError("it does not end:\n" + "\n".join(self.screen()))
            time.sleep(0.03)
        equal("modes of the terminal", self.file("after"), self.file("before"))
        equal("alternate screen, cursor", self.tmux("display", "-p", "#{alternate_on} #{cursor_flag}").split(), ["0", "1"])
        return int(self.file("code"))


def rows_of(screen):
    """The processes on the screen in their order: pid, RSS in bytes, the bar, the rest."""
    found = []
    for line in screen:
        m = re.match(r" *(\d+) +([\d.]+) (B|KiB|MiB|GiB) ([VvBMoF]+|gone|\?) *(.*)", line)
        if m:
            found.append((int(m[1]), float(m[2]) * UNITS[m[3]], m[4], m[5]))
    return found


def pids_of(screen):
    return [row[0] for row in rows_of(screen)]


def kernel_rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def equals_the_kernels(terminal, targets):
    """What stands there lies between what the kernel says before and after, as far as it is written out."""
    for _ in range(10):
        before = [kernel_rss(t.pid) for t in targets]
        time.sleep(0.45)  # two rounds
        shown = {row[0]: row[1] for row in rows_of(terminal.screen())}
        after = [kernel_rss(t.pid) for t in targets]
        if all(abs(shown[t.pid] - b) <= 0.06 * (1 << 20) + abs(a - b) for t, b, a in zip(targets, before, after)):
            return
    raise AssertionError(f"RSS: on the screen {shown}, the kernel's {before} and {after}")


def equals_v8s(terminal, targets):
    """Heap used and total lie between what the target says itself before and after; asking takes some KB."""
    for _ in range(10):
        before = [t.say("") or t.hear() for t in targets]
        time.sleep(0.45)
        shown = {row[0]: [float(v) * UNITS[u] for v, u in re.findall(r"([\d.]+) (\w+)", row[3])[:2]]
                 for row in rows_of(terminal.screen())}
        after = [t.say("") or t.hear() for t in targets]
        if all(abs(shown[t.pid][i] - b[key]) <= 0.06 * (1 << 20) + abs(a[key] - b[key])
               for t, b, a in zip(targets, before, after) for i, key in enumerate(("heapUsed", "heapTotal"))):
            return
    raise AssertionError(f"V8's heap: on the screen {shown}, its own figures {before} and {after}")


@test
def figures_at_any_size():
    """80 and 200 columns, and what is too small for anything; figures are the kernel's and memwhy ps's."""
    with idle(60, "large") as a, idle(0, "small") as b:
        with Terminal("top", "-d", "200ms", a.pid, b.pid) as t:
            t.until("rows", lambda s: pids_of(s) == [a.pid, b.pid])
            narrow = t.shows("CPU%", "COMMAND", "F10Quit")
            equals_the_kernels(t, [a, b])
            at_most("columns", max(map(len, narrow)), 80)
            t.resize(200, 40)
            wide = t.until("more columns", lambda s: pids_of(s) and re.search("CPU TIME.* NODE ", s[2]) and s)
            at_most("columns", max(map(len, wide)), 200)
            assert len(wide[2]) > 80 and "24." in "".join(wide), wide
            equals_the_kernels(t, [a, b])
            equals_v8s(t, [a, b])
            bars = {row[0]: row[2] for row in rows_of(t.screen())}
            part = len(bars[b.pid]) / len(bars[a.pid])
            at_most("the bars' proportion", abs(part - kernel_rss(b.pid) / kernel_rss(a.pid)), 1.5 / len(bars[a.pid]))
            listed = {p["pid"]: p for p in ask("ps", a.pid, b.pid)["processes"]}
            for row in rows_of(t.screen()):
                at_most("RSS beside memwhy ps", abs(row[1] - listed[row[0]]["rss_bytes"]), 1 << 20)
            for size in ((20, 5), (1, 1), (300, 3), (80, 24)):
                t.resize(*size)
                time.sleep(0.1)
            t.until("rows", lambda s: pids_of(s) == [a.pid, b.pid])
            t.keys("q")
            equal("exit code", t.ended(), 0)
        assert a.alive() and b.alive()


@test
def one_that_dies_and_none_that_is_left():
    """Ended processes are shown for a round, and said to be gone; then it says that there is none."""
    with idle(20, "first") as a, idle(0, "second") as b:
        with Terminal("top", "-d", "600ms", a.pid, b.pid) as t:
            t.until("rows", lambda s: pids_of(s) == [a.pid, b.pid])
            a.kill()
            gone = t.until("gone", lambda s: [r for r in rows_of(s) if r[0] == a.pid and r[2] == "gone"])
            began = time.monotonic()
            assert gone[0][1] > 20 << 20, gone
            t.shows("1 process,")
            t.until("one left", lambda s: pids_of(s) == [b.pid])
            at_most("seconds it was shown as gone", abs(time.monotonic() - began - 0.6), 0.5)
            b.kill()
            t.until("none", lambda s: not pids_of(s) and "There is no Node.js process here" in "\n".join(s))
            t.shows("0 processes")
            t.keys("Enter", "Up", "Down", "End", "t", "I")
            t.shows("There is no Node.js process here")
            t.keys("F10")
            equal("exit code", t.ended(), 0)


@test
def sorted_filtered_searched():
    with idle(40, "kiwi-x") as a, idle(0, "pear") as b, idle(20, "kiwi-yz") as c:
        with Terminal("top", "-d", "200ms", a.pid, b.pid, c.pid, columns=200) as t:
            order = lambda *pids: t.until(pids, lambda s: pids_of(s) == list(pids))
            order(a.pid, c.pid, b.pid)
            t.keys("I")
            order(b.pid, c.pid, a.pid)
            t.keys("N")
            order(*sorted([a.pid, b.pid, c.pid]))
            t.keys("F6")
            t.shows("Sort by", "memory that is resident")
            t.keys("Up", "Up", "Escape")
            order(*sorted([a.pid, b.pid, c.pid]))
            t.keys(">", "Down", "Enter")  # from the pid to RSS
            order(a.pid, c.pid, b.pid)
            t.keys("F4")
            t.keys("-l", "KIWI-")  # in any case
            t.shows("Filter: KIWI-", "filter: KIWI-")
            order(a.pid, c.pid)
            t.keys("y")
            order(c.pid)
            t.keys("BSpace", "Enter")
            order(a.pid, c.pid)
            t.keys("\\", "Escape")
            order(a.pid, c.pid, b.pid)
            t.keys("/")
            t.keys("-l", "pear")
            t.shows("Search: pear")
            t.keys("Enter", "Enter")
            t.shows(f"The account of process {b.pid}", "resident")
            t.keys("Escape", "Home", "Enter")
            t.shows(f"The account of process {a.pid}", "resident")
            t.keys("q", "h")
            t.shows("HEAP LIMIT what V8 lets that grow to")
            t.keys("Escape", "Escape")
            equal("exit code", t.ended(), 0)


@test
def tree_of_parents_and_children():
    """A child below its parent, with a shell between them, under the heading of their cgroup."""
    code = ("require('child_process').spawn('sh', ['-c', '\"$0\" -e \"setInterval(() => {}, 1e6)\" child & wait', "
            "process.execPath], {stdio: 'inherit'}); " + IDLE)
    with Target([Node(24).need().path, "-e", code, "parent"]) as t, idle(60, "other") as other:
        for _ in range(100):
            doc = ask("top", "--every", "100ms", "--tree")
            child = [p for p in doc["processes"] if p.get("parent") == t.pid]
            if child:
                break
        equal("children", len(child), 1)
        order = [p["pid"] for p in doc["processes"]]
        equal("place of the child", order.index(child[0]["pid"]), order.index(t.pid) + 1)
        cgroup = child[0].get("cgroup")
        with Terminal("top", "-d", "200ms", t.pid, child[0]["pid"], other.pid, columns=200) as screen:
            screen.until("rows", lambda s: pids_of(s)[:1] == [other.pid] and len(pids_of(s)) == 3)
            screen.keys("N", "F5")
            s = screen.until("a tree", lambda s: pids_of(s)[:2] == [t.pid, child[0]["pid"]] and s)
            assert "└─ node -e" in rows_of(s)[1][3], s
            assert not cgroup or any(line.startswith(cgroup) for line in s), (cgroup, s)
            screen.keys("q")
            equal("exit code", screen.ended(), 0)


@test
def account_of_one_and_back():
    with idle(60, "app") as a:
        with Terminal("top", "-d", "200ms", a.pid, columns=120, rows=20) as t:
            t.until("rows", lambda s: pids_of(s) == [a.pid])
            t.keys("Enter")
            s = t.shows("it was held for", "ArrayBuffers", "Esc back")
            assert f"pid {a.pid}" in "\n".join(s), s
            t.keys("End")
            t.shows("Read from a forked copy")
            t.keys("PPage", "Up", "Right", "Home", "Left", "Down")
            t.keys("Escape")
            t.until("the list again", lambda s: pids_of(s) == [a.pid])
            t.keys("p")
            t.shows("PAUSED")
            clock = t.screen()[0].split()[2]
            time.sleep(1.05)
            equal("the time of the round", t.screen()[0].split()[2], clock)
            t.keys("Space", "+")
            t.shows("every 0.5 s")
            t.keys("Enter")  # a look that is given up
            t.keys("q", "q")
            equal("exit code", t.ended(), 0)
        for _ in range(100):
            if a.alive():
                return
            time.sleep(0.05)
        raise AssertionError("the target does not run on")


@test
def terminal_is_whole_again():
    """Whatever ends it: the modes of the terminal, its screen and its cursor are as before."""
    with idle(0) as a:
        for how, code in (("C-c", 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGSEGV, 128 + 11),
                          ("C-z", 128 + 20), ("C-\\", 128 + 3)):
            with Terminal("top", a.pid) as t:
                t.until("rows", lambda s: pids_of(s) == [a.pid])
                if isinstance(how, str):
                    t.keys(how)
                else:
                    os.kill(t.pid(), how)
                equal(f"exit code of {how}", t.ended(), code)
                if how == "C-z":  # it goes on where it was
                    os.kill(t.pid(), signal.SIGKILL)


@test
def stopped_and_gone_on_with():
    """Ctrl-Z, another size meanwhile, fg."""
    with idle(0) as a, tempfile.TemporaryDirectory() as folder:
        with Terminal("--version") as t:
            t.ended()
            t.tmux("respawn-pane", "-k", "env", "-i", "LC_ALL=C.UTF-8", "TERM=screen", "PS1=ready>", "HOME=" + folder,
                   "PATH=" + os.environ["PATH"], "bash", "--norc", "--noprofile")
            t.shows("ready>")
            t.keys(f"{MEMWHY} top {a.pid}", "Enter")
            t.until("rows", lambda s: pids_of(s) == [a.pid])
            for size in ((120, 30), (60, 12)):
                t.keys("C-z")
                t.shows("Stopped")
                t.resize(*size)
                t.keys("fg", "Enter")
                s = t.until("rows", lambda s: pids_of(s) == [a.pid] and "F1Help" in s[size[1] - 1] and s)
                equal("rows", len(s) - 1, size[1])
            t.keys("q")
            t.until("the shell", lambda s: not pids_of(s) and "ready>" in "\n".join(s))


@test
def without_colours():
    """What bars mean is in their letters: NO_COLOR takes nothing but colours."""
    with idle(40) as a:
        seen = {}
        for value in ("", "1"):
            with Terminal("top", "-d", "200ms", a.pid, env={"NO_COLOR": value}) as t:
                t.until("rows", lambda s: pids_of(s) == [a.pid])
                seen[value] = rows_of(t.screen())[0][2], "\n".join(t.screen(colours=True))
                t.keys("q")
                equal("exit code", t.ended(), 0)
        colour = re.compile(r"\x1b\[[\d;]*(3[0-7]|4[0-7]|[34]8;5)[\d;]*m")
        assert colour.search(seen[""][1]), seen[""]
        assert not colour.search(seen["1"][1]), seen["1"]
        equal("the bar", seen["1"][0], seen[""][0])


@test
def no_terminal_to_draw_on():
    with idle(0) as a:
        for term in ("dumb", "no-such-terminal", ""):
            ours, theirs = pty.openpty()
            p = subprocess.run([MEMWHY, "top", str(a.pid)], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
                               text=True, timeout=20, env={**os.environ, "TERM": term})
            os.close(ours)
            os.close(theirs)
            equal("exit code", p.returncode, 2)
            equal("sentences", p.stderr.count("\n"), 1)
            assert "--once" in p.stderr, p.stderr


@test
def printed_rounds():
    with idle(30, "app\x1b[31m") as a:
        before = kernel_rss(a.pid)
        p = ask("top", a.pid, "--every", "200ms")["processes"][0]
        at_most("RSS", abs(p["rss"] - before), 1 << 20)
        equal("sum of its owners", sum(p["owners"].values()), p["rss"])
        near("Buffers", p["owners"]["external"], a.truth["external"], 0.1)
        assert p["owners"]["external"] >= 30 << 20, p["owners"]
        equal("pid", p["pid"], a.pid)
        assert p["node_version"].startswith("24."), p
        text = memwhy("top", a.pid, "--every", "200ms").out
        equal("rows", pids_of(text.splitlines()), [a.pid])
        assert "\x1b" not in text and "app?[31m" in text, text
        lines = memwhy("top", a.pid, "-d", "100ms", "-n", "3", "--json").out.splitlines()
        equal("documents", [json.loads(line)["command"] for line in lines], ["top"] * 3)
        times = [json.loads(line)["time_ns"] for line in lines]
        assert times == sorted(times) and times[2] - times[0] > 150e6, times
        said = memwhy("top", a.pid, "--filter", "nothing-like-it").out
        equal("said of nothing", said, "No process matches the filter.\n")
    refuses("top", a.pid, code=3, json_code="target-gone")
    refuses("top", "--sort", "age", code=2, json_code="usage", says="heap_used")
    refuses("top", "node", code=2, json_code="usage")
    refuses("top", "--every", "1ms", code=2, json_code="usage")


@test
def owners_are_near_the_account():
    """The estimate of bars beside explain, which accounts for every byte of the same process."""
    with Target("demo.js") as t:
        owners = ask("top", "--every", "100ms", t.pid)["processes"][0]["owners"]
        account = ask("explain", t.pid)["account"]
        rss = account["rss_bytes"]
        resident = lambda *words: sum(o["resident_bytes"] for o in account["owners"]
                                      if re.fullmatch("|".join(words), o["path"]))
        for key, want in {
            "v8_used": resident(r"v8/.*/(objects|live|garbage)"), "external": resident(r"arraybuffers/.*"),
            "malloc": resident(r"malloc/.*"),
        }.items():
            assert want > 30 << 20, (key, account["owners"])
            at_most(f"{key} {owners[key]} against {want}", abs(owners[key] - want), 0.015 * rss)


@test
def slope_of_what_grows():
    """A leak of 25 MiB a second by the clock, however busy the machine, beside one that is idle."""
    code = ("const kept = [], began = Date.now(); setInterval(() => { while (kept.length < (Date.now() - began) / 40) "
            "kept.push(Buffer.alloc(1 << 20, 1)); }, 10); " + IDLE)
    with Target([Node(24).need().path, "-e", code]) as leak, idle(20) as still:
        lines = memwhy("top", leak.pid, still.pid, "-d", "30ms", "-n", "100", "--json").out.splitlines()
        rounds = [{p["pid"]: p for p in json.loads(line)["processes"]} for line in lines]
        assert "slope_bytes_per_minute" not in rounds[0][leak.pid], rounds[0]
        for pid, per_minute in ((leak.pid, 25 * 60 << 20), (still.pid, 0)):
            p = [r[pid] for r in rounds if "slope_bytes_per_minute" in r[pid]][-1]
            at_most(f"slope {p} away from {per_minute}", abs(p["slope_bytes_per_minute"] - per_minute), 100 << 20)
            low, high = p["slope_interval_bytes_per_minute"]
            assert low <= p["slope_bytes_per_minute"] <= high, p
            assert low > 0 or pid == still.pid, p


@test(alone=True, timeout=300)
def sixty():
    """They scroll, and watching them costs little."""
    targets = []
    try:
        targets = [Target([Node(24).need().path, "--max-semi-space-size=1", "-e", IDLE], ready=False) for _ in range(60)]
        for t in targets:
            t.hear()
        pids = sorted(t.pid for t in targets)
        with Terminal("top", "--sort", "pid", *pids, columns=120, rows=30) as t:
            t.shows("60 processes")
            equal("the first", pids_of(t.screen()), pids[:25])
            t.keys("End")
            t.until("the last", lambda s: pids_of(s) == pids[-25:])
            t.keys("PPage", "PPage", "PPage")
            t.until("those before", lambda s: pids_of(s) == pids[29:54])
            t.keys("Home")
            t.until("the first", lambda s: pids_of(s) == pids[:25])
            cpu_ns = lambda: int(Path(f"/proc/{t.pid()}/schedstat").read_text().split()[0])  # the kernel's ticks are coarser
            before, began = cpu_ns(), time.monotonic()
            time.sleep(1.5)
            percent = (cpu_ns() - before) / 1e9 / (time.monotonic() - began) * 100
            print(f"    60 idle Node processes, every second: {percent:.1f} % of a processor")
            at_most("percent of a processor", percent, 1)
            t.keys("q")
            equal("exit code", t.ended(), 0)
    finally:
        for t in targets:
            t.kill()
