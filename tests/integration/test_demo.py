"""The demo app, whose memory is a known mixture, explained on every Node version."""
from pathlib import Path

from harness import Skip, Target, ask, at_most, equal, memwhy, near, need_command, test

MB = 1 << 20


@test(nodes="all")
def account_is_whole(node):
    need_command("explain")
    with Target("demo.js", node=node) as t:
        account = ask("explain", t.pid)["account"]
        owners = sum(o["resident_bytes"] for o in account["owners"])
        unknown = sum(o["resident_bytes"] for o in account["owners"] if o["path"].split("/")[0] == "unknown")
        equal("sum of owners", owners, account["rss_bytes"])
        equal("attributed", account["attributed_bytes"], account["rss_bytes"])
        at_most("unknown", unknown, account["rss_bytes"] // 100)
        pages = int(Path(f"/proc/{t.pid}/statm").read_text().split()[1])
        near("rss", account["rss_bytes"], pages * 4096, 0.02)
        assert t.alive(), "the target does not run on"


@test(nodes="all")
def malloc_hole_is_seen(node):
    need_command("malloc")
    with Target("demo.js", node=node) as t:
        arenas = ask("malloc", t.pid)["arenas"]
        free = sum(a["free_resident"] for a in arenas)
        near("free and resident in malloc", free, t.truth["hole_bytes"], 0.15)


@test(nodes="all")
def heap_is_what_v8_says(node):
    need_command("heap")
    with Target("demo.js", node=node) as t:
        isolates = ask("heap", t.pid)["isolates"]
        equal("isolates", len(isolates), 2)
        main = next(i for i in isolates if i["name"] == "main")
        near("heap used", main["heap_used"], t.truth["heap_used"], 0.01)
        near("heap total", main["heap_total"], t.truth["heap_total"], 0.01)


@test(nodes=[24])
def every_view_is_printed(node):
    """Also run under sanitizers."""
    known = [c["name"] for c in ask("help")["commands"]]
    views = [v for v in ("explain", "map", "heap", "malloc", "layout") if v in known]
    if not views:
        raise Skip("this build has none of the views")
    with Target("demo.js", node=node, timeout=120) as t:
        for command in views:
            for form in ([], ["--json"]):
                a = memwhy(command, t.pid, *form)
                assert a.code in (0, 1), f"{command}: exit code {a.code}\n{a.err}"
                assert a.out, f"{command} printed nothing"
        assert t.alive(), "the target does not run on"
