"""memwhy chunks: names of native memory against programs that know what they made."""
import tempfile

from harness import Target, ask, at_most, equal, memwhy, near, test


def rows_of(doc, name, by="itself"):
    return [r for r in doc["names"] if name in r["name"] and r["by"] == by]


def count_of(doc, name):
    return sum(r["count"] for r in rows_of(doc, name))


def bytes_of(doc, name, by="itself"):
    return sum(r["bytes"] for r in rows_of(doc, name, by))


@test(nodes="all")
def what_was_made_has_its_name(node):
    with Target("native_names.js", node=node, node_args=["--expose-gc"]) as t:
        before, held = ask("chunks", t.pid), t.truth["arrayBuffers"]
        t.say("more")
        held = t.hear()["arrayBuffers"] - held
        after = ask("chunks", t.pid)
    made = {name: count_of(after, name) - count_of(before, name)
            for name in ("ArrayBuffer", "ZlibStream", "crypto::SecureContext")}
    print(f"Node {node.version}: {made}")
    equal("secure contexts", made["crypto::SecureContext"], 20)
    equal("zlib streams", made["ZlibStream"], 50)
    at_most("Buffers more or less than made", abs(made["ArrayBuffer"] - 300), 100)  # streams have some, too
    grown = bytes_of(after, "ArrayBuffer") - bytes_of(before, "ArrayBuffer")
    near("bytes of ArrayBuffers as Node counts them", grown, held, 0.01)
    windows = bytes_of(after, "ZlibStream", "holder") - bytes_of(before, "ZlibStream", "holder")
    # zlib.h: deflate takes (1 << (windowBits + 2)) + (1 << (memLevel + 9)), 256 KiB by default; Chromium's
    # zlib, which Node has, a little more
    near("windows of zlib", windows, 50 * (272 << 10), 0.1)


@test(nodes=[18, 22, 26])
def nine_of_ten_bytes_have_a_name(node):
    with Target("healthy.js", node=node, args=["http", "tls", "gzip", "zlib", "loaded"]) as t:
        doc = ask("chunks", t.pid)
    print(f"Node {node.version}: {doc['named_bytes'] / doc['in_use_bytes']:.3f} of {doc['in_use_bytes']} have a name, "
          f"by {doc['bytes_by']}")
    at_most("bytes without a name", doc["in_use_bytes"] - doc["named_bytes"], doc["in_use_bytes"] // 10)
    for name in ("ArrayBuffer", "TLSWrap", "TCPWrap", "ZlibStream", "v8::Isolate"):
        equal(f"there are chunks named {name}", count_of(doc, name) > 0, True)


@test
def rows_add_up():
    """Of a capture: the same bytes as `malloc` has; each chunk in one row."""
    with tempfile.TemporaryDirectory() as folder:
        capture = f"{folder}/capture"
        with Target("native_names.js", node_args=["--expose-gc"]) as t:
            equal("captured", memwhy("capture", t.pid, "--output", capture).code, 0)
        doc, malloc = ask("chunks", capture), ask("malloc", capture)["totals"]
        text = memwhy("chunks", capture)
    equal("bytes", sum(r["bytes"] for r in doc["names"]), doc["in_use_bytes"])
    equal("chunks", sum(r["count"] for r in doc["names"]), doc["in_use_count"])
    equal("bytes by kind", sum(doc["bytes_by"].values()), doc["in_use_bytes"])
    headers = doc["in_use_bytes"] - malloc["in_use"] - malloc["mmapped"]
    at_most("what aligned mappings leave before their chunk", abs(headers), 16 << 10)
    equal("exit code", text.code, 0)
    for word in ("of the bytes have a name", "ArrayBuffer", "ZlibStream"):
        if word not in text.out:
            raise AssertionError(f"the text lacks {word!r}:\n{text.out}")
