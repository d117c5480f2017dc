"""memwhy ps against what the kernel itself says of real processes."""
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import MEMWHY, Node, Skip, Target, ask, at_most, equal, memwhy, near, refuses, test

IDLE = "process.stdout.write('READY {}\\n'); setInterval(() => {}, 1e6)"


def idle(node, **more):
    return Target([node.need().path, "-e", IDLE], **more)


def kernel_sizes(pid, name):
    text = Path(f"/proc/{pid}/{name}").read_text()
    return {k: int(v) * 1024 for k, v in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M)}


def settle(pid):
    """Wait until the kernel's numbers of an idle process stand still."""
    before = None
    for _ in range(100):
        now = kernel_sizes(pid, "smaps_rollup")
        if now == before:
            return now
        before = now
        time.sleep(0.1)
    raise AssertionError(f"process {pid} does not come to rest")


def row_of(doc, pid):
    rows = [p for p in doc["processes"] if p["pid"] == pid]
    equal(f"rows of process {pid}", len(rows), 1)
    return rows[0]


@test(nodes="all", alone=True)  # PSS moves when others of the same binary come and go
def numbers_are_the_kernels(node):
    with idle(node) as t:
        settle(t.pid)
        for _ in range(20):
            before = kernel_sizes(t.pid, "smaps_rollup"), kernel_sizes(t.pid, "status")
            row = row_of(ask("ps", t.pid), t.pid)
            after = kernel_sizes(t.pid, "smaps_rollup"), kernel_sizes(t.pid, "status")
            if before == after:
                break
        else:
            raise Skip("the machine does not come to rest")
        rollup, status = before
        for key, want in {
            "rss_bytes": status["VmRSS"], "anon_bytes": status["RssAnon"], "file_bytes": status["RssFile"],
            "shmem_bytes": status["RssShmem"], "swap_bytes": status["VmSwap"],
            "pss_anon_bytes": rollup["Pss_Anon"], "private_dirty_bytes": rollup["Private_Dirty"],
        }.items():
            equal(key, row[key], want)
        for key, want in {  # while memwhy runs, it is one more sharer of the target's libc
            "pss_bytes": rollup["Pss"], "pss_file_bytes": rollup["Pss_File"],
            "shared_clean_bytes": rollup["Shared_Clean"], "private_clean_bytes": rollup["Private_Clean"],
            "uss_bytes": rollup["Private_Clean"] + rollup["Private_Dirty"],
        }.items():
            at_most(f"{key} {row[key]} against {want}", abs(row[key] - want), 256 << 10)
        # the kernel's quick counter and its page tables: 32 pages per CPU apart at most, and often 0
        at_most("VmRSS against smaps_rollup", abs(row["rss_bytes"] - rollup["Rss"]), 5 * 32 * 4096 * os.cpu_count())


@test(nodes=[12, 16, 18, 20, 22, 24, 26])
def node_is_told_with_its_version(node):
    version = subprocess.run([node.need().path, "-v"], capture_output=True, text=True).stdout.strip()
    with idle(node) as t:
        row = row_of(ask("ps", "--node"), t.pid)
        equal("kind", row["kind"], "node")
        equal("version", "v" + row["node_version"], version)
        equal("threads", row["threads"], len(os.listdir(f"/proc/{t.pid}/task")))
        equal("command", row["command"], " ".join([str(node.path), "-e", IDLE]))


@test
def node_is_told_whatever_it_is_called():
    with tempfile.TemporaryDirectory() as folder:
        exe = Path(folder) / "python3"
        shutil.copy(Node(24).need().path, exe)
        with Target([exe, "-e", "process.title = 'my\\x1b[31mapp'; " + IDLE]) as t:
            exe.unlink()  # replaced by an upgrade while it runs
            row = row_of(ask("ps", t.pid), t.pid)
            equal("kind", row["kind"], "node")
            assert row["node_version"].startswith("24."), row["node_version"]
            text = memwhy("ps", t.pid).out
            assert "\x1b" not in text and "my?[31mapp" in text, text


@test
def what_is_not_node():
    with Target(["sleep", "100"], ready=False) as t, Target(["bash", "-c", "sleep 100; :"], ready=False) as b:
        time.sleep(0.2)
        equal("sleep", row_of(ask("ps", t.pid), t.pid)["kind"], "native")
        equal("bash", row_of(ask("ps", b.pid), b.pid)["kind"], "shell")
        equal("in --node", [p for p in ask("ps", "--node")["processes"] if p["pid"] in (t.pid, b.pid)], [])
    kinds = {p["kind"] for p in ask("ps")["processes"] if "kind" in p}
    assert "kernel" not in kinds, kinds


@test
def sick_beside_healthy():
    """The first tables of the story: one command, two pids, what PSS is made of."""
    with idle(Node(24)) as healthy, Target(
            [Node(24).need().path, "-e", "global.a = Buffer.alloc(64 << 20, 1); " + IDLE]) as sick:
        a = memwhy("ps", "--pss", healthy.pid, sick.pid)
        equal("exit code", a.code, 0)
        head, first, second = a.out.splitlines()[:3]
        for title in ("PSS_ANON", "PSS_FILE", "SHARED_CLEAN"):
            assert title in head, head
        equal("order", [int(first.split()[0]), int(second.split()[0])], [sick.pid, healthy.pid])
        doc = ask("ps", "--pss", healthy.pid, sick.pid)
        s, h = row_of(doc, sick.pid), row_of(doc, healthy.pid)
        near("delta of Pss_Anon", s["pss_anon_bytes"] - h["pss_anon_bytes"], 64 << 20, 0.1)
        near("shared clean", s["shared_clean_bytes"], h["shared_clean_bytes"], 0.1)
        by_pid = ask("ps", "--sort", "pid", healthy.pid, sick.pid)["processes"]
        equal("by pid", [p["pid"] for p in by_pid], sorted([healthy.pid, sick.pid]))


