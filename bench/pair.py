#!/usr/bin/env python3
"""Two Ringways on the same core, in interleaved rounds: another build, or the same with other options.

    bench/pair.py --a 'old/ringway serve' --b 'target/release/ringway serve'
    bench/pair.py --a 'target/release/ringway serve --set access_log.enabled=false' --b 'target/release/ringway serve'

Where they listen and on which core is added to each command. START HERE; what is measured is in `measure_round`.
Uses the standard library only; loopback only; ends only what it started.
"""

import argparse
import shlex
import sys

sys.dont_write_bytecode = True  # a benchmark leaves nothing in the source tree

from serve import (CONNECTIONS, OPEN_LOOP_RPS, Results, echo_options, echo_request, find_load_binary, print_machine,
                   print_steal, progress, run_program, with_children)
from side_by_side import clients as client_side, proc, servers
from side_by_side.table import OURS, YARDSTICK, Row, number, show

WHERE = " --shards 1 --cpus {cpu} --listen 127.0.0.1:{port} --admin-listen 127.0.0.1:{admin_port}"


def main():
    return with_children(parse_options(), compare)


def compare(options, machine, children):
    request = echo_request(options)
    # The table's columns are named for the two of `serve.py`; here they are A and B.
    both = []
    for name, line in ((YARDSTICK, options.a), (OURS, options.b)):
        path, *words = shlex.split(line)
        server = servers.ringway(children, options.server_cpu, path, shlex.join(words) + WHERE)
        server.column = name
        both.append(server)
    clients = client_side.Clients(children, options.load_cpu, options.load_binary, echo_options(options), options.seconds, request)
    print(f"A         {options.a}\nB         {options.b}")
    print_machine(machine, options)
    before = {cpu: proc.core_times(cpu) for cpu in (options.server_cpu, options.load_cpu)}
    results = Results()
    for round_index in range(options.rounds):
        order = both if round_index % 2 == 0 else both[::-1]
        measure_round(options, results, request, clients, order, round_index)
    print_steal(before)
    rows = []
    for key, title in [("wrk", "wrk, 64 conns"), ("load", "load, closed loop"), ("open", f"open loop {OPEN_LOOP_RPS}/s")]:
        rows += [Row("", title, unit, results.of(f"{key}: {name}")) for name, unit in
                 [("rps", "req/s"), ("cpu_us", "CPU us/req"), ("p50_us", "p50 us"), ("p99_us", "p99 us")]]
    show(rows)
    print(f"\nA is the column {YARDSTICK}, B the column {OURS}; B over A: "
          f"{number(rows[0].ratio())} x the requests/s (wrk), {number(rows[4].ratio())} x (load)")
    for complaint in results.complaints:
        print(complaint)
    return 1 if results.complaints else 0


def measure_round(options, results, request, clients, order, round_index):
    # One at a time: a second shard on the same core, even idle, would be a neighbour.
    for server in order:
        server.start(request)
        try:
            clients.load(server, CONNECTIONS, seconds=min(1, options.seconds))
            for key, run in [("wrk", lambda: clients.wrk(server, CONNECTIONS, checks_bodies=False)),
                             ("load", lambda: clients.load(server, CONNECTIONS)),
                             ("open", lambda: clients.load(server, CONNECTIONS, rate_rps=OPEN_LOOP_RPS))]:
                progress(f"round {round_index + 1}/{options.rounds}: {key}: {server.column}")
                numbers = run()
                server.name, name = server.column, server.name
                results.add(server, key, numbers)
                server.name = name
        finally:
            server.stop()
    progress("")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--a", required=True, metavar="COMMAND", help="the first, like 'old/ringway serve'")
    parser.add_argument("--b", required=True, metavar="COMMAND", help="the second")
    parser.add_argument("--load-binary", metavar="PATH", help="ringway-bench; default: the release build beside this file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement (default: %(default)s)")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--load-cpu", type=int, default=1)
    options = parser.parse_args()
    options.load_binary = options.load_binary or find_load_binary()
    if not options.load_binary:
        parser.error("no ringway-bench: cargo build --release -p ringway-bench")
    options.echo_argument, options.header = "text", []
    options.ringway, options.ringway_args = "A and B", ""
    return options


if __name__ == "__main__":
    run_program(main)
