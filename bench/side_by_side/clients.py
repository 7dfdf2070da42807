"""Runs a client against a server and turns what both did into numbers. Never compares servers."""

import json
import os
import time

from .children import Failed
from .proc import Usage

HERE = os.path.dirname(os.path.abspath(__file__))
# A client gets its run time, warm-up and drain, and then this much for a machine that stands still.
CLIENT_WAIT_S = 30
WARMUP_S = 0.5


class Clients:
    def __init__(self, children, cpu, load_binary, echo_options, seconds, request):
        self.children, self.cpu, self.load_binary = children, cpu, load_binary
        self.echo_options, self.seconds, self.request = echo_options, seconds, request
        self.lua_path = os.path.join(HERE, "wrk_echo.lua")
        self.request_path = os.path.join(children.directory, "request.http")
        with open(self.request_path, "wb") as file:
            file.write(request.raw)

    def load(self, server, connections, rate_rps=None, seconds=None):
        """Our own `ringway-bench load`: every answer checked, latency from due."""
        command = [self.load_binary, "load", "--addr", f"127.0.0.1:{server.port}", "--preset", "echo-modern", "--json",
                   "--connections", str(connections), "--seconds", str(seconds or self.seconds),
                   "--warmup-s", str(WARMUP_S), "--cpu", str(self.cpu), *self.echo_options]
        if rate_rps:
            command += ["--rate", str(rate_rps)]
        if server.name == "nginx":
            # A constant cannot carry the counter; all else is checked alike.
            command += ["--expect-body-contains", '"result"', "--expect-body-contains", self.request.text_tail,
                        "--expect-body-bytes", str(len(server.first_answer))]
        exit_code, output, usage = self.measure(server, "load", command, (seconds or self.seconds) + WARMUP_S)
        if exit_code not in (0, 1):
            raise Failed(f"load against {server.name}: exit code {exit_code}:\n{output[-2000:]}")
        report, _, complaint = output.partition("\n")
        numbers = json.loads(report)
        return {
            "rps": numbers["reached_rps"],
            "p50_us": numbers["latency_us_p50"],
            "p99_us": numbers["latency_us_p99"],
            "p999_us": numbers["latency_us_p999"],
            "max_us": numbers["latency_us_max"],
            "generator_idle_pct": numbers["generator_idle_ratio"] * 100,
            "generator_cpu_pct": numbers["generator_cpu_ratio"] * 100,
            "errors": numbers["error_count"],
            "complaint": complaint.strip(),
            **usage(numbers["answer_count"]),
        }

    def wrk(self, server, connections, checks_bodies):
        """wrk counts statuses by itself; looking at each body costs it a Lua call per answer, so that is a run apart."""
        body_path = os.path.join(self.children.directory, f"{server.name}.body")
        with open(body_path, "wb") as file:
            file.write(server.first_answer)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(self.seconds))}s", "--timeout", "10s", "-s", self.lua_path,
                   f"http://127.0.0.1:{server.port}/"]
        environment = {"WRK_REQUEST": self.request_path, "WRK_BODY": body_path if checks_bodies else ""}
        exit_code, output, usage = self.measure(server, "wrk", command, self.seconds, environment)
        report = next((line for line in output.splitlines() if line.startswith("{")), None)
        if exit_code != 0 or report is None:
            raise Failed(f"wrk against {server.name}: exit code {exit_code}:\n{output[-2000:]}")
        numbers = json.loads(report)
        return {
            "rps": numbers["requests"] / numbers["duration_us"] * 1e6,
            "p50_us": numbers["p50_us"],
            "p99_us": numbers["p99_us"],
            "errors": numbers["errors"] + numbers["wrong"],
            "complaint": numbers["first_wrong"],
            **usage(numbers["requests"]),
        }

    def measure(self, server, name, command, seconds, environment=None):
        """Runs the client, and says what the server's processes spent meanwhile, connecting and warm-up included, as
        the requests they are divided by include them."""
        before, began = Usage(server.child.pid), time.monotonic()
        exit_code, output = self.children.run(name, command, self.cpu, seconds + CLIENT_WAIT_S, environment)
        after, ended = Usage(server.child.pid), time.monotonic()
        server.check_alive()

        def usage(requests):
            return {
                "cpu_us": (after.ran_ns - before.ran_ns) / 1e3 / max(1, requests),
                "waited_pct": (after.waited_ns - before.waited_ns) / 1e7 / (ended - began),
            }

        return exit_code, output, usage


def idle_pct(server, seconds=1.0):
    """CPU of a server nobody calls, in percent of a core."""
    before = Usage(server.child.pid)
    time.sleep(seconds)
    return (Usage(server.child.pid).ran_ns - before.ran_ns) / 1e7 / seconds
