"""memwhy serve: by a real Prometheus, by promtool, and by clients of every kind."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from harness import MEMWHY, ROOT, SUPPORTED, TARGETS, Node, Skip, Target, at_most, equal, memwhy, near, refuses, test

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}


class Served:
    """memwhy serve that runs: .host, .port, .get()."""

    def __init__(self, *args, listen="127.0.0.1:0", stderr=subprocess.DEVNULL):
        command = [MEMWHY, "serve", "--json", "--listen", listen, *args]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=stderr)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"serve did not begin: {self.process.wait()}")
        self.said = json.loads(line)
        self.listen = self.said["listen"]
        self.host, self.port = self.listen["address"], self.listen["port"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        code = self.process.wait(10)
        self.process.stdout.close()
        equal("exit code of serve", code, 0)

    def get(self, path="/metrics", method="GET", headers={}, tls=None):
        """(status, headers, text)"""
        if tls:
            c = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=tls)
        else:
            c = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            c.request(method, path, headers=headers)
            r = c.getresponse()
            return r.status, r.headers, r.read().decode()
        finally:
            c.close()

    def raw(self, data, timeout=5):
        """What comes back for these bytes, until the server ends the connection."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as s:
            s.sendall(data)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
            return got

    def samples(self, name=None):
        """{(name, label, ...): value} of the page: labels are a frozenset of pairs."""
        return {k: v for k, v in parse(self.get()[2]).items() if not name or k[0] == name}


def parse(text):
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r'([a-z_0-9]+)(?:\{(.*)\})? (\S+)', line).groups()
        pairs = re.findall(r'([a-z_0-9]+)="((?:[^"\\]|\\.)*)"', labels or "")
        key = (name, frozenset(pairs))
        assert key not in found, f"twice: {line}"
        found[key] = float(value)
    return found


def of_pid(samples, name, pid, **labels):
    want = {("pid", str(pid)), *labels.items()}
    values = [v for (n, l), v in samples.items() if n == name and want <= l]
    return values[0] if values else None


def wait_for(what, condition, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (got := condition()) is not None and got is not False:
            return got
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def certificate(folder):
    cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=memwhy", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def secret(folder, name, text, mode=0o600):
    path = Path(folder, name)
    path.write_text(text)
    path.chmod(mode)
    return path


class Prometheus:
    """Debian's Prometheus with a configuration of its own, on loopback."""

    def __init__(self, folder, jobs):
        for tool in ("prometheus", "promtool"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = Path(folder, "prometheus.json")  # JSON is YAML
        config.write_text(json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}))
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data", "--log.level=error",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, path, **params):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(params)}")
            return json.loads(c.getresponse().read())["data"]
        except (OSError, http.client.HTTPException, ValueError):
            return None  # it begins
        finally:
            c.close()

    def query(self, text):
        """[(labels, value)] of now."""
        data = self.ask("query", query=text)
        return [(r["metric"], float(r["value"][1])) for r in data["result"]] if data else []

    def one(self, text):
        got = self.query(text)
        equal(f"results of {text}", len(got), 1)
        return got[0][1]


def between(what, got, before, after, slack):
    low, high = min(before, after) - slack, max(before, after) + slack
    if not low <= got <= high:
        raise AssertionError(f"{what}: got {got}, want between {low} and {high}")


