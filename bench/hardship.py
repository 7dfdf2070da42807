#!/usr/bin/env python3
"""What clients can do to a shard's sockets, in figures: on the ring, and on glommio's own sockets.

    cargo build --release -p ringway
    bench/hardship.py [--driver ring] [--only churn,idle] [--scale 0.1] [--out FILE]

Each hardship has a server of its own: one shard on core 0, clients on core 1, and a witness that calls echo each 5 ms all
the while. Told are what became of the clients, how late the witness's answers came, and what the server held before and
after: descriptors, connections, resident memory. A descriptor or a connection that stays, or a wrong answer, is an error.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
RINGWAY = os.path.join(RELEASE, "ringway")
VERSION = "2026-07-28"
RESET = struct.pack("ii", 1, 0)
START_TIME_MAX_S = 10
# How long the server may take to let go of what has ended: it looks after connections each 4 s.
SETTLE_TIME_MAX_S = 12


def main():
    options = parse_options()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows, is_wrong = [], False
    for name in options.only:
        for driver in options.driver:
            print(f"{name} on {driver} ...", file=sys.stderr, flush=True)
            row = suffer(name, driver, options.scale)
            rows.append(row)
            is_wrong |= bool(row["wrong"])
            print("  ", json.dumps(row), file=sys.stderr, flush=True)
    show(rows)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return int(is_wrong)


def suffer(name, driver, scale):
    hardship, flags, descriptors_max = HARDSHIPS[name]
    with Server(driver, flags, descriptors_max) as server:
        # One of each kind before: what is kept for the next is no leak.
        hardship(server, min(scale, 0.01))
        server.settle()
        before = server.held()
        with Witness(server) as witness:
            began, cpu_began = time.monotonic(), server.cpu_s()
            told = hardship(server, scale)
            took, cpu = time.monotonic() - began, server.cpu_s() - cpu_began
        most_mib = server.peak_mib()
        server.settle()
        after = server.held()
    wrong = list(told.pop("wrong", []))
    if after["descriptors"] > before["descriptors"] or after["connections"] > before["connections"]:
        wrong.append(f"left behind: {before} became {after}")
    wrong += witness.wrong
    return {"hardship": name, "driver": driver, "told": told, "took_s": round(took, 1), "cpu_ratio": round(cpu / took, 2),
            "witness": witness.summary(), "before": before, "after": after, "peak_mib": most_mib, "wrong": wrong}


class Server:
    """One shard on core 0."""

    def __init__(self, driver, flags, descriptors_max):
        self.port, self.admin = free_port(), free_port()
        words = [RINGWAY, "serve", "--listen", f"127.0.0.1:{self.port}", "--admin-listen", f"127.0.0.1:{self.admin}", "--cpus", "0",
                 "--set", f"io.driver={driver}", *flags]

        def bounded():
            os.sched_setaffinity(0, {0})
            if descriptors_max:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors_max, descriptors_max))

        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=bounded)

    def __enter__(self):
        deadline = time.monotonic() + START_TIME_MAX_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.connect().close()
                return self
            time.sleep(0.02)
        self.process.kill()
        sys.exit("hardship.py: the server did not start; is it built?")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def connect(self, receive_bytes=None):
        one = socket.socket()
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        one.settimeout(30)
        one.connect(("127.0.0.1", self.port))
        return one

    def status(self):
        with socket.create_connection(("127.0.0.1", self.admin), 30) as one:
            one.sendall(f"GET /status HTTP/1.1\r\nHost: 127.0.0.1:{self.admin}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: one.recv(65536), b""))
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def held(self):
        return {"descriptors": len(os.listdir(f"/proc/{self.process.pid}/fd")), "connections": self.status()["connections"],
                "resident_mib": self.memory("VmRSS")}

    def settle(self):
        """Waits until what can end has ended: its descriptors are as few as they were for a while."""
        deadline, fewest, since = time.monotonic() + SETTLE_TIME_MAX_S, None, 0
        while time.monotonic() < deadline:
            count = len(os.listdir(f"/proc/{self.process.pid}/fd"))
            if fewest is None or count < fewest:
                fewest, since = count, time.monotonic()
            if time.monotonic() - since > 5:
                return
            time.sleep(0.1)

    def peak_mib(self):
        return self.memory("VmHWM")

    def memory(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return round(int(re.search(rf"{name}:\s+(\d+)", file.read())[1]) / 1024, 1)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    """One connection that reads answers."""

    def __init__(self, server, text="hardship", receive_bytes=None):
        self.socket, self.rest, self.text, self.number = server.connect(receive_bytes), b"", text, 0
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self):
        self.number += 1
        return request(self.number, self.text)

    def answer(self):
        """The next answer's status and body; raises at the end."""
        while b"\r\n\r\n" not in self.rest:
            self.read()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(self.rest) < length:
            self.read()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head.split(b" ", 2)[1]), body

    def read(self):
        came = self.socket.recv(262144)
        if not came:
            raise ConnectionError("the server ended the connection")
        self.rest += came

    def expect(self, number):
        status, body = self.answer()
        if status != 200 or not is_right(body, number, self.text):
            raise ValueError(f"call {number} was answered {status} {body[:200]!r}")

    def call(self):
        self.socket.sendall(self.request())
        self.expect(self.number)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


