#!/usr/bin/env python3
"""Can the gate fail? Plants a slow-down in the core of a copy of this repository, and runs the gate on what it builds.

    bench/planted.py                        every plant once, then clean builds until `--clean` of them passed in a row
    bench/planted.py --only time --clean 0

The plant is one line in `request_path::admit`, which every request passes: by time (what a slower core would cost) or by
instructions (what callgrind counts). A plant must make the gate exit with 1 and name a budget; a clean build must pass.
Takes minutes and builds of its own (under `target/planted`); nothing of it is left in this checkout.
"""

import argparse
import os
import subprocess
import sys

sys.dont_write_bytecode = True

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE = "dataplane/core/src/request_path.rs"
AFTER = "pub fn admit<'b>(request: Request<'b>, allowed: &AllowList) -> Result<Admitted<'b>, Refusal> {\n"
# {amount}: nanoseconds, or turns of a loop of about four instructions.
PLANTS = {
    "time": "    let planted = std::time::Instant::now();\n"
            "    while planted.elapsed() < std::time::Duration::from_nanos({amount}) {{ std::hint::spin_loop(); }}\n",
    "instructions": "    for turn in 0..std::hint::black_box({amount}_u64) {{ std::hint::black_box(turn); }}\n",
}


def main():
    options = parse_options()
    tree = os.path.join(ROOT, "target", "planted", "tree")
    # Of a run that was killed.
    subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=False, stderr=subprocess.DEVNULL)
    run("git", "-C", ROOT, "worktree", "add", "--force", "--detach", tree, "HEAD")
    outcome = 0
    try:
        for name, amount in (("time", options.time_ns), ("instructions", options.turns)):
            if name in options.only:
                plant(tree, PLANTS[name].format(amount=amount))
                code, said = gate(tree, options)
                print(said, flush=True)
                # Wrong answers are exit code 1 too; a slow-down is caught by a budget, and by its name.
                caught = code == 1 and "\nBROKEN  " in said
                print(f"== planted {name} ({amount}): the gate {'fails, as it must' if caught else f'exits with {code}: NOT CAUGHT'}",
                      flush=True)
                outcome |= not caught
        run("git", "-C", tree, "checkout", "--quiet", "--", FILE)
        for number in range(options.clean):
            code, said = gate(tree, options)
            print(f"== clean run {number + 1}: the gate exits with {code}{'' if code == 0 else chr(10) + said}", flush=True)
            outcome |= code != 0
    finally:
        run("git", "-C", ROOT, "worktree", "remove", "--force", tree)
    return outcome


def plant(tree, lines):
    run("git", "-C", tree, "checkout", "--quiet", "--", FILE)
    path = os.path.join(tree, FILE)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if AFTER not in text:
        sys.exit(f"planted.py: {FILE} has no line {AFTER!r}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(AFTER, AFTER + lines))


def gate(tree, options):
    """Builds and runs what is in `tree`; exit code and output of its gate."""
    environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(ROOT, "target", "planted")}
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "ringway"], cwd=tree, env=environment, check=True)
    ringway = os.path.join(environment["CARGO_TARGET_DIR"], "release", "ringway")
    done = subprocess.run([ringway, "bench", "gate", *options.gate], cwd=tree, env=environment, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="time,instructions", help="plants (default: %(default)s)")
    parser.add_argument("--time-ns", type=int, default=400, help="5 %% of the CPU of a request (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=39, help="of the planted loop: 1 %% of the instructions of a call (default: %(default)s)")
    parser.add_argument("--clean", type=int, default=10, metavar="N", help="clean runs in a row (default: %(default)s)")
    parser.add_argument("gate", nargs="*", default=["--short"], help="words for the gate (default: --short)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
