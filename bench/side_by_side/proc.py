"""What /proc says about a process tree and about the machine. Reads; never starts, stops or changes anything."""

import os
import platform
from pathlib import Path


class Usage:
    """CPU time of a process and its children at one moment, every thread summed."""

    def __init__(self, pid):
        self.ran_ns = 0
        self.waited_ns = 0
        for thread in threads(pid):
            # exec time, time runnable without a core (a neighbour had it), slices. In nanoseconds, where utime and
            # stime of /proc/PID/stat come in ticks of 10 ms. A thread that ends in between takes its time with it.
            ran_ns, waited_ns, _ = read(f"{thread}/schedstat", "0 0 0").split()
            self.ran_ns += int(ran_ns)
            self.waited_ns += int(waited_ns)


def rss_peak_kib(pid):
    """Sum over the tree. Pages that parent and child share count twice, which only ever overstates."""
    return sum(status_kib(member, "VmHWM") for member in tree(pid))


def tree(pid):
    members = [pid]
    for thread in threads_of(pid):
        for child in read(f"{thread}/children", "").split():
            members += tree(int(child))
    return members


def threads(pid):
    return [thread for member in tree(pid) for thread in threads_of(member)]


def threads_of(pid):
    try:
        return [f"/proc/{pid}/task/{tid}" for tid in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def status_kib(pid, field):
    for line in read(f"/proc/{pid}/status", "").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def core_times(cpu):
    """(all ticks, stolen ticks) of one core since boot."""
    for line in read("/proc/stat", "").splitlines():
        if line.startswith(f"cpu{cpu} "):
            ticks = [int(word) for word in line.split()[1:9]]
            return sum(ticks), ticks[7]
    return 0, 0


def machine():
    cpu_model = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo", "").splitlines()
                      if line.startswith("model name")), platform.machine())
    memory_mib = int(next((line.split()[1] for line in read("/proc/meminfo", "").splitlines()
                           if line.startswith("MemTotal")), "0")) // 1024
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "cpu_model": cpu_model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": memory_mib,
        "load_average": read("/proc/loadavg", "?").strip(),
    }


def read(path, absent):
    try:
        return Path(path).read_text()
    except OSError:
        return absent
