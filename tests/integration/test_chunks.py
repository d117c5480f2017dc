"""memwhy chunks: names of native memory against programs that know what they made."""
import subprocess
import sys
import tempfile

from harness import TARGETS, Skip, Target, ask, at_most, equal, memwhy, near, test


def rows_of(doc, name, by="itself"):
    return [r for r in doc["names"] if name in r["name"] and r["by"] == by]


def count_of(doc, name):
    return sum(r["count"] for r in rows_of(doc, name))


def bytes_of(doc, name, by="itself"):
    return sum(r["bytes"] for r in rows_of(doc, name, by))


def made_by(t, word):
    """What one more of it makes: a function that gives the chunks of a name, and one for their bytes."""
    before = ask("chunks", t.pid)
    t.say(word)
    t.hear()
    after = ask("chunks", t.pid)
    return (lambda name: count_of(after, name) - count_of(before, name),
            lambda name: bytes_of(after, name) - bytes_of(before, name))


@test(nodes="all")
def what_was_made_has_its_name(node):
    with Target("native_names.js", node=node, node_args=["--expose-gc"]) as t:
        held, pages = t.truth["arrayBuffers"], t.truth["pages"]
        count, size = made_by(t, "more")
        held, pages = t.truth["arrayBuffers"] - held, t.truth["pages"] - pages
    named = {"crypto::SecureContext": 25, "OpenSSL: context (SSL_CTX)": 25, "ZlibStream": 60, "zlib: state (deflate)": 50,
             "zlib: state (inflate)": 10, "zlib: window (inflate)": 10, "nghttp2: session": 2, "nghttp2: stream": 10,
             "OpenSSL: connection (SSL)": 8, "TLS: bytes on their way (NodeBIO)": 16}
    if node.version >= 18:  # a format of ICU 71 keeps none
        named["ICU: resource bundle"] = 30
    for name, n in named.items():
        equal(f"{name}, Node {node.version}", count(name), n)
    at_most("Buffers more or less than made", abs(count("ArrayBuffer") - 300), 150)  # streams have some, too
    near("bytes of ArrayBuffers as Node counts them", size("ArrayBuffer") + size("V8: memory of a BackingStore"), held,
         0.01)
    # zlib.h: deflate takes (1 << (windowBits + 2)) + (1 << (memLevel + 9)), 256 KiB by default; Chromium's
    # zlib, which Node has, a little more
    near("what zlib uses to deflate", size("zlib: ") - 10 * (32 << 10) - 10 * 9000, 50 * (272 << 10), 0.1)
    stores = count("V8: memory of a BackingStore")
    equal(f"40 buffers on their way, and what sockets read just now: {stores}", 40 <= stores <= 44, True)
    if pages:
        near("pages of SQLite", size("SQLite: pages"), pages * 4096, 0.1)


@test(nodes=[24])
def what_waits_has_its_name(node):
    """libuv's requests in chunks of an addon, and certificates that nothing else makes."""
    with tempfile.TemporaryDirectory() as folder:
        addon = f"{folder}/requests.node"
        p = subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", addon, TARGETS / "addon" / "requests.c"])
        if p.returncode:
            raise Skip("gcc cannot build the addon")
        with Target("native_names.js", node=node, node_args=["--expose-gc"], args=[addon]) as t:
            count, size = made_by(t, "certificates")
            equal("certificates", count("X.509 certificate") - count("X.509 certificate: signed part"), 30)
            count, size = made_by(t, "requests")
    for name, n in {"uv_work_t": 8, "uv_getaddrinfo_t": 6, "uv_random_t": 5, "uv_write_t": 20, "uv_buf_t": 20}.items():
        equal(name, count(name), n)
    # 20 writes of 160,000 bytes: the pipe has taken 64 KiB, from buffers that nothing knows any more
    near("bytes to be written", size("libuv: bytes to be written"), 20 * 160000 - (64 << 10), 0.02)


@test(nodes=[18, 22, 26])
def nine_of_ten_bytes_have_a_name(node):
    with Target("healthy.js", node=node, args=["http", "tls", "gzip", "zlib", "loaded"]) as t:
        doc = ask("chunks", t.pid)
    print(f"Node {node.version}: {doc['named_bytes'] / doc['in_use_bytes']:.3f} of {doc['in_use_bytes']} have a name, "
          f"by {doc['bytes_by']}")
    at_most("bytes without a name", doc["in_use_bytes"] - doc["named_bytes"], doc["in_use_bytes"] // 10)
    for name in ("ArrayBuffer", "TLSWrap", "TCPWrap", "ZlibStream", "v8::Isolate"):
        equal(f"there are chunks named {name}", count_of(doc, name) > 0, True)


PYTHON = """
import json, os, sqlite3, time, zlib
kept = [zlib.compressobj() for _ in range(5)] + [zlib.decompressobj() for _ in range(3)]
packed = zlib.compress(os.urandom(200000))
for z in kept[:5]: z.compress(b'x' * 100000)
for z in kept[5:]: z.decompress(packed[:100000])
db = sqlite3.connect(':memory:')
db.execute('CREATE TABLE t(a TEXT)')
db.executemany('INSERT INTO t VALUES (?)', [('x' * 2000,)] * 500)
print('READY', json.dumps({'pages': db.execute('PRAGMA page_count').fetchone()[0]}), flush=True)
time.sleep(100)
"""


@test
def the_systems_libraries_are_known_too():
    """Not those that Node brings: another version, another build, in a program that is not Node."""
    with Target([sys.executable, "-c", PYTHON]) as t:
        doc, pages = ask("chunks", t.pid), t.truth["pages"]
    for name, n in {"zlib: state (deflate)": 5, "zlib: window (deflate)": 5, "zlib: state (inflate)": 3,
                    "zlib: window (inflate)": 3}.items():
        equal(name, count_of(doc, name), n)
    near("pages of SQLite", bytes_of(doc, "SQLite: pages"), pages * 4096, 0.1)


@test
def what_is_not_there_has_no_name():
    """A program of its own allocations: words of all kinds, and nothing of any library."""
    with Target("malloc_truth") as t:
        doc = ask("chunks", t.pid)
    named = [r["name"] for r in doc["names"] if r["by"] == "itself"]
    for library in ("zlib", "OpenSSL", "TLS", "X.509", "DER", "nghttp2", "libuv", "SQLite", "ICU", "V8", "JSON", "key"):
        equal(f"names of {library}", [n for n in named if library in n], [])


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
    for word in ("of the bytes have a name", "ArrayBuffer", "zlib: window (deflate)"):
        if word not in text.out:
            raise AssertionError(f"the text lacks {word!r}:\n{text.out}")
