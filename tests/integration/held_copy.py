"""A frozen copy that stays for as long as a test needs it: memwhy is stopped while it reads."""
import os
import signal
import subprocess
from pathlib import Path
from harness import MEMWHY
from undisturbed import children


def held(pid):
    """By a tracer, and no zombie."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return "TracerPid:\t0\n" not in status and "State:\tZ" not in status
    except OSError:
        return False


class HeldCopy:
    """with HeldCopy(pid) as copy: copy.pid is the forked copy; afterwards memwhy goes on: .code."""

    def __init__(self, pid, tries=20):
        self.target, self.tries = pid, tries

    def start(self):
        """True when memwhy was stopped in time."""
        self.memwhy = subprocess.Popen([str(MEMWHY), "explain", str(self.target), "--freeze=fork"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.memwhy.poll() is None:
            for child in children(self.target):
                if held(child):
                    self.memwhy.send_signal(signal.SIGSTOP)
                    os.waitpid(self.memwhy.pid, os.WUNTRACED | os.WNOHANG)
                    self.pid = int(child)
                    return True
        return False

    def __enter__(self):
        for _ in range(self.tries):
            if self.start() and held(self.pid):
                return self
            self.end()
        raise AssertionError("memwhy could not be stopped while it had a copy")

    def end(self):
        if self.memwhy.poll() is None:
            self.memwhy.send_signal(signal.SIGCONT)
        self.code = self.memwhy.wait()

    def __exit__(self, *_):
        self.end()
