"""Heaps that somebody spoilt: everything that reads a heap runs over captures in which words were
changed, by the program tests/hostile. MEMWHY_HOSTILE_SECONDS is how long for each version (4)."""
import json
import os
import random
import subprocess
import tempfile
from harness import BUILD, Target, at_most, equal, memwhy, test

SECONDS = float(os.environ.get("MEMWHY_HOSTILE_SECONDS", "4"))
SEED = int(os.environ.get("MEMWHY_HOSTILE_SEED", "1"))
NODE_ARGS = ["--expose-gc", "--no-warnings", "--experimental-vm-modules"]


def capture(node, folder, target="hostile.js", args=(), node_args=tuple(NODE_ARGS)):
    path = os.path.join(folder, "capture")
    with Target(target, node=node, args=args, node_args=node_args) as t:
        equal("captured", memwhy("capture", t.pid, "--output", path).code, 0)
    return path


def spoilt(node, target="hostile.js", args=(), node_args=tuple(NODE_ARGS)):
    with tempfile.TemporaryDirectory() as folder:
        path = capture(node, folder, target, args, node_args)
        p = subprocess.run([BUILD / "tests" / "hostile", path, str(SECONDS), str(SEED)], capture_output=True,
                           text=True, timeout=SECONDS + 400,
                           env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
        if p.returncode != 0:
            raise AssertionError(f"exit code {p.returncode}, {p.stderr[-6000:]}")
        answer = json.loads(p.stdout)
        print(f"Node {node.version}: {answer}")
        equal("something was spoilt", answer["words"] > 0 and answer["rounds"] > 0, True)
        at_most("processor time of a round", answer["slowest_s"], 30)


@test(nodes=[16, 20, 24, 26], timeout=900)
def every_kind(node):
    spoilt(node)


@test(nodes=[12], timeout=900)
def old(node):
    """Node 12 cannot make every kind."""
    spoilt(node, "liveness.js", ["300", "0"], ["--expose-gc"])


@test(nodes=[16, 24, 26], timeout=300)
def cut(node):
    """Of a capture that ends early: an answer or a refusal, and what is missing is said."""
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = capture(node, folder)
        size = os.path.getsize(path)
        for command in ("heap", "objects", "suspects", "instances"):
            for _ in range(2):
                os.truncate(path, size - chance.randrange(size // 8))
                size = os.path.getsize(path)
                a = memwhy(command, *(["Map"] if command == "instances" else []), path, timeout=60)
                equal(f"{command} of {size} bytes", a.code in (0, 1, 3, 4), True)
                equal("says so", bool(a.out or a.err), True)
