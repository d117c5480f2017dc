"""What a look at a process must leave as it was: signal masks, scheduling, VmFlags, children, supervisors."""
import os
import time
from pathlib import Path
from harness import equal

MASKS = ("SigBlk:", "SigIgn:", "SigCgt:", "TracerPid:")


def flags(pid):
    """The kernel's flags of every region, MADV_DONTFORK ("dc") among them."""
    found, region = {}, None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first = line.split(" ", 1)[0]
        if line.startswith("VmFlags:"):
            found[region] = line
        elif "-" in first and not first.endswith(":"):
            region = line
    return found


def masks(pid):
    """The signal masks and the scheduling of every thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            for line in (task / "status").read_text().splitlines():
                if line.startswith(MASKS):
                    found[task.name, line.split(":")[0]] = line.split()[1]
            tid = int(task.name)
            found[task.name, "policy"] = os.sched_getscheduler(tid), os.getpriority(os.PRIO_PROCESS, tid)
        except OSError:
            pass  # ended meanwhile
    return found


def state(pid):
    return flags(pid), masks(pid)


def undisturbed(pid, before):
    """Regions and threads that are still there are as they were; libuv blocks signals while it spawns,
    which takes its time on a busy machine. Gives the state for the next time."""
    until = time.monotonic() + 20
    while True:
        after = state(pid)
        wrong = [(key, now[key], was[key]) for was, now in zip(before, after)
                 for key in was.keys() & now.keys() if now[key] != was[key]]
        if not wrong:
            return after
        if time.monotonic() > until:
            equal("changed", wrong, [])


def guards(pid):
    """Supervisors of this target: they hold its /proc folder open."""
    found = []
    for name in Path("/proc").glob("[0-9]*/comm"):
        try:
            if name.read_text() == "mw-guard\n" and any(
                    os.readlink(fd) == f"/proc/{pid}" for fd in (name.parent / "fd").iterdir()):
                found.append(name.parent.name)
        except OSError:
            pass
    return found


def wait_for_guards(pid):
    until = time.monotonic() + 10
    while (left := guards(pid)) and time.monotonic() < until:
        time.sleep(0.005)
    equal("supervisors left", left, [])


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += task.read_text().split()
        except OSError:
            pass
    return found


def copies(pid):
    """Children that are held by a supervisor, that are zombies, or that run nothing of their own."""
    own, found = os.readlink(f"/proc/{pid}/exe"), []
    for child in children(pid):
        try:
            status = Path(f"/proc/{child}/status").read_text()
            zombie = "State:\tZ" in status
            if zombie or "TracerPid:\t0\n" not in status or os.readlink(f"/proc/{child}/exe") == own:
                found.append((child, "zombie" if zombie else "copy"))
        except OSError:
            pass
    return found


def no_copies(pid):
    """None that stays: a target that starts children has such for an instant."""
    until = time.monotonic() + 5
    while (left := copies(pid)) and time.monotonic() < until:
        gone = set(left)
        time.sleep(0.002)
        if not gone & set(copies(pid)):
            return
    if left:
        status = Path(f"/proc/{pid}/status").read_text().split("\n")
        told = [line for line in status if line.startswith(("State:", "TracerPid:", "ShdPnd:", "SigBlk:"))]
        raise AssertionError(f"copies and zombies left: {left}; the target: {told}")


def no_trace(t):
    equal("children and zombies", children(t.pid), [])
    equal("alive and untraced", t.alive(), True)
