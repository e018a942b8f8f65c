"""Runs one client in a pipe, and says what it took."""

import contextlib
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Sample:
    """Seconds, but for `rss`: MiB. `server` is what the server's processes took meanwhile."""

    wall: float
    user: float
    system: float
    rss: float
    server: float

    @property
    def cpu(self):
        return self.user + self.system


class Failed(Exception):
    """A client ended with an error, or did not do what it said."""


def server_cpu(pids):
    """CPU seconds of running processes, ended threads included."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(command, env, feed=None, drain=None, pids=()):
    """Runs a client; `feed` writes to its standard input, `drain` reads its standard output."""
    helpers = []
    with tempfile.TemporaryFile() as errors:
        before, began = server_cpu(pids), time.monotonic()
        client = subprocess.Popen(
            [str(word) for word in command],
            env=env,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if drain else subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            if feed:
                helpers.append(subprocess.Popen(feed, stdout=client.stdin))
                client.stdin.close()
            if drain:
                helpers.append(subprocess.Popen(drain, stdin=client.stdout, stdout=subprocess.DEVNULL))
                client.stdout.close()
            _, status, usage = os.wait4(client.pid, 0)
            wall = time.monotonic() - began
            client.returncode = os.waitstatus_to_exitcode(status)
            ends = [helper.wait() for helper in helpers]
        finally:
            for process in [client, *helpers]:
                if process.returncode is None:
                    process.kill()
                    process.wait()
        if client.returncode != 0 or any(ends):
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip() or "it did not give what was stored"
            raise Failed(f"exit {client.returncode}: {text[-400:]}")
    return Sample(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024, server_cpu(pids) - before)
