#!/usr/bin/env python3
"""Runs the integration tests: run.py [PATTERN]. Ends with 'N passed, N failed'."""
import importlib
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import harness

JOBS = int(os.environ.get("MEMWHY_JOBS", "3"))


class Case:
    """One test on one Node version."""

    def __init__(self, name, spec, version):
        self.name, self.spec, self.version = name, spec, version

    def run_here(self):
        """In the child: 0 passed, 1 failed, 2 skipped; what it has to say goes to stdout."""
        try:
            self.spec["function"](*([harness.Node(self.version).need()] if self.version else []))
            return 0
        except harness.Skip as why:
            print(why)
            return 2
        except BaseException as e:
            if isinstance(e, AssertionError):
                print(e)
            traceback.print_exc(limit=-4, file=sys.stdout)
            return 1

    def start(self):
        self.output = tempfile.TemporaryFile()
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.dup2(self.output.fileno(), 1)
            os.dup2(self.output.fileno(), 2)
            code = self.run_here()
            sys.stdout.flush()
            os._exit(code)
        return self

    def finished(self):
        """The result when it is there, else None. Kills what takes too long and what is left over."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        late = time.monotonic() - self.began > self.spec["timeout"]
        if not pid and not late:
            return None
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if not pid:
            os.waitpid(self.pid, 0)
        self.output.seek(0)
        text = self.output.read().decode(errors="replace").rstrip()
        self.output.close()
        if late and not pid:
            return "failed", f"took over {self.spec['timeout']} s\n{text}"
        return {0: "passed", 2: "skipped"}.get(os.waitstatus_to_exitcode(status), "failed"), text


def collect(pattern):
    only = os.environ.get("MEMWHY_NODES")  # "16 24": no other versions
    cases = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        harness.TESTS.clear()
        importlib.import_module(path.stem)
        for spec in harness.TESTS[:]:
            f = spec["function"]  # of a file that this one imports, perhaps
            base = f"{f.__module__[5:]}.{f.__name__}"
            for version in spec["nodes"] or [None]:
                name = f"{base}[{version}]" if version else base
                unwanted = only and version and str(version) not in only.split()
                if pattern in name and not unwanted:
                    cases.append(Case(name, spec, version))
    return cases


def run(cases, jobs, totals):
    waiting, running = list(cases), []
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(waiting.pop(0).start())
        for case in running[:]:
            result = case.finished()
            if not result:
                continue
            running.remove(case)
            outcome, text = result
            totals[outcome] += 1
            mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
            print(f"{mark} {case.name} ({time.monotonic() - case.began:.1f} s)"
                  + (f": {text}" if outcome == "skipped" else ""), flush=True)
            if outcome == "failed" or (text and os.environ.get("MEMWHY_VERBOSE")):
                print("     " + text.replace("\n", "\n     "), flush=True)
        time.sleep(0.02)


def main():
    cases = collect(sys.argv[1] if len(sys.argv) > 1 else "")
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    run([c for c in cases if not c.spec["alone"]], JOBS, totals)
    run([c for c in cases if c.spec["alone"]], 1, totals)
    print(f"{totals['passed']} passed, {totals['failed']} failed"
          + (f", {totals['skipped']} skipped" if totals["skipped"] else ""))
    sys.exit(1 if totals["failed"] else 0)


if __name__ == "__main__":
    main()