@test
def tree_has_children_below_their_parents():
    with Target(["bash", "-c", "sleep 100 & wait"], ready=False) as t:
        time.sleep(0.3)
        doc = ask("ps", "--tree")
        order = {p["pid"]: i for i, p in enumerate(doc["processes"])}
        child = [p for p in doc["processes"] if p["ppid"] == t.pid]
        equal("children", len(child), 1)
        equal("place of the child", order[child[0]["pid"]], order[t.pid] + 1)
        for p in doc["processes"]:
            if p["ppid"] in order:
                assert order[p["ppid"]] < order[p["pid"]], p


def cgroup_v1():
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    path = [line.split(":", 2)[2] for line in lines if "memory" in line.split(":")[1].split(",")]
    base = Path("/sys/fs/cgroup/memory")
    if not path or not os.access(base, os.W_OK) or not (base / "cgroup.procs").exists():
        raise Skip("no writable memory cgroup (v1) here")
    return base / path[0].lstrip("/")


@test
def container_of_a_process():
    """A real cgroup with a limit: its processes, their sum, and the kernel's own numbers."""
    group = cgroup_v1() / f"memwhy-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(256 << 20))
        below = group / "below"
        below.mkdir()
        with idle(Node(20)) as a, Target(["sleep", "100"], ready=False) as b, Target(["sleep", "100"], ready=False) as other:
            (group / "cgroup.procs").write_text(str(a.pid))
            (below / "cgroup.procs").write_text(str(b.pid))
            doc = ask("ps", "--container", a.pid)
            equal("processes", sorted(p["pid"] for p in doc["processes"]), sorted([a.pid, b.pid]))
            assert other.pid not in [p["pid"] for p in doc["processes"]]
            c = doc["cgroup"]
            equal("version", c["version"], 1)
            equal("max", c["max_bytes"], 256 << 20)
            equal("effective max", c["effective_max_bytes"], 256 << 20)
            inner = [g for g in doc["cgroups"] if g["path"].endswith("/below")][0]
            equal("max below", inner["max_bytes"], "none")
            equal("effective max below", inner["effective_max_bytes"], 256 << 20)
            equal("sum of PSS", sum(g["pss_bytes"] for g in doc["cgroups"]), sum(p["pss_bytes"] for p in doc["processes"]))
            current = int((group / "memory.usage_in_bytes").read_text())
            at_most("current", abs(c["current_bytes"] - current), 1 << 20)
    finally:
        for folder in (group / "below", group):
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.1)


@test
def refusals():
    refuses("ps", "999999999", code=3, json_code="target-gone")
    refuses("ps", "--container", "999999999", code=3, json_code="target-gone")
    refuses("ps", "node", code=2, json_code="usage", says="node")
    refuses("ps", "--sort", "age", code=2, json_code="usage", says="pss")


@test
def another_user():
    """Not root: what is readable is shown, what is not is unknown, and said once."""
    if os.geteuid() != 0:
        raise Skip("needs root, to be another user")
    with idle(Node(24)) as t, tempfile.TemporaryDirectory() as folder:
        exe = Path(folder) / "memwhy"  # the build may be in a folder others cannot enter
        shutil.copy(MEMWHY, exe)
        os.chmod(folder, 0o755)
        p = subprocess.run([exe, "ps", "--json"], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        equal("exit code", p.returncode, 0)
        import json
        doc = json.loads(p.stdout)
        row = row_of(doc, t.pid)
        assert row["rss_bytes"] > 10 << 20 and row["anon_bytes"] > 0, row
        for unknown in ("pss_bytes", "uss_bytes", "node_version", "private_dirty_bytes"):
            assert unknown not in row, row
        equal("kind, by name", row["kind"], "node")
        equal("complete", doc["coverage"]["complete"], False)
        equal("said once", len([n for n in doc["coverage"]["notes"] if "could not be read" in n]), 1)


@test(alone=True, timeout=300)
def sixty_idle_nodes_in_under_a_second():
    node = Node(24).need()
    targets = []
    try:
        targets = [idle(node, ready=False) for _ in range(60)]
        for t in targets:
            t.hear()
        took = []
        for _ in range(5):
            a = memwhy("ps", "--node", "--json")
            took.append(a.seconds)
        pids = {p["pid"] for p in a.json()["processes"] if "pss_bytes" in p}
        equal("all are listed", {t.pid for t in targets} - pids, set())
        print(f"    60 idle Node processes: best {min(took) * 1000:.0f} ms, worst {max(took) * 1000:.0f} ms")
        at_most("seconds", sorted(took)[2], 1.0)
    finally:
        for t in targets:
            t.kill()


@test
def processes_that_end_meanwhile():
    with Target(["bash", "-c", "while :; do /bin/true; done"], ready=False) as t:
        for _ in range(30):
            equal("exit code", memwhy("ps", "--pss").code, 0)
        assert t.alive()
