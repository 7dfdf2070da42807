"""Every process we start, so that each is ended by its pid, whatever happens to us. Knows nothing of what they do."""

import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
END_WAIT_S = 5
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A measurement that cannot be had; the message is for the operator."""


class Children:
    def __init__(self, directory):
        self.directory = directory
        self.started = []

    def start(self, name, command, cpu, environment=None):
        """On one core, in a session of its own (Ctrl-C reaches us and we end it), its output in a log file."""

        def before_exec():
            os.sched_setaffinity(0, {cpu})
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # for the day we are killed with -9

        log_path = os.path.join(self.directory, f"{name}.log")
        with open(log_path, "wb") as log:
            child = subprocess.Popen(
                command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=before_exec, start_new_session=True, env={**os.environ, **(environment or {})})
        child.name, child.log_path = name, log_path
        self.started.append(child)
        return child

    def run(self, name, command, cpu, wait_s, environment=None):
        """To its end, within `wait_s`. Returns exit code and output."""
        child = self.start(name, command, cpu, environment)
        try:
            exit_code = child.wait(wait_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} took longer than {wait_s:.0f} s") from None
        finally:
            self.end(child)
        return exit_code, output(child)

    def end(self, child):
        """TERM, then KILL. The pid is ours until `wait` has reaped it, so it cannot be someone else's."""
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(END_WAIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.started:
            self.started.remove(child)

    def end_all(self):
        for child in list(self.started):
            self.end(child)


def output(child, bytes_max=1 << 20):
    with open(child.log_path, "rb") as log:
        return log.read(bytes_max).decode(errors="replace")
