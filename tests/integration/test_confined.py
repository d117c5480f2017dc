"""Where a process may not be forked, or is not where memwhy is: namespaces, users, seccomp filters. A look
works or is refused with its reason, and the target lives on without a trace."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from harness import BUILD, MEMWHY, TARGETS, Node, Skip, Target, equal, test
from undisturbed import children, no_trace, state, undisturbed, wait_for_guards



def user(number):
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]


USER = user(64321)


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")


class Place:
    """What another user may read and run: copies of memwhy, node and the targets."""

    def __init__(self, node=None):
        as_root()
        self.folder = Path(tempfile.mkdtemp(prefix="memwhy-test-"))
        self.folder.chmod(0o755)
        self.memwhy = self.copy(MEMWHY)
        self.frozen = [self.copy(node.path), self.copy(TARGETS / "frozen.js")] if node else None
        self.filtered = self.copy(BUILD / "tests" / "filtered")

    def copy(self, path):
        shutil.copy(path, self.folder)
        (self.folder / path.name).chmod(0o755)
        return self.folder / path.name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def look(command, pid, *more, memwhy=MEMWHY, before=()):
    """The cost of a look that must succeed, or its error."""
    p = subprocess.run([*before, str(memwhy), command, str(pid), "--json", *more], capture_output=True,
                       timeout=100)
    if not p.stdout:
        raise AssertionError(f"no document: {p.returncode} {p.stderr.decode()}")
    doc = json.loads(p.stdout)
    return doc.get("error") or doc["cost"]


class Inside:
    """A process of the target's tree, watched like a Target."""

    def __init__(self, pid):
        self.pid = int(pid)

    def alive(self):
        return f"{Path(f'/proc/{self.pid}/status').read_text()}".split("State:\t")[1][0] in "SR"


def node_below(pid):
    todo = [pid]
    while todo:
        p = todo.pop()
        if os.readlink(f"/proc/{p}/exe").endswith("/node"):
            return Inside(p)
        todo += children(p)
    raise AssertionError(f"no node below {pid}")


def forked_without_trace(t, inside, **where):
    before = state(inside.pid)
    for command in ("explain", "heap", "malloc"):
        cost = look(command, inside.pid, **where)
        equal(f"{command}: {cost}", cost.get("freeze"), "fork")
        undisturbed(inside.pid, before)
        no_trace(inside)
    t.say("there?")
    t.hear()


def in_pid_namespace(node, inner):
    as_root()
    frozen = [str(node.path), str(TARGETS / "frozen.js")]
    with Target(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *inner(frozen)]) as t:
        inside = node_below(t.pid)
        numbers = Path(f"/proc/{inside.pid}/status").read_text().split("NSpid:")[1].splitlines()[0].split()
        forked_without_trace(t, inside)  # from outside
        enter = ["nsenter", "-t", str(inside.pid), "-p", "-m"]
        for _ in range(3):
            cost = look("explain", numbers[1], before=enter)
            equal(f"from inside: {cost}", cost.get("freeze"), "fork")
            no_trace(inside)
        return int(numbers[1])


@test
def in_a_pid_namespace():
    node = Node(24).need()
    number = in_pid_namespace(node, lambda frozen: ["sh", "-c", '"$@"; true', "sh", *frozen])
    equal("its number is not 1", number > 1, True)


@test
def the_first_process_of_its_namespace():
    equal("its number", in_pid_namespace(Node(24).need(), lambda frozen: frozen), 1)


@test
def in_a_user_namespace():
    node = Node(24).need()
    with Place(node) as place:
        with Target([*USER, "unshare", "--user", "--map-root-user", *place.frozen]) as t:
            inside = node_below(t.pid)
            forked_without_trace(t, inside)  # from outside, as root
            forked_without_trace(t, inside, memwhy=place.memwhy,
                                 before=["nsenter", "-t", str(inside.pid), "-U"])


@test
def as_the_same_user():
    node = Node(24).need()
    with Place(node) as place:
        with Target([*USER, *place.frozen]) as t:
            forked_without_trace(t, t, memwhy=place.memwhy, before=USER)


@test
def under_a_filter_that_may_be_suspended():
    """By root, who may suspend it (CAP_SYS_ADMIN): whatever the filter says of the calls."""
    as_root()
    for how in ("ends", "fails", "permits"):
        with Target("filtered", args=[how]) as t:
            before = state(t.pid)
            equal(how, look("malloc", t.pid).get("freeze"), "fork")
            undisturbed(t.pid, before)
            no_trace(t)
            t.say("there?")
            t.hear()


@test
def under_a_filter_that_stays():
    """The same user may not suspend a filter, and does not try what it may end the process for."""
    with Place() as place:
        for how in ("ends", "fails", "permits"):
            with Target([*USER, place.filtered, how]) as t:
                before = state(t.pid)
                cost = look("malloc", t.pid, memwhy=place.memwhy, before=USER)
                equal(f"{how}: {cost}", cost.get("freeze"), "stop")
                equal(f"{how}: {cost}", "seccomp filter" in cost["not_forked"], True)
                error = look("malloc", t.pid, "--freeze=fork", memwhy=place.memwhy, before=USER)
                equal(f"{how}: {error}", "seccomp filter" in error.get("message", ""), True)
                wait_for_guards(t.pid)
                undisturbed(t.pid, before)
                no_trace(t)
                t.say("there?")
                t.hear()


@test
def no_more_processes_for_its_user():
    """RLIMIT_NPROC: stopped, and the reason is said."""
    with Place(Node(24).need()) as place:
        alone = user(64322)
        with Target([*alone, *place.frozen]) as t:
            threads = len(list(Path(f"/proc/{t.pid}/task").iterdir()))
        with Target([*alone, "prlimit", f"--nproc={threads}:{threads}", *place.frozen]) as t:
            before = state(t.pid)
            cost = look("explain", t.pid)
            equal(f"{cost}", cost.get("freeze"), "stop")
            equal(f"{cost}", "no more processes" in cost["not_forked"], True)
            undisturbed(t.pid, before)
            no_trace(t)