def check_values(page, pid, before, after):
    """What Prometheus has of a process, beside what it said of itself before and after."""
    def metric(name, **labels):
        got = of_pid(page, name, pid, **labels)
        assert got is not None, f"{name} {labels} of {pid} is missing"
        return got

    def usage(name, key, part):
        b, a = before["usage"][key], after["usage"][key]
        between(name, metric(name), b, a, part * max(a, b))

    usage("process_resident_memory_bytes", "rss", 0.01)
    near("start", metric("process_start_time_seconds"), after["started"], 1e-9)
    for key in ("user", "system"):
        got = metric(f"process_cpu_{key}_seconds_total")
        between(f"CPU {key}", got, before["cpu"][key] / 1e6, after["cpu"][key] / 1e6, 0.03)
    equal("descriptors", metric("process_open_fds"), after["fds"])
    equal("version", metric("nodejs_version_info", version=after["version"]), 1)
    usage("nodejs_heap_size_used_bytes", "heapUsed", 0.01)
    usage("nodejs_heap_size_total_bytes", "heapTotal", 0.01)
    usage("nodejs_external_memory_bytes", "external", 0.01)
    usage("memwhy_array_buffers_bytes", "arrayBuffers", 0.01)
    near("limit", metric("memwhy_heap_limit_bytes"), after["limit"], 0.001)
    for space in ("old", "large_object"):
        b, a = before["spaces"][space], after["spaces"][space]
        between(f"{space} space", metric("nodejs_heap_space_size_used_bytes", space=space), b, a, 0.01 * max(a, b))


def told(targets):
    for t in targets:
        t.say("usage")
    return [t.hear() for t in targets]


def check_all(prometheus, targets):
    """Each at a moment at which it did not collect: only then what it said bounds what it had."""
    left = list(targets)
    for _ in range(8):
        before, since = told(left), time.time()
        wait_for("a later round", lambda: (prometheus.query('memwhy_observer_round_time_seconds{job="plain"}') or [(0, 0)])[0][1] > since, 20)
        page = {(m.pop("__name__"), frozenset(m.items())): v for m, v in prometheus.query('{job="plain",pid!=""}')}
        moved = []
        for t, b, a in zip(left, before, told(left)):
            if a["collections"] != b["collections"]:
                moved.append(t)
                continue
            check_values(page, t.pid, b, a)
        left = moved
        if not left:
            return
    raise AssertionError(f"{len(left)} of {len(targets)} processes collect without end")


def versions():
    only = os.environ.get("MEMWHY_NODES", "").split()
    return [Node(v) for v in SUPPORTED if not only or str(v) in only]


def dashboard_queries():
    board = json.loads((ROOT / "docs/grafana/memwhy.json").read_text())
    for panel in board["panels"]:
        for t in panel["targets"]:
            yield t["expr"].replace("$instance", ".*").replace("$name", ".*").replace("$__rate_interval", "1m")


@test
def prometheus_scrapes_it():
    with tempfile.TemporaryDirectory() as folder:
        hostile = Path(folder, 'quo"te\\back\n{line}.js')
        shutil.copy(TARGETS / "served.js", hostile)
        targets = [Target("served.js", node=n, node_args=["--expose-gc"]) for n in versions()]
        targets.append(Target([Node(24).need().path, hostile]))
        pids = [t.pid for t in targets]
        cert, key = certificate(folder)
        token = secret(folder, "token", "a-token-that-nobody-guesses\n")
        try:
            with Served(*pids) as plain, \
                    Served(*pids, "--token-file", token, "--cert", cert, "--key", key, listen="0.0.0.0:0") as safe, \
                    Prometheus(folder, [
                        {"job_name": "plain", "static_configs": [{"targets": [f"127.0.0.1:{plain.port}"]}]},
                        {"job_name": "safe", "scheme": "https", "tls_config": {"ca_file": str(cert)},
                         "authorization": {"credentials_file": str(token)},
                         "static_configs": [{"targets": [f"127.0.0.1:{safe.port}"]}]}]) as prometheus:
                lint = subprocess.run(["promtool", "check", "metrics"], input=plain.get()[2], text=True, capture_output=True)
                equal("promtool check metrics", (lint.returncode, lint.stdout + lint.stderr), (0, ""))
                for job in ("plain", "safe"):  # Prometheus lets targets wait for 5 s
                    wait_for(job, lambda: len(prometheus.query(f'process_resident_memory_bytes{{job="{job}"}}')) == len(pids), 30)
                check_all(prometheus, targets)
                if plain.said["collections_seen"]:
                    counted = prometheus.query('nodejs_gc_duration_seconds_count{job="plain",kind="major"}')
                    equal("histograms", len(counted), len(pids))
                    equal("buckets", {m["le"] for m, _ in prometheus.query('nodejs_gc_duration_seconds_bucket{job="plain"}')},
                          {"0.001", "0.01", "0.1", "1.0", "2.0", "5.0", "+Inf"})
                equal("name", prometheus.query(f'memwhy_process_info{{job="plain",pid="{pids[-1]}"}}')[0][0]["name"],
                      'quo"te\\back?{line}.js')
                seen = {m["metric"]: m for m in prometheus.ask("targets/metadata", match_target='{job="plain"}')}
                equal("type", seen["process_cpu_user_seconds"]["type"], "counter")
                equal("unit", seen["process_cpu_user_seconds"]["unit"], "seconds")
                equal("help", seen["process_heap_bytes"]["help"], "Process heap size in bytes.")
                for panel in dashboard_queries():
                    assert prometheus.ask("query", query=panel) is not None, panel
        finally:
            for t in targets:
                t.kill()


