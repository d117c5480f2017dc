"""The command line: help, versions, usage errors, where the output goes."""
import json
import os
import stat
import subprocess
import tempfile
from pathlib import Path

from harness import MEMWHY, ask, equal, memwhy, refuses, test


@test
def version():
    a = memwhy("--version")
    equal("exit code", a.code, 0)
    equal("first word", a.out.split()[0], "memwhy")


@test
def help_lists_every_command_that_is_not_hidden():
    text = memwhy("--help").out
    for c in ask("help")["commands"]:
        listed = f"\n  {c['name']} " in text
        equal(f"{c['name']} listed", listed, not c["hidden"])


@test
def help_of_every_command_matches_its_options():
    doc = ask("help")
    for c in doc["commands"]:
        a = memwhy(c["name"], "--help")
        equal(f"{c['name']} --help exit code", a.code, 0)
        for part in (c["summary"], c["help"]):
            assert part in a.out, f"{c['name']} --help lacks: {part}"
        assert "$ memwhy" in a.out, f"{c['name']} --help teaches by no example"
        said = [line.strip() for line in a.out.split("\nOptions\n")[1].splitlines()]
        own = [o["name"] for o in c["options"]]  # which may mean something else by a common name
        options = c["options"] + [o for o in doc["common_options"] if o["name"] not in own]
        for o in options:
            usage = (f"-{o['letter']}, " if "letter" in o else "") + "--" + o["name"] + ("=" + o["arg"] if "arg" in o else "")
            line = [s for s in said if s.startswith(usage) and s.endswith(o["help"])]
            equal(f"{c['name']} lines for {usage}", len(line), 1)
        equal(f"{c['name']} options", len(said), len(options))


@test
def usage_errors_are_2():
    equal("nothing", memwhy().code, 2)
    equal("unknown option", memwhy("help", "--nosuch").code, 2)
    equal("too much", memwhy("help", "a", "b").code, 2)
    refuses("help", "--jsno", code=2, json_code="usage", says="--json")
    refuses("help", "nosuch", code=2, json_code="usage")
    a = memwhy("help", "--output")
    equal("missing value", a.code, 2)
    equal("stdout of an error", a.out, "")
    equal("lines on stderr", a.err.count("\n"), 1)


@test
def misspelt_command_is_suggested():
    for word in ("hlep", "halp"):
        a = memwhy(word)
        assert a.code in (2, 3), a.code
        assert "memwhy help" in a.err, a.err


@test
def output_file_is_whole_and_private():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_text("old")
        a = memwhy("help", "--json", "-o", path)
        equal("exit code", a.code, 0)
        equal("stdout", a.out, "")
        equal("command", json.loads(path.read_text())["command"], "help")
        equal("mode", stat.S_IMODE(path.stat().st_mode), 0o600)
        memwhy("help", "nosuch", "--json", "-o", Path(folder) / "b.json")
        equal("files", os.listdir(folder), ["a.json"])
        equal("no folder", memwhy("help", "-o", Path(folder) / "no" / "c").code, 5)
        equal("device", memwhy("help", "-o", "/dev/null").code, 0)
        equal("full device", memwhy("help", "-o", "/dev/full").code, 5)


@test
def full_disk_is_one_sentence():
    for args in (["--help"], ["help", "--json"], ["--version"], ["help", "help"]):
        with open("/dev/full", "w") as full:
            p = subprocess.run([MEMWHY, *args], stdout=full, stderr=subprocess.PIPE, text=True)
        equal(f"{args} exit code", p.returncode, 5)
        equal(f"{args} lines", p.stderr.count("\n"), 1)
        assert "No space left" in p.stderr, p.stderr


@test
def closed_pipe_is_quiet():
    read, write = os.pipe()
    os.close(read)
    p = subprocess.run([MEMWHY, "help", "--json"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert p.returncode != 0
    equal("stderr", p.stderr, b"")
