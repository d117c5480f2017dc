"""V8's flags read from the target's memory, against what the binary prints of itself; and that no remedy
names a flag a supported Node does not have."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import ROOT, SUPPORTED, Node, Skip, Target, ask, equal, test

NODE_ARGS = ["--max-old-space-size=333", "--stack-size=900", "--trace-turbo-path=some/where"]
IDLE = "console.log('READY {}'); setInterval(() => {}, 1e6)"


def printed(node):
    """name: (type, value) as --v8-options prints them: the values are those in force, called default."""
    out = subprocess.run([str(node.need().path), "--v8-options"], capture_output=True, text=True, check=True).stdout
    options = {}
    for name, kind, value in re.findall(r"^  --(\S+) .*\n +type: (\w+)  default: (.*)$", out, re.M):
        if value.startswith("--"):
            word, equals, rest = value.partition("=")
            value = rest.strip('"') if equals else str(word == f"--{name}").lower()
        options[name] = (kind, "unset" if value in ("nullptr", "", '""') else value.strip('"'))
    return options


def same(kind, a, b):
    return float(a) == float(b) if kind == "float" else (a or "unset") == b


def node_help(node):
    """Options in Node's own help, at the beginning of its lines."""
    out = subprocess.run([str(node.path), "--help"], capture_output=True, text=True, check=True).stdout
    heads = [re.split(r"\s{2,}", line.strip())[0] for line in out.splitlines() if line.startswith("  -")]
    return {o for head in heads for o in re.findall(r"(?:^|, )(--[a-z][a-z0-9.-]+)", head)}


@test(nodes="all")
def as_the_binary_prints_them(node):
    want = printed(node)
    with Target([node.path, *NODE_ARGS, "-e", IDLE]) as t:
        doc = ask("layout", t.pid, "--live", "--flags")
    flags = {f["name"]: f for f in doc["flags"]}
    equal("names", sorted(flags), sorted(want))
    equal("types", {n: f["type"] for n, f in flags.items()}, {n: kind for n, (kind, _) in want.items()})
    wrong = {n: (flags[n], value) for n, (kind, value) in want.items() if n != "help" and
             not any(same(kind, flags[n].get(of, "unset"), value) for of in ("value", "default"))}
    equal("neither value nor default is what is printed", wrong, {})
    for name, value in (("max-old-space-size", "333"), ("stack-size", "900"), ("trace-turbo-path", "some/where")):
        equal(name, flags[name]["value"], value)
        equal(f"{name} is set", flags[name]["default"] != value, True)
    lacks = [o for o in node_help(node) if o not in doc["node_options"] and o.replace("--no-", "--") not in doc["node_options"]
             and o[2:] not in flags]
    equal("options of --help that are not read", lacks, [])
    equal("what does not exist", [o for o in doc["node_options"] if not re.fullmatch(r"--[a-zA-Z0-9_.-]+", o)], [])
    changed = [n for n, f in flags.items() if f.get("value") != f.get("default")]
    equal("few are set", len(changed) < 30, True)


@test(nodes=[24])
def without_symbols(node):
    """The table is found by what it holds."""
    if not shutil.which("strip"):
        raise Skip("there is no strip (binutils)")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "node"
        shutil.copy(node.need().path, copy)
        subprocess.run(["strip", str(copy)], check=True)
        with Target([copy, *NODE_ARGS, "-e", IDLE]) as t:
            doc = ask("layout", t.pid, "--live", "--flags", codes=(4,))
    equal("names", sorted(f["name"] for f in doc["flags"]), sorted(printed(node)))
    equal("a value", next(f["value"] for f in doc["flags"] if f["name"] == "max-old-space-size"), "333")


OWN = {"--max-pause", "--timeout"}  # beside those in `memwhy ...`
ONLY_IF_GIVEN = {"--disable-sigusr1"}  # told to nobody who did not say it himself


def advised():
    """Flags in what rules and remedies say: string literals, but for memwhy's own options."""
    sources = [*(ROOT / "src/rules").glob("*.c"), *(ROOT / "src/model").glob("*.c"), ROOT / "src/collect/trim.c",
               ROOT / "src/inspector/session.c"]
    found = {}
    for path in sources:
        if path.name == "flags.c":  # speaks of how they are written
            continue
        text = re.sub(r'"\s*\n\s*"', "", path.read_text())
        for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
            for flag in re.findall(r"--[a-z][a-z0-9-]+", re.sub(r"memwhy [^`;,.]*", "", literal)):
                found.setdefault(flag, path.name)
    return {f: where for f, where in found.items() if f not in OWN | ONLY_IF_GIVEN}


@test
def remedies_name_flags_that_exist():
    told = advised()
    equal("some are named", "--max-old-space-size" in told, True)
    for version in SUPPORTED:
        node = Node(version).need()
        has = {f"--{n}" for n in printed(node)}
        has |= node_help(node)
        equal(f"flags that Node {version} lacks", {f: w for f, w in told.items() if f not in has}, {})
