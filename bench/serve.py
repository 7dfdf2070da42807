#!/usr/bin/env python3
"""Ringway beside nginx on the same core, in interleaved rounds: throughput, CPU, latency, memory, cold start.

START HERE; `measure_round` names what is measured, in order. The README says how to read the table.
Uses the standard library only; loopback only; ends only what it started.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

from side_by_side import clients as client_side, proc, servers
from side_by_side.children import Children, Failed
from side_by_side.table import OURS, YARDSTICK, Bar, Row, show

PACKAGES = {"nginx": "nginx-light", "wrk": "wrk"}
CONNECTIONS = 64
CONNECTION_STEPS = [1, 64, 256, 1000]
OPEN_LOOP_RPS = 10_000
COLD_STARTS = 5
# What nginx answers when there is no ringway to take the size from: the shape of A2 in the protocol's examples.
STAND_IN_BODY = ('{"jsonrpc":"2.0","id":100000000000,"result":{"resultType":"complete","content":[{"type":"text",'
                 '"text":"100000000000%s"}],"_meta":{"io.modelcontextprotocol/serverInfo":'
                 '{"name":"ringway","version":"0.1.0"}}}}')


def main():
    options = parse_options()
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program, path=search_path())]
    if missing:
        raise Failed(f"missing: apt-get install {' '.join(missing)}")
    return with_children(options, compare)


def with_children(options, measure):
    """Runs `measure(options, machine, children)` on the load's core, and ends whatever it started."""
    os.environ["PATH"] = search_path()
    # We only wait while others work; on the load's core we never disturb the server.
    machine = proc.machine()
    os.sched_setaffinity(0, {options.load_cpu})
    with tempfile.TemporaryDirectory(prefix="ringway-bench-") as directory:
        children = Children(directory)
        try:
            return measure(options, machine, children)
        finally:
            children.end_all()


def compare(options, machine, children):
    request, both = prepare(options, children)
    clients = client_side.Clients(children, options.load_cpu, options.load_binary, echo_options(options),
                                  options.seconds, request)
    print_machine(machine, options)
    before = {cpu: proc.core_times(cpu) for cpu in (options.server_cpu, options.load_cpu)}
    results = Results()
    for round_index in range(options.rounds):
        # Who goes first alternates, so that neither always meets the machine as the other left it.
        order = both if round_index % 2 == 0 else both[::-1]
        measure_round(options, results, request, clients, order, round_index)
    if not options.only:
        measure_cold_starts(results, request, both)
    print_steal(before)
    rows, bars = judge(results)
    show(rows)
    print_bars(bars, both)
    for doubt in doubts(results):
        print(f"  DOUBT  {doubt}")
    for complaint in results.complaints:
        print(complaint)
    write_json(options.json_out, machine, results)
    if results.complaints:
        return 1
    return 3 if any(bar.is_met() is False for bar in bars) else 0


def echo_request(options):
    return servers.EchoRequest(subprocess.run(
        [options.load_binary, "request", "--addr", servers.EchoRequest.ADDR, "--preset", "echo-modern", *echo_options(options)],
        check=True, capture_output=True, timeout=10).stdout)


def prepare(options, children):
    """The request, and both servers; nginx learns from ringway how large an answer is."""
    request = echo_request(options)
    if not options.ringway:
        return request, [servers.nginx(children, options.server_cpu, (STAND_IN_BODY % request.text_tail).encode())]
    ours = servers.ringway(children, options.server_cpu, options.ringway, options.ringway_args)
    ours.start(request)
    body = ours.first_answer
    ours.stop()
    return request, [servers.nginx(children, options.server_cpu, body), ours]


def measure_round(options, results, request, clients, order, round_index):
    for server in order:
        server.start(request)
    try:
        for server in order:
            results.add(server, "idle", {"cpu_pct": client_side.idle_pct(server)})
            clients.load(server, CONNECTIONS, seconds=min(1, options.seconds))  # caches, pools, branch predictors

        def each(key, run):
            if options.only and key[0] not in options.only:
                return
            for server in order:
                progress(f"round {round_index + 1}/{options.rounds}: {key}: {server.name}")
                results.add(server, key, run(server))

        each("e wrk", lambda server: clients.wrk(server, CONNECTIONS, checks_bodies=False))
        each("e wrk checked", lambda server: clients.wrk(server, CONNECTIONS, checks_bodies=True))
        each("e load", lambda server: clients.load(server, CONNECTIONS))
        each("f open", lambda server: clients.load(server, CONNECTIONS, rate_rps=OPEN_LOOP_RPS))
        for connections in CONNECTION_STEPS:
            each(f"g {connections}", lambda server: clients.load(server, connections, seconds=0.6 * options.seconds))
        # Last, so that the peak includes a thousand connections.
        for server in order:
            results.add(server, "rss", {"peak_mib": proc.rss_peak_kib(server.child.pid) / 1024})
    finally:
        for server in order:
            server.stop()
    progress("")