@test
def what_the_documents_name_is_served():
    """Rules, dashboard and docs against the families of src/serve/metrics.c."""
    source = (ROOT / "src/serve/metrics.c").read_text()
    known = set()
    for name in re.findall(r'"((?:memwhy|nodejs|process)_[a-z0-9_]+)"', source):
        known |= {name + end for end in ("", "_total", "_info", "_sum", "_count", "_bucket")}
    rules = ROOT / "docs/prometheus/rules.yml"
    texts = [re.sub(r"record: .*|memwhy:\w+", "", rules.read_text()), *dashboard_queries(),
             re.sub(r"Not here.*?\n\n", "", (ROOT / "docs/metrics.md").read_text(), flags=re.S)]
    for text in texts:
        for name in re.findall(r"\b(?:memwhy|nodejs|process)_[a-z0-9_]*[a-z0-9]\b(?!\*)", text):
            assert name in known, f"{name} is not served"
    if not shutil.which("promtool"):
        raise Skip("promtool is not installed")
    checked = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, text=True)
    equal("promtool check rules", (checked.returncode, checked.stderr), (0, ""))


@test(nodes=[16, 20, 24, 26])
def collections_are_those_perf_hooks_tells_of(node):
    with Target("served.js", node=node, node_args=["--expose-gc"]) as t, Served(t.pid, "--every", "100ms") as s:
        if not s.said["collections_seen"]:
            raise Skip(s.said["collections_unseen_why"])
        t.say("usage")
        before = t.hear()["collections"]
        for what in ("gc 60", "hold 30"):
            t.say(what)
            truth = t.hear()["collections"]
            want = {kind: truth[kind] - before[kind] for kind in ("major", "minor")}

            def counts():
                return {kind: of_pid(s.samples(), "nodejs_gc_duration_seconds_count", t.pid, kind=kind) for kind in want}

            assert want["minor"] or want["major"], want
            wait_for(f"{want} after {what}", lambda: counts() == want)
        page = s.samples()
        equal("the last bucket", of_pid(page, "nodejs_gc_duration_seconds_bucket", t.pid, kind="minor", le="+Inf"), want["minor"])
        assert 0 < of_pid(page, "nodejs_gc_duration_seconds_sum", t.pid, kind="minor") < 2
        equal("lost", of_own(s, "memwhy_observer_collections_lost_total"), 0)


