#!/usr/bin/env python3
"""Does what the README says, as a newcomer would: runs its code blocks against a server and compares what they print.

    readme.py --ringway target/release/ringway [--python PYTHON] [--node NODE --modules DIR]

A block runs when its fence says `sh run`, `python run`, `js run` or `promql run`; a `json` block right behind it is what it
must print, and of a `text` block each line must be there. Each line of promql must find something in a Prometheus that
scrapes the server. Addresses in the README are replaced by the server's own. Blocks of one heading share a directory. What
is documented and not run here is not checked: prefer to run it. START HERE: `main`. Loopback only; ends what it started.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK_SECONDS_MAX = 60
START_SECONDS_MAX = 20
FAULT_CHARS_MAX = 4000
# Two scrapes apart, so that rates have something to go by.
SCRAPE_SECONDS = 1
FENCE = re.compile(r"^```(\w+)( run)?[^\n]*\n(.*?)^```$", re.M | re.S)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringway", required=True, type=Path, help="the program")
    parser.add_argument("--python", default=sys.executable, help="one that has the package mcp")
    parser.add_argument("--node", default="node")
    parser.add_argument("--modules", type=Path, help="a node_modules with @modelcontextprotocol/client")
    options = parser.parse_args()
    if not shutil.which("prometheus"):
        parser.error("prometheus is not on the PATH")
    with tempfile.TemporaryDirectory(prefix="ringway-readme-") as directory:
        started = []
        try:
            serve(options, Path(directory), started)
            scrape(options, Path(directory), started)
            return check(options, Path(directory))
        finally:
            for child in started:
                child.terminate()
                child.wait(timeout=START_SECONDS_MAX)


def serve(options, directory, started):
    """A server as the README's first command starts one, with the older systems' metrics besides."""
    options.url, options.admin = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    command = [options.ringway.resolve(), "serve", "--listen", options.url[7:], "--admin-listen", options.admin[7:],
               "--set", "metrics.compatibility=enterprise,mcpo"]
    with open(directory / "ringway.log", "w") as log:
        started.append(subprocess.Popen(command, cwd=directory, stdout=log, stderr=log))
    wait_for(f"{options.url}/readyz", directory / "ringway.log")


def scrape(options, directory, started):
    (options.prometheus,) = (f"http://127.0.0.1:{port}" for port in free_ports(1))
    target = options.url[7:]
    (directory / "prometheus.yml").write_text(
        f"global: {{ scrape_interval: {SCRAPE_SECONDS}s }}\n"
        f"scrape_configs: [{{ job_name: ringway, static_configs: [{{ targets: ['{target}'] }}] }}]\n")
    command = ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb",
               f"--web.listen-address={options.prometheus[7:]}", "--log.level=warn"]
    with open(directory / "prometheus.log", "w") as log:
        started.append(subprocess.Popen(command, stdout=log, stderr=log))
    wait_for(f"{options.prometheus}/-/ready", directory / "prometheus.log")


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def wait_for(url, log):
    give_up = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return urllib.request.urlopen(url, timeout=2).read()
        except OSError as not_yet:
            if time.monotonic() > give_up:
                sys.exit(f"{url}: {not_yet}\n{log.read_text()}")
            time.sleep(0.1)


def check(options, directory):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    failed = ran = 0
    for heading, section in sections(text):
        home = directory / ("home-" + re.sub(r"\W+", "-", heading))
        home.mkdir()
        blocks = list(FENCE.finditer(section))
        for index, block in enumerate(blocks):
            language, runs, code = block.groups()
            if not runs:
                continue
            ran += 1
            follower = blocks[index + 1] if index + 1 < len(blocks) else None
            if follower and section[block.end():follower.start()].strip():
                follower = None
            fault = query(options, code) if language == "promql" else run(options, language, code, follower, home)
            print(f"{'FAIL' if fault else 'ok  '} {heading}: {code.strip().splitlines()[0][:90]}")
            if fault:
                failed += 1
                print(fault if len(fault) < FAULT_CHARS_MAX else f"{fault[:FAULT_CHARS_MAX]}…")
    print(f"{ran} blocks ran, {failed} failed")
    return 1 if failed or not ran else 0


def query(options, lines):
    """Queries that find nothing; a rate has something to go by after some scrapes."""
    open_queries = [line for line in lines.splitlines() if line.strip() and not line.startswith("#")]
    give_up = time.monotonic() + START_SECONDS_MAX
    while open_queries and time.monotonic() < give_up:
        # Rates need calls between scrapes.
        call = urllib.request.Request(f"{options.url}/tools/echo", data=b'{"text":"x"}')
        call.add_header("Content-Type", "application/json")
        urllib.request.urlopen(call, timeout=5).read()
        time.sleep(SCRAPE_SECONDS)
        open_queries = [line for line in open_queries if not finds(options, line)]
    return "these find nothing:\n" + "\n".join(open_queries) if open_queries else None


def finds(options, line):
    address = f"{options.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': line})}"
    try:
        answer = json.load(urllib.request.urlopen(address, timeout=5))
    except urllib.error.HTTPError as error:
        sys.exit(f"{line}: {error.read().decode()}")
    return any(sample["value"][1] != "NaN" for sample in answer["data"]["result"])


def sections(text):
    for part in re.split(r"^(?=##? )", text, flags=re.M):
        yield part.split("\n", 1)[0].lstrip("# "), part


def run(options, language, code, follower, directory):
    """What is wrong with a block, or nothing."""
    code = code.replace("http://127.0.0.1:9999", options.url).replace("http://127.0.0.1:9990", options.admin)
    code = code.replace("127.0.0.1:9999", options.url.split("//")[1])
    environment = {"HOME": str(directory), "PATH": f"{options.ringway.resolve().parent}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
    if language == "sh":
        command = ["bash", "-euo", "pipefail", "-c", code]
    elif language == "python":
        command = [options.python, "-c", code]
    else:
        # Node looks for packages beside the script that imports them.
        (directory / "node_modules").exists() or (directory / "node_modules").symlink_to(options.modules.resolve())
        (directory / "first.mjs").write_text(code)
        command = [options.node, directory / "first.mjs"]
    try:
        done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=BLOCK_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return f"it did not end in {BLOCK_SECONDS_MAX} s"
    printed = done.stdout.strip()
    if done.returncode:
        return f"it exits with {done.returncode}:\n{printed}\n{done.stderr.strip()}"
    if follower and follower.group(1) == "json":
        return mismatch(follower.group(3), printed)
    if follower and follower.group(1) == "text":
        missing = [line for line in follower.group(3).strip().splitlines() if line.strip() not in printed]
        return f"it prints\n{printed}\nwithout\n" + "\n".join(missing) if missing else None
    return None if printed else "it prints nothing"


def mismatch(wanted, printed):
    try:
        if json.loads(printed) == json.loads(wanted):
            return None
    except ValueError as error:
        return f"it prints no JSON ({error}):\n{printed}"
    return f"it prints\n{printed}\nand the README says\n{wanted.strip()}"


if __name__ == "__main__":
    sys.exit(main())
