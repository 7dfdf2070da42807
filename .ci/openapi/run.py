#!/usr/bin/env python3
"""Holds a running server to its own OpenAPI document, with other people's programs; README.md has the list.

    run.py --url http://127.0.0.1:PORT

Start reading at `main`.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
STEP_SECONDS_MAX = 120
# Requests of one tool in each of schemathesis's phases: enough to find what is found at all, in seconds.
EXAMPLES_MAX = 100


def main():
    parser = argparse.ArgumentParser(description="Holds a running server to its OpenAPI document.")
    parser.add_argument("--url", type=loopback_url, required=True, help="the server, on loopback")
    url = parser.parse_args().url.rstrip("/")
    programs = installed() / "bin"
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        document = Path(home) / "openapi.json"
        # Post hooks would need a formatter, and nobody reads this client.
        config = Path(home) / "config.yaml"
        config.write_text("post_hooks: []\npackage_name_override: generated\n")
        python = programs / "python"
        generate = [programs / "openapi-python-client", "generate", "--meta", "none", "--fail-on-warning"]
        steps = {
            "fetch": [python, HERE / "fetch.py", url, document],
            "openapi-spec-validator": [programs / "openapi-spec-validator", document],
            "generate a client": [
                *generate, "--config", config, "--path", document, "--output-path", Path(home) / "generated"
            ],
            "call every tool by the generated client": [python, HERE / "calls.py", url, document],
            "load and call as an agent's tools": [python, HERE / "agent.py", url, document],
            "schemathesis": [
                programs / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json",
                "--checks", "all", "--max-examples", str(EXAMPLES_MAX), "--generation-deterministic", "--no-color",
            ],
        }  # fmt: skip
        for name, command in steps.items():
            failed += not run(name, command, home)
    print(f"{len(steps) - failed} passed, {failed} failed")
    return 1 if failed else 0


def loopback_url(url):
    if urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise argparse.ArgumentTypeError("not on loopback")
    return url


def run(name, command, home):
    """Runs one step in a home that is thrown away; says whether it went well."""
    start = time.monotonic()
    # Not the caller's environment: these are other people's programs, and get neither secrets nor a proxy from it.
    environment = {"HOME": home, "LANG": "C.UTF-8", "PATH": os.environ["PATH"], "PYTHONPATH": home}
    try:
        done = subprocess.run(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=STEP_SECONDS_MAX, check=False,
        )  # fmt: skip
        trouble, output = done.returncode and f"status {done.returncode}", done.stdout
    except subprocess.TimeoutExpired as late:
        trouble, output = f"not done after {STEP_SECONDS_MAX} s", late.stdout or b""
    took = f"{time.monotonic() - start:.1f}s"
    print(f"FAIL {name}  {took}  {trouble}" if trouble else f"ok   {name}  {took}", flush=True)
    if trouble:
        lines = output.decode(errors="replace").splitlines()
        print("".join(f"     | {line}\n" for line in lines), end="", flush=True)
    return not trouble


def installed():
    """Gives the virtual environment for these requirements, made if it is not there."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringway-ci"
    cache = Path(os.environ.get("RINGWAY_CI_CACHE") or default).resolve() / "openapi"
    cache.mkdir(parents=True, exist_ok=True)
    requirements = HERE / "requirements.txt"
    # The interpreter is an input as well: the environment points to it.
    digest = hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()[:12]
    directory = cache / f"python-{digest}"
    # Two runs on one machine share the cache, and the second waits for the first.
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "ready").exists():
            print(f"installing {requirements.name}", flush=True)
            shutil.rmtree(directory, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", directory], check=True)
            pip = [directory / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
            subprocess.run([*pip, "--only-binary=:all:", "--requirement", requirements], check=True)
            (directory / "ready").touch()
    return directory


if __name__ == "__main__":
    sys.exit(main())
