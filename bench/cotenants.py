#!/usr/bin/env python3
"""What clients' load costs everything else on their shard: on the ring, and on glommio's own sockets, in turns.

    cargo build --release -p ringway -p ringway-dataplane --example cotenants
    bench/cotenants.py [--rounds 3] [--seconds 3] [--loads none full] [--out FILE]

One shard on core 0 with `dataplane/examples/cotenants.rs`, the load of `ringway bench run` on core 1. While there is none,
30,000 requests a second, or as many as go, a tool measures how late a timer of 1 ms is, how long a wake by another thread
takes, and round trips to a task behind a socket pair: first while its call is under way, then in a task that no call waits for.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
DRIVERS = ("glommio", "ring")
LOADS = {"none": None, "30,000/s": ["open-30k"], "full": ["echo"]}
MEASURES = ("timer", "wake", "pair")
VERSION = "2026-07-28"
START_TIME_MAX_S = 10
# A load begins and ends around a measurement.
MARGIN_S = 1.5


def main():
    options = parse_options()
    found = {}
    for number in range(options.rounds):
        for load in options.loads:
            for detached in (False, True):
                # Who goes first changes with the round.
                for driver in DRIVERS if number % 2 == 0 else DRIVERS[::-1]:
                    for measure in MEASURES:
                        result = measured(driver, load, measure, detached, options.seconds)
                        found.setdefault((load, detached, measure, driver), []).append(result)
                        print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    rows = [row(found, load, detached, measure) for load in options.loads for detached in (False, True) for measure in MEASURES]
    show(rows)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


def measured(driver, load, measure, detached, seconds):
    """One measurement on a server of its own."""
    port = free_port()
    example = os.path.join(RELEASE, "examples", "cotenants")
    server = subprocess.Popen([example, driver, f"127.0.0.1:{port}", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loading = None
    try:
        wait_for(port)
        if LOADS[load]:
            loading = subprocess.Popen(
                [os.path.join(RELEASE, "ringway"), "bench", "run", *LOADS[load], "--server", f"http://127.0.0.1:{port}",
                 "--cpus", "1", "--warmup-s", "0.2", "--seconds", str(seconds + 2 * MARGIN_S), "--no-ceiling", "-o", "json"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
            time.sleep(MARGIN_S)
        result = call(port, measure, {"seconds": seconds, "detached": detached})
        if detached:
            time.sleep(seconds + MARGIN_S / 2)
            result = call(port, "report", {})
        result = json.loads(result)
        if loading:
            said, _ = loading.communicate(timeout=60)
            if loading.returncode != 0:
                sys.exit(f"cotenants.py: the load on {driver} failed: {said[-2000:]}")
            result["load_rps"] = json.loads(said)["measured"]["reached_rps"]
        return result
    finally:
        for process in (loading, server):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def call(port, tool, arguments):
    params = {"name": tool, "arguments": arguments,
              "_meta": {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
               "MCP-Protocol-Version": VERSION, "Mcp-Method": "tools/call", "Mcp-Name": tool}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/mcp", body, headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        result = json.load(response)["result"]
    if result.get("isError"):
        sys.exit(f"cotenants.py: {tool}: {result['content'][0]['text']}")
    return result["content"][0]["text"]


def row(found, load, detached, measure):
    """The medians of all rounds."""
    def median(driver, name):
        return statistics.median(result[name] for result in found[load, detached, measure, driver])
    return {"load": load, "task": "detached" if detached else "of a call", "measure": measure,
            **{f"{driver}_{name}": median(driver, name) for driver in DRIVERS for name in ("count", "p50_us", "p99_us")},
            **{f"{driver}_load_rps": [result.get("load_rps") for result in found[load, detached, measure, driver]] for driver in DRIVERS}}


def show(rows):
    print("| load | task | measure | glommio's sockets: count, p50, p99 us | ring: count, p50, p99 us |")
    print("|---|---|---|---|---|")
    for one in rows:
        cells = [", ".join(f"{one[f'{driver}_{name}']:,.0f}" for name in ("count", "p50_us", "p99_us")) for driver in DRIVERS]
        print(f"| {one['load']} | {one['task']} | {one['measure']} | {cells[0]} | {cells[1]} |")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + START_TIME_MAX_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("cotenants.py: the server did not start; is the example built?")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=list(LOADS))
    parser.add_argument("--out", metavar="FILE", help="also write the rows to this file, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