def request(number, text):
    params = {"name": "echo", "arguments": {"text": text},
              "_meta": {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}}
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode()
    head = (f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {VERSION}\r\nMcp-Method: tools/call\r\n"
            f"Mcp-Name: echo\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def is_right(body, number, text):
    answer = json.loads(body)
    return answer["id"] == number and answer["result"]["content"][0]["text"] == text


class Witness:
    """Somebody else's calls, one each 5 ms."""

    def __init__(self, server):
        self.client, self.times_ms, self.wrong, self.is_over = Client(server, "witness"), [], [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.is_over.wait(0.005):
                began = time.perf_counter()
                self.client.call()
                self.times_ms.append((time.perf_counter() - began) * 1e3)
        except (OSError, ValueError) as error:
            self.wrong.append(f"the witness: {error}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.client.socket.close()

    def summary(self):
        times = sorted(self.times_ms)
        return {"calls": len(times), **{f"p{share}_ms": round(times[len(times) * share // 100], 2) for share in (50, 99) if times}}


def churn(server, scale):
    """A third ends orderly, a third by a reset with the answer on its way, a third in the middle of a request."""
    count = int(100_000 * scale)
    one = request(1, "hardship")
    for number in range(count):
        client = Client(server)
        if number % 3 == 0:
            client.call()
            client.socket.close()
        elif number % 3 == 1:
            client.socket.sendall(one)
            client.reset()
        else:
            client.socket.sendall(one[:len(one) // 2])
            client.socket.close()
    return {"connections": count}


def idle(server, scale):
    """Connections that were used once and say nothing."""
    before = server.memory("VmRSS")
    clients = [Client(server) for _ in range(int(10_000 * scale))]
    for client in clients:
        client.call()
    held, cpu_began = server.memory("VmRSS"), server.cpu_s()
    time.sleep(5)
    cpu = server.cpu_s() - cpu_began
    for client in clients:
        client.call()
        client.socket.close()
    return {"connections": len(clients), "KiB_each": round((held - before) * 1024 / max(len(clients), 1), 1),
            "cpu_ratio_while_idle": round(cpu / 5, 3)}


def few_buffers(server, scale):
    """256 clients and sixteen receive buffers."""
    words = [RINGWAY, "bench", "run", "echo", "--server", f"http://127.0.0.1:{server.port}", "--connections", "256", "--cpus", "1",
             "--seconds", str(max(10 * scale, 0.5)), "--no-ceiling", "-o", "json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    measured = json.loads(done.stdout)["measured"]
    return {"rps": round(measured["reached_rps"]), "p99_us": measured["latency"]["p99_us"], "max_us": measured["latency"]["max_us"],
            "wrong": [] if done.returncode == 0 else [f"the load says {measured['errors']}"]}


def few_descriptors(server, scale):
    """Twice as many connections as there are descriptors, for some seconds."""
    count = int(400 * max(scale, 0.2))
    sockets = []
    for _ in range(count):
        with contextlib.suppress(OSError):
            one = socket.socket()
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.connect(("127.0.0.1", server.port))
            sockets.append(one)
    time.sleep(0.2)
    cpu_began = server.cpu_s()
    time.sleep(max(3 * scale, 0.2))
    cpu = (server.cpu_s() - cpu_began) / max(3 * scale, 0.2)
    for one in sockets:
        one.close()
    time.sleep(1)
    client = Client(server)
    for _ in range(100):
        client.call()
    client.socket.close()
    return {"connections": count, "cpu_ratio_while_short": round(cpu, 3)}


def slow_readers(server, scale):
    """Clients that ask and do not read; then half read everything, half end by a reset."""
    # What they take unread is little, so that the server is held up and not the kernel.
    clients = [Client(server, "s" * 1000, receive_bytes=32768) for _ in range(max(int(20 * scale), 2))]
    calls = 8_000
    stuck = []
    for client in clients:
        whole = b"".join(client.request() for _ in range(calls))
        client.socket.setblocking(False)
        gone = 0
        deadline = time.monotonic() + 0.2
        while gone < len(whole) and time.monotonic() < deadline:
            try:
                gone += client.socket.send(whole[gone:gone + 262144])
            except BlockingIOError:
                time.sleep(0.005)
        stuck.append((client, whole[gone:]))
    held = server.memory("VmRSS")
    time.sleep(2 * scale)
    wrong = []
    for number, (client, rest) in enumerate(stuck):
        if number % 2:
            client.reset()
            continue
        client.socket.settimeout(30)
        writer = threading.Thread(target=client.socket.sendall, args=(rest,))
        writer.start()
        try:
            for call in range(1, calls + 1):
                client.expect(call)
        except (OSError, ValueError) as error:
            wrong.append(f"a slow reader: {error}")
        writer.join()
        client.socket.close()
    still = sum(bool(rest) for _, rest in stuck)
    return {"clients": len(clients), "held_up": still, "resident_mib_while_stuck": held, "wrong": wrong}


def byte_by_byte(server, scale):
    clients = [Client(server) for _ in range(20)]
    calls = max(int(10 * scale), 1)
    for _ in range(calls):
        whole = [client.request() for client in clients]
        for at in range(max(map(len, whole))):
            for client, one in zip(clients, whole):
                client.socket.sendall(one[at:at + 1])
        for client in clients:
            client.expect(client.number)
    for client in clients:
        client.socket.close()
    return {"clients": len(clients), "calls": calls * len(clients)}


def deep_pipelines(server, scale):
    clients = [Client(server) for _ in range(20)]
    rounds = max(int(20 * scale), 1)
    for _ in range(rounds):
        for client in clients:
            client.socket.sendall(b"".join(client.request() for _ in range(500)))
        for client in clients:
            for number in range(client.number - 499, client.number + 1):
                client.expect(number)
    for client in clients:
        client.socket.close()
    return {"clients": len(clients), "calls": rounds * 500 * len(clients)}


# What to do, flags of the server, its descriptors.
HARDSHIPS = {
    "churn": (churn, [], None),
    "idle": (idle, [], None),
    "few-buffers": (few_buffers, ["--set", "io.receive_bytes=65536"], None),
    "few-descriptors": (few_descriptors, [], 200),
    "slow-readers": (slow_readers, [], None),
    "byte-by-byte": (byte_by_byte, [], None),
    "deep-pipelines": (deep_pipelines, [], None),
}


def show(rows):
    print("| hardship | on | what | witness p50, p99 ms | CPU | descriptors | resident, peak MiB |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        told = ", ".join(f"{name} {value:,}" for name, value in row["told"].items())
        witness, before, after = row["witness"], row["before"], row["after"]
        print(f"| {row['hardship']} | {row['driver']} | {told}, {row['took_s']} s | {witness.get('p50_ms')}, {witness.get('p99_ms')} "
              f"| {row['cpu_ratio']} | {before['descriptors']} to {after['descriptors']} "
              f"| {before['resident_mib']} to {after['resident_mib']}, {row['peak_mib']} |")
        for wrong in row["wrong"]:
            print(f"WRONG: {row['hardship']} on {row['driver']}: {wrong}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda known: lambda text: [word if word in known else sys.exit(f"hardship.py: no {word}; there are {', '.join(known)}")
                                        for word in text.split(",")]
    parser.add_argument("--driver", type=words(["ring", "glommio"]), default=["glommio", "ring"])
    parser.add_argument("--only", type=words(HARDSHIPS), default=list(HARDSHIPS))
    parser.add_argument("--scale", type=float, default=1, help="so much of everything")
    parser.add_argument("--out", metavar="FILE", help="also write the rows to this file, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