def measure_cold_starts(results, request, both):
    for _ in range(COLD_STARTS):
        for server in both:
            cold_start_ms = server.start(request)
            server.stop()
            results.add(server, "cold", {"start_ms": cold_start_ms})


class Results:
    """Every number of every round, and every complaint about a wrong answer."""

    def __init__(self):
        self.rounds = defaultdict(lambda: defaultdict(list))
        self.complaints = []

    def add(self, server, key, numbers):
        complaint = numbers.pop("complaint", "")
        if numbers.get("errors"):
            self.complaints.append(f"WRONG ANSWERS: {server.name}, {key}: {numbers['errors']} of them. {complaint}")
        for name, value in numbers.items():
            self.rounds[f"{key}: {name}"][server.name].append(value)

    def of(self, key):
        return self.rounds[key]


def judge(results):
    def row(part, key, name, unit, is_compared=True):
        return Row(part, name, unit, results.of(key), is_compared)

    rows = []
    for key, title in [("e wrk", "wrk, 64 conns"), ("e wrk checked", "wrk + Lua body check"), ("e load", "load, closed loop")]:
        rows += [row("e", f"{key}: rps", title, "req/s"), row("e", f"{key}: cpu_us", title, "CPU us/req"),
                 row("e", f"{key}: p50_us", title, "p50 us"), row("e", f"{key}: p99_us", title, "p99 us")]
    title = f"load, open loop {OPEN_LOOP_RPS}/s"
    rows += [row("f", f"f open: {name}", title, unit) for name, unit in [
        ("p50_us", "p50 us"), ("p99_us", "p99 us"), ("p999_us", "p99.9 us"), ("max_us", "max us"),
        ("rps", "req/s"), ("cpu_us", "CPU us/req")]]
    for connections in CONNECTION_STEPS:
        title = f"load, closed loop, {connections} conns"
        rows += [row("g", f"g {connections}: cpu_us", title, "CPU us/req"), row("g", f"g {connections}: rps", title, "req/s")]
    growth = Row("g", "CPU/req, 1000 conns over 64", "x", {
        server: [many / few for few, many in zip(results.of("g 64: cpu_us")[server], results.of("g 1000: cpu_us")[server])]
        for server in (YARDSTICK, OURS)}, is_compared=False)
    rss, cold = row("g", "rss: peak_mib", "RSS peak", "MiB"), row("g", "cold: start_ms", "cold start", "ms")
    rows += [growth, rss, cold, row("", "idle: cpu_pct", "idle", "% of a core", False)]
    # How far to trust the rows above; see the README.
    rows += [row("", f"{key}: {name}", f"noise: {title}", unit, False)
             for key, title in [("e load", "closed loop"), ("f open", "open loop")]
             for name, unit in [("waited_pct", "% server waited for its core"), ("generator_cpu_pct", "% load had its core"),
                                ("generator_idle_pct", "% load had nothing to do")]]

    def ratio(key):
        return Row("", "", "", results.of(key)).ratio()

    bars = [
        Bar("e", "requests/s over nginx's, wrk", ratio("e wrk: rps"), ">=", 0.6),
        Bar("e", "requests/s over nginx's, load", ratio("e load: rps"), ">=", 0.6),
        Bar("e", "CPU/request over nginx's, wrk", ratio("e wrk: cpu_us"), "<=", 1.8),
        Bar("e", "CPU/request over nginx's, load", ratio("e load: cpu_us"), "<=", 1.8),
        Bar("f", f"p99 over nginx's at {OPEN_LOOP_RPS}/s", ratio("f open: p99_us"), "<=", 2.0),
        Bar("g", "RSS peak, MiB", rss.median(OURS), "<", 96),
        Bar("g", "CPU/request, 1000 connections over 64", growth.median(OURS), "<", 1.25),
        Bar("g", "cold start, ms", cold.median(OURS), "<", 50),
    ]
    return rows, bars


