#!/usr/bin/env python3
"""What watching 60 Node processes costs, once a second: memwhy serve, Debian's process-exporter, and
prom-client inside of a process. serve.py [ROUNDS [SECONDS]]

In each round, each way in turn, beside nobody watching: the watcher's own CPU time and memory, the
CPU time of the process under load, and the latency of its answers. Medians over the rounds, and for
latency the middle half too: what the ways differ by may be less than the machine's own noise."""
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from harness import MEMWHY, Node, Target

NODE, COUNT, RATE = 24, 60, 150
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
PROM_CLIENT = "15.1.3"
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of user and system time, with a nanosecond's resolution where the kernel has it."""
    try:
        return sum(int(Path(f"/proc/{pid}/task/{t}/schedstat").read_text().split()[0]) for t in os.listdir(f"/proc/{pid}/task")) / 1e9
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


def rss(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def prom_client():
    home = ROOT / ".cache" / "bench"
    package = home / "node_modules" / "prom-client"
    if not package.exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", home, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
                        f"prom-client@{PROM_CLIENT}"], check=True)
    return package


class Nobody:
    name = "nobody"
    pid = port = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Memwhy(Nobody):
    def __init__(self, name, *args):
        self.name, self.args = name, args

    def __enter__(self):
        self.process = subprocess.Popen([MEMWHY, "serve", "--json", "--listen", "127.0.0.1:0", *self.args], stdout=subprocess.PIPE)
        self.port = json.loads(self.process.stdout.readline())["listen"]["port"]
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class ProcessExporter(Memwhy):
    def __enter__(self):
        self.port = 19256
        self.process = subprocess.Popen(["prometheus-process-exporter", f"-web.listen-address=127.0.0.1:{self.port}",
                                         "-procnames=MainThread", *self.args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        return self


class Inside(Nobody):
    """prom-client, in the process under load."""
    name = "prom-client"


def scrape(port, stop, sizes):
    while not stop.wait(1):
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", "/metrics")
            sizes.append(len(c.getresponse().read()))
            c.close()
        except OSError:
            pass


def one_round(way, plain, inside, node):
    server = inside if isinstance(way, Inside) else plain
    with way:
        time.sleep(1)
        port = server.truth["port"] if isinstance(way, Inside) else way.port
        stop, sizes = threading.Event(), []
        scraper = threading.Thread(target=scrape, args=(port, stop, sizes)) if port else None
        if scraper:
            scraper.start()
        own, target, began = way.pid and cpu(way.pid), cpu(server.pid), time.monotonic()
        load = subprocess.run([node.path, ROOT / "bench" / "serve_load.js", str(server.truth["port"]), str(RATE), str(SECONDS)],
                              capture_output=True, text=True, check=True)
        took = time.monotonic() - began
        result = {"target": (cpu(server.pid) - target) * 60 / took, **json.loads(load.stdout)}
        if way.pid:
            result.update(own=(cpu(way.pid) - own) * 60 / took, rss=rss(way.pid))
        stop.set()
        if scraper:
            scraper.join()
            result["page"] = sizes[-1] if sizes else 0
        return result


def quarter(values, q):
    return statistics.quantiles(values, n=4)[q] if len(values) > 1 else values[0]


def main():
    node = Node(NODE).need()
    ways = [Nobody(), Memwhy("memwhy serve"), Memwhy("  without the probe", "--no-probe"), Inside()]
    if shutil.which("prometheus-process-exporter"):
        ways[3:3] = [ProcessExporter("process-exporter"), ProcessExporter("  without smaps", "-gather-smaps=false")]
    idle = [Target([node.path, "-e", "console.log('READY'); setInterval(() => JSON.stringify(process.versions), 100)"])
            for _ in range(COUNT - 2)]
    results = {w.name: [] for w in ways}
    try:
        with Target([node.path, ROOT / "bench" / "served.js"]) as plain, \
                Target([node.path, ROOT / "bench" / "served.js"], env={"PROM_CLIENT": prom_client()}) as inside:
            for _ in range(ROUNDS):
                for way in ways:
                    results[way.name].append(one_round(way, plain, inside, node))
    finally:
        for t in idle:
            t.kill()
    print(f"{COUNT} processes of Node {NODE}, scraped every second; {RATE} requests a second to one of them; {ROUNDS} rounds of "
          f"{SECONDS} s, in turn; the machine's load {os.getloadavg()[0]:.1f}.\n")
    print("| watched by | its CPU, s a minute | its RSS, MB | page, KB | the target's CPU, s a minute | p50, ms | p99, ms (middle half) |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, rounds in results.items():
        def median(key, scale=1.0, digits=2):
            values = [r[key] / scale for r in rounds if key in r]
            return f"{statistics.median(values):.{digits}f}" if values else "-"
        p99 = [r["p99"] for r in rounds]
        print(f"| {name} | {median('own')} | {median('rss', 1e6, 1)} | {median('page', 1e3, 0)} | {median('target')} | {median('p50')} "
              f"| {statistics.median(p99):.1f} ({quarter(p99, 0):.1f} to {quarter(p99, 2):.1f}) |")


main()
