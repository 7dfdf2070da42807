#!/usr/bin/env python3
"""Certificates and keys that change under load, and how soon a revoked key is refused.

    cargo build --release -p ringway
    bench/renewal.py [--seconds 60] [--rate 2000] [--driver ring] [--out FILE]

A server with TLS, API keys and tokens; clients of both kinds call echo at a steady rate, each on a new connection after
some calls. Each second the certificate and its key are replaced, and the file of API keys gets one more and loses one.
Meanwhile a key is made, used on an open connection, and revoked, again and again: told is how long it went on, there and on a
new connection. A failed call, or one with a revoked key after more than a second (--revoked-max), is an error. Needs the `openssl` program.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
START_TIME_MAX_S = 30
# How long a key may take to be known, or to be refused, before it counts as never.
PATIENCE_S = 20

WORKLOAD = """
[load]
rate_rps = {rate}
seconds = {seconds}
warmup_s = 0

[[clients]]
name = "keys"
connections = 16
churn = {{ requests = 200 }}
credentials = [{{ header = "x-api-key", value = "${{RENEWAL_KEY}}" }}]
tls = {{ ca = "{ca}", server_name = "localhost" }}
[[clients.mix]]
operation = "call"

[[clients]]
name = "tokens"
connections = 16
churn = {{ requests = 200 }}
headers = {{ Authorization = "Bearer ${{RENEWAL_TOKEN}}" }}
tls = {{ ca = "{ca}", server_name = "localhost" }}
[[clients.mix]]
operation = "call"
"""


def main():
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="ringway-renewal-") as folder:
        row = renew(Path(folder), options)
    print(json.dumps(row, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(row, indent=1))
    for wrong in row["wrong"]:
        print(f"WRONG: {wrong}")
    return int(bool(row["wrong"]))


def renew(folder, options):
    authority = Authority(folder)
    authority.renew()
    keys = Keys(options.ringway, folder / "keys.json")
    _, steady = keys.create("steady")
    secret = secrets.token_urlsafe(48)
    private(folder / "secret", secret)
    with Server(folder, options) as server:
        renewal, revocation = Renewal(authority, keys), Revocation(server, keys, folder / "ca.pem")
        with renewal, revocation:
            load = run_load(folder, server, options, {"RENEWAL_KEY": steady, "RENEWAL_TOKEN": token(secret)})
    wrong = load.pop("wrong") + renewal.wrong + revocation.wrong
    slow = [took for took in revocation.open_s + revocation.new_s if took > options.revoked_max]
    wrong += [f"a revoked key was taken for {took:.2f} s" for took in slow]
    return {"driver": options.driver, "seconds": options.seconds, "load": load, "certificates": renewal.certificates,
            "key_files": keys.changes, "revoked": summary(revocation), "wrong": wrong}


def summary(revocation):
    told = {"count": len(revocation.open_s)}
    for name, took in (("open_connection", revocation.open_s), ("new_connection", revocation.new_s)):
        told[name] = {"median_s": middle(took), "max_s": round(max(took, default=0), 3)}
    return told


def middle(values):
    return round(sorted(values)[len(values) // 2], 3) if values else None


def run_load(folder, server, options, environment):
    workload = folder / "renewal.toml"
    workload.write_text(WORKLOAD.format(rate=options.rate, seconds=options.seconds, ca=folder / "ca.pem"))
    words = [options.ringway, "bench", "run", str(workload), "--server", f"https://127.0.0.1:{server.port}/mcp", "--no-ceiling", "-o", "json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment)
    try:
        measured = json.loads(done.stdout)["measured"]
    except (ValueError, KeyError):
        return {"wrong": [f"the load did not run: {done.stderr[-2000:]}"]}
    latency = measured["latency"]
    told = {"rps": round(measured["reached_rps"]), "answers": measured["answer_count"],
            **{name: latency[name] for name in ("p50_us", "p99_us", "max_us")}, "errors": measured["errors"]}
    return told | {"wrong": [] if done.returncode == 0 else [f"the load says {measured['errors']}: {done.stderr[-1000:]}"]}


class Server:
    """One shard."""

    def __init__(self, folder, options):
        self.port, self.file = free_port(), folder / "server.log"
        settings = {"auth.keys_file": folder / "keys.json", "io.driver": options.driver,
                    "tls.certificate": folder / "chain.pem", "tls.key": folder / "chain.key"}
        words = [options.ringway, "serve", "--shards", "1", "--listen", f"127.0.0.1:{self.port}", "--admin-listen", "127.0.0.1:0"]
        for key, value in settings.items():
            words += ["--set", f"{key}={value}"]
        environment = os.environ | {"RINGWAY_AUTH__JWT_SECRET_FILE": str(folder / "secret")}
        with open(self.file, "wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)

    def log(self):
        return self.file.read_text(errors="replace")

    def __enter__(self):
        deadline = time.monotonic() + START_TIME_MAX_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        sys.exit(f"renewal.py: the server did not start: {self.log()[-2000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


class Authority:
    """Issues certificates, as an ACME client would: a new key for each."""

    def __init__(self, folder):
        self.folder, self.number = folder, 0
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                     "-days", "2", "-subj", "/CN=renewal authority")
        (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")

    def renew(self):
        self.number += 1
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "next.key", "-out", "next.csr",
                     "-subj", f"/CN=renewal {self.number}")
        self.openssl("x509", "-req", "-in", "next.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", str(self.number), "-days", "1",
                     "-extfile", "names", "-out", "next.pem")
        (self.folder / "next.key").chmod(0o600)
        # One after the other: a server that looks between them finds a key of another certificate, and waits.
        os.replace(self.folder / "next.pem", self.folder / "chain.pem")
        os.replace(self.folder / "next.key", self.folder / "chain.key")

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Keys:
    def __init__(self, ringway, file):
        self.ringway, self.file, self.changes = ringway, file, 0
        # `ringway keys` waits for another for ten seconds, which a busy disk may take for its part.
        self.turn = threading.Lock()

    def create(self, name):
        made = json.loads(self.run("create", "--name", name, "-o", "json"))
        return made["id"], made["key"]

    def revoke(self, identifier):
        self.run("revoke", identifier)

    def run(self, verb, *words):
        words = [self.ringway, "keys", verb, "--file", str(self.file), *words]
        with self.turn:
            self.changes += 1
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"ringway keys {verb}: {done.stderr}")
        return done.stdout


class Thread:
    """Something that goes on while the load does."""

    def __init__(self):
        self.wrong, self.is_over = [], threading.Event()
        self.thread = threading.Thread(target=self.guarded)

    def guarded(self):
        try:
            self.run()
        except Exception as error:
            self.wrong.append(f"{type(self).__name__}: {error!r}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


class Renewal(Thread):
    def __init__(self, authority, keys):
        super().__init__()
        self.authority, self.keys, self.certificates = authority, keys, 0

    def run(self):
        last, due = None, time.monotonic()
        while not self.is_over.wait(max(due - time.monotonic(), 0)):
            due += 1
            self.authority.renew()
            self.certificates += 1
            made, _ = self.keys.create(f"renewed {self.certificates}")
            if last:
                self.keys.revoke(last)
            last = made


class Revocation(Thread):
    """Makes a key, uses it, revokes it, and counts how long it is taken after."""

    def __init__(self, server, keys, authority):
        super().__init__()
        self.server, self.keys = server, keys
        self.context = ssl.create_default_context(cafile=str(authority))
        self.open_s, self.new_s = [], []

    def run(self):
        while not self.is_over.is_set():
            identifier, key = self.keys.create("short-lived")
            kept = self.connect()
            self.until(200, lambda: self.status(kept, key))
            self.keys.revoke(identifier)
            began = time.monotonic()
            watched = {"new": None}

            def watch_new():
                self.until(401, lambda: self.status_of_new(key))
                watched["new"] = time.monotonic() - began

            other = threading.Thread(target=watch_new)
            other.start()
            self.until(401, lambda: self.status(kept, key))
            self.open_s.append(time.monotonic() - began)
            other.join()
            if watched["new"] is not None:
                self.new_s.append(watched["new"])
            kept.close()

    def until(self, want, ask):
        deadline = time.monotonic() + PATIENCE_S
        while (status := ask()) != want:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{PATIENCE_S} s on the answer is {status} and not {want}")
            time.sleep(0.005)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=10, context=self.context)

    def status_of_new(self, key):
        connection = self.connect()
        try:
            return self.status(connection, key)
        finally:
            connection.close()

    def status(self, connection, key):
        connection.request("GET", "/tools", headers={"X-API-Key": key})
        answer = connection.getresponse()
        answer.read()
        return answer.status


def token(secret):
    def characters(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    now = int(time.time())
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": "renewal", "iat": now, "exp": now + 24 * 3600})
    signed = ".".join(characters(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{characters(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def private(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=2000, help="calls a second, half of them with a key, half with a token")
    parser.add_argument("--revoked-max", type=float, default=1.0, metavar="SECONDS", help="how long a revoked key may be taken")
    parser.add_argument("--driver", choices=["ring", "glommio"], default="ring")
    parser.add_argument("--ringway", default=str(RELEASE / "ringway"), metavar="PROGRAM")
    parser.add_argument("--out", metavar="FILE", help="also write the figures to this file, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
