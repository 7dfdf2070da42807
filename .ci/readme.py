#!/usr/bin/env python3
"""Does what the README says, as a newcomer would: runs its code blocks against a server and compares what they print.

    readme.py --url http://127.0.0.1:PORT --admin http://127.0.0.1:PORT --bin DIRECTORY [--python PYTHON] [--node NODE --modules DIR]

A block runs when its fence says `sh run`, `python run` or `js run`; a `json` block right behind it is what it must print,
and of a `text` block each line must be there. Addresses in the README are replaced by the server's own. Blocks of one
heading share a directory. What is documented and not run here is not checked: prefer to run it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK_SECONDS_MAX = 60
FENCE = re.compile(r"^```(\w+)( run)?[^\n]*\n(.*?)^```$", re.M | re.S)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where the README's 127.0.0.1:9999 is")
    parser.add_argument("--admin", required=True, help="where the README's 127.0.0.1:9990 is")
    parser.add_argument("--bin", required=True, type=Path, help="where the program ringway is")
    parser.add_argument("--python", default=sys.executable, help="one that has the package mcp")
    parser.add_argument("--node", default="node")
    parser.add_argument("--modules", type=Path, help="a node_modules with @modelcontextprotocol/client")
    options = parser.parse_args()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    failed = ran = 0
    for heading, section in sections(text):
        with tempfile.TemporaryDirectory(prefix="ringway-readme-") as directory:
            blocks = list(FENCE.finditer(section))
            for index, block in enumerate(blocks):
                language, runs, code = block.groups()
                if not runs:
                    continue
                ran += 1
                follower = blocks[index + 1] if index + 1 < len(blocks) else None
                if follower and section[block.end():follower.start()].strip():
                    follower = None
                fault = run(options, language, code, follower, Path(directory))
                print(f"{'FAIL' if fault else 'ok  '} {heading}: {code.strip().splitlines()[0][:90]}")
                if fault:
                    failed += 1
                    print(fault)
    print(f"{ran} blocks ran, {failed} failed")
    return 1 if failed or not ran else 0


def sections(text):
    for part in re.split(r"^(?=##? )", text, flags=re.M):
        yield part.split("\n", 1)[0].lstrip("# "), part


def run(options, language, code, follower, directory):
    """What is wrong with a block, or nothing."""
    code = code.replace("http://127.0.0.1:9999", options.url).replace("http://127.0.0.1:9990", options.admin)
    code = code.replace("127.0.0.1:9999", options.url.split("//")[1])
    environment = {"HOME": str(directory), "PATH": f"{options.bin.resolve()}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
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