def doubts(results):
    """Reasons to repeat the run before believing it, from what each side saw of its own core."""
    for server in (YARDSTICK, OURS):
        for key in ("e load", "f open"):
            waited = Row("", "", "", results.of(f"{key}: waited_pct")).median(server)
            had = Row("", "", "", results.of(f"{key}: generator_cpu_pct")).median(server)
            idle = Row("", "", "", results.of(f"{key}: generator_idle_pct")).median(server)
            if waited is not None and waited > 5:
                yield f"{key}: {server} waited {waited:.0f} % of the time for its core: neighbours; trust ratios and CPU/request only"
            if had is not None and had < 95:
                yield f"{key}: against {server}, load had its core {had:.0f} % of the time: neighbours; latencies are too long"
            if idle is not None and idle < 3:
                yield f"{key}: against {server}, load was never idle: requests/s are the generator's ceiling, not the server's"


def print_machine(machine, options):
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, timeout=10).stderr.strip()
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, timeout=10).stdout.split("[")[0].strip()
    print(f"machine   {machine['kernel']}; {machine['cpu_model']}, {machine['cores']} cores, {machine['memory_mib']} MiB; "
          f"load average {machine['load_average']}")
    print(f"programs  {nginx}; {wrk}; ringway: {options.ringway or 'none, nginx alone'} {options.ringway_args if options.ringway else ''}")
    print(f"setup     server on core {options.server_cpu}, load on core {options.load_cpu}; {options.rounds} rounds of {options.seconds} s; "
          f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}", flush=True)


def print_steal(before):
    shares = []
    for cpu, (all_before, stolen_before) in before.items():
        all_after, stolen_after = proc.core_times(cpu)
        shares.append(f"core {cpu} {100 * (stolen_after - stolen_before) / max(1, all_after - all_before):.1f} %")
    print(f"steal     {', '.join(shares)} of the time went to other guests of this host\n")


def print_bars(bars, both):
    print("\nbars" if len(both) == 2 else "\nbars (no ringway: nothing to judge)")
    for bar in bars:
        if bar.is_met() is not None or len(both) < 2:
            print(bar.line())


def write_json(path, machine, results):
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"machine": machine, "rounds": results.rounds, "complaints": results.complaints}, file, indent=1)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def search_path():
    # Debian puts nginx where only root looks.
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def echo_options(options):
    return ["--echo-argument", options.echo_argument] + [word for header in options.header for word in ("--header", header)]


def find_load_binary():
    here = os.path.dirname(os.path.abspath(__file__))
    targets = [os.environ.get("CARGO_TARGET_DIR"), os.path.join(here, "..", "target"), os.path.join(here, "target")]
    paths = [os.path.join(target, "release", "ringway-bench") for target in targets if target]
    return next((os.path.abspath(path) for path in paths if os.path.exists(path)), None)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit code: 0 all bars met (or nginx alone); 1 wrong answers; 2 could not measure; 3 a bar missed")
    parser.add_argument("--ringway", metavar="PATH", help="the program to measure; absent: nginx alone")
    parser.add_argument("--ringway-args", default="serve --shards 1 --cpus {cpu} --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin_port}",
                        help="its arguments; {port}, {admin_port} and {cpu} are filled in (default: %(default)s)")
    parser.add_argument("--load-binary", metavar="PATH", help="ringway-bench; default: the release build beside this file")
    parser.add_argument("--echo-argument", default="text", help="the echo tool's argument (default: %(default)s)")
    parser.add_argument("--header", action="append", default=[], help="one more request header for `load` and wrk, as 'Name: value'")
    parser.add_argument("--only", default="", metavar="LETTERS", help="only these of e, f and g: fewer things in more rounds say more")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement (default: %(default)s)")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--load-cpu", type=int, default=1)
    parser.add_argument("--json-out", metavar="FILE", help="every number of every round")
    options = parser.parse_args()
    options.load_binary = options.load_binary or find_load_binary()
    if not options.load_binary:
        parser.error("no ringway-bench: cargo build --release -p ringway-bench")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds start at 1")
    return options


def stop(number, _frame):
    # SystemExit unwinds through every `finally`, which is where children are ended.
    sys.exit(128 + number)


def run_program(measure):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        sys.exit(measure())
    except (Failed, OSError, subprocess.SubprocessError) as error:
        print(f"\n{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    run_program(main)