@test
def only_reading_and_only_what_there_is():
    with Target("served.js") as t, Served(t.pid) as s:
        status, headers, text = s.get()
        equal("status", status, 200)
        equal("form", headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        status, headers, open_text = s.get(headers=OPENMETRICS)
        equal("form", headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        assert open_text.endswith("# EOF\n"), open_text[-100:]
        assert text.startswith("# HELP ") and "# EOF" not in text, text[:100]
        status, headers, text = s.get(method="HEAD")
        equal("HEAD", (status, text, int(headers["Content-Length"]) > 1000), (200, "", True))
        equal("health", s.get("/healthz")[::2], (200, "ok\n"))
        status, _, text = s.get("/")
        equal("root", (status, text.count("\n")), (200, 1))
        equal("query", s.get("/metrics?x=y")[0], 200)
        for path in ("/metric", "/metrics/", "/healthz/..", "/../etc/passwd", "/%00"):
            equal(path, s.get(path)[0], 404)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"):
            status, headers, _ = s.get(method=method)
            equal(method, (status, headers["Allow"]), (405, "GET, HEAD"))
        refused = next(iter(wait_for("count", lambda: {k: v for k, v in s.samples("memwhy_observer_refused_total").items() if v >= 12} or None).values()))
        equal("refused", refused, 12)


@test
def what_is_no_request_is_refused():
    with Target("served.js") as t, Served(t.pid) as s:
        def status(data):
            return s.raw(data)[:12].decode()

        equal("a body", status(b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\nxxx"), "HTTP/1.1 400")
        equal("chunks", status(b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n"), "HTTP/1.1 400")
        equal("an old client", status(b"GET /healthz HTTP/1.0\r\n\r\n")[9:], "200")
        equal("no Host", status(b"GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 400")
        large = status(b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 40000)
        assert large[9:] in ("431", "413"), large
        large = status(b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\n\r\n")
        assert large[9:] in ("414", "431"), large
        for junk in (b"\x00" * 5000 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"\r\n" * 20000 + b"x"):
            with socket.create_connection((s.host, s.port), timeout=5) as c:
                try:
                    c.sendall(junk)
                    c.shutdown(socket.SHUT_WR)
                    while c.recv(65536):
                        pass
                except TimeoutError:
                    raise AssertionError(f"{junk[:20]} is waited for") from None
                except OSError:
                    pass
        equal("afterwards", s.get()[0], 200)


@test
def a_scrape_waits_for_nobody():
    targets = [Target("served.js") for _ in range(2)]
    try:
        with Served() as s:
            for t in targets:
                wait_for("seen", lambda: of_pid(s.samples(), "process_resident_memory_bytes", t.pid))
            os.kill(targets[0].pid, signal.SIGSTOP)
            took, texts = [], []

            def scrape():
                for _ in range(5):
                    began = time.monotonic()
                    texts.append(s.get(headers=OPENMETRICS)[2])
                    took.append(time.monotonic() - began)

            threads = [threading.Thread(target=scrape) for _ in range(15)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            equal("scrapes", len(texts), 75)
            for text in texts:
                assert text.endswith("# EOF\n"), text[-50:]
                assert of_pid(parse(text), "process_resident_memory_bytes", targets[0].pid), "the stopped one is there"
            at_most("the middle of 75 scrapes by 15 clients, in seconds", sorted(took)[37], 0.5)
            rounds = lambda: of_own(s, "memwhy_observer_rounds_total")
            seen = rounds()
            wait_for("rounds go on", lambda: rounds() >= seen + 2)
            equal("health", s.get("/healthz")[0], 200)
            targets[1].kill()
            wait_for("the dead one goes", lambda: of_pid(s.samples(), "process_resident_memory_bytes", targets[1].pid) is None)
            with Target("served.js") as new:
                wait_for("a new one comes", lambda: of_pid(s.samples(), "process_resident_memory_bytes", new.pid))
    finally:
        for t in targets:
            t.kill()


def of_own(s, name):
    return next(v for (n, _), v in s.samples().items() if n == name)


@test
def more_than_may_be_served_are_counted():
    targets = [Target("served.js") for _ in range(3)]
    try:
        with Served(*[t.pid for t in targets], "--max-processes", 2) as s:
            own = s.samples()
            equal("shown", len([1 for n, _ in own if n == "process_resident_memory_bytes"]), 2)
            equal("seen", of_own(s, "memwhy_processes"), 3)
            equal("left out", of_own(s, "memwhy_processes_left_out"), 1)
            first = {dict(l)["pid"] for n, l in own if n == "process_resident_memory_bytes"}
            kept = next(t for t in targets if str(t.pid) in first)
            kept.kill()  # its place goes to the one that waited
            wait_for("the third", lambda: of_own(s, "memwhy_processes_left_out") == 0)
    finally:
        for t in targets:
            t.kill()


@test
def others_need_a_token_and_tls():
    with tempfile.TemporaryDirectory() as folder, Target("served.js") as t:
        cert, key = certificate(folder)
        token = secret(folder, "token", "a-token-that-nobody-guesses\n")
        tls = ["--cert", cert, "--key", key]
        for address in ("0.0.0.0:0", "[::]:0", ":0"):
            for some in ([], ["--token-file", token], tls):
                refuses("serve", "--listen", address, *some, code=2, says="a token and TLS")
        refuses("serve", "--cert", cert, code=2, says="--key")
        refuses("serve", "--token-file", secret(folder, "open", "x" * 20, 0o640), json_code="no-permission", says="chmod 600")
        refuses("serve", "--token-file", secret(folder, "short", "x"), json_code="bad-file", says="16")
        refuses("serve", "--cert", cert, "--key", secret(folder, "k2", key.read_text(), 0o644), json_code="no-permission", says="key file")
        refuses("serve", "--listen", "127.0.0.1:0", "--cert", cert, "--key", secret(folder, "k3", cert.read_text()), t.pid, json_code="bad-file",
                says="belong together")
        context = ssl.create_default_context(cafile=cert)
        errors = Path(folder, "stderr")
        with errors.open("w") as stderr, \
                Served(t.pid, "--token-file", token, *tls, listen="0.0.0.0:0", stderr=stderr) as s:
            assert s.listen["tls"] and s.listen["token"], s.listen

            def status(path="/metrics", shown=None):
                return s.get(path, headers={"Authorization": shown} if shown else {}, tls=context)[0]

            equal("no token", status(), 401)
            equal("no token, root", status("/"), 401)
            equal("no token, what is not there", status("/x"), 401)
            equal("health", status("/healthz"), 200)
            equal("wrong", status(shown="Bearer a-token-that-nobody-guesseS"), 401)
            equal("basic", status(shown="Basic a-token-that-nobody-guesses"), 401)
            equal("right", status(shown="Bearer a-token-that-nobody-guesses"), 200)
            token.write_text("another-token-nobody-guesses\n")
            s.process.send_signal(signal.SIGHUP)
            wait_for("the new token", lambda: status(shown="Bearer another-token-nobody-guesses") == 200)
            equal("the old one", status(shown="Bearer a-token-that-nobody-guesses"), 401)
            token.chmod(0o644)
            s.process.send_signal(signal.SIGHUP)
            wait_for("a refusal", lambda: "stays what it was" in errors.read_text())
            equal("the last good one", status(shown="Bearer another-token-nobody-guesses"), 200)
            try:
                s.get()
                raise AssertionError("an answer without TLS")
            except (OSError, http.client.HTTPException):
                pass


@test
def where_it_listens():
    with Target("served.js") as t:
        with Served(t.pid, listen="[::1]:0") as s:
            assert re.fullmatch(r"http://\[::1\]:\d+/metrics", s.listen["url"]), s.listen
            equal("over IPv6", s.get()[0], 200)
        with Served(t.pid) as s:
            error = refuses("serve", "--listen", f"127.0.0.1:{s.port}", t.pid, says="Another program listens")
            assert str(s.port) in error["message"], error
            s.process.send_signal(signal.SIGHUP)  # without a token, the end as with any program
            equal("exit code", s.process.wait(10), 0)
        refuses("serve", "--listen", "192.0.2.1:0", "--token-file", "/nowhere", "--cert", "/nowhere", "--key", "/nowhere", says="/nowhere")
        refuses("serve", "--listen", "example.org:1", code=2, says="no IP address")
        refuses("serve", "--listen", "127.0.0.1", code=2, says="no port")
        refuses("serve", "--every", "1ms", code=2)
        refuses("serve", "x", code=2, says="not a process id")
        refuses("serve", "--listen", "127.0.0.1:0", 2 ** 22 + 1, json_code="target-gone")
