#!/usr/bin/env python3
"""What the graph of a heap of 12.9 million objects costs (500 MB of bench/heap.js): runs bench/graph.c's
program. Ends with its exit code, 1 if a figure is over its limit."""
import subprocess
import sys
from pathlib import Path

print("graph of a made-up heap", flush=True)
sys.exit(subprocess.run([Path(__file__).resolve().parents[1] / "build" / "bench_graph"]).returncode)
