"""Where streams are put and got: a server that costs nothing, a real one, and a directory."""

import contextlib
import http.client
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure import Failed, measure

TOP = Path(__file__).resolve().parent.parent
VENV = TOP / "target/bench-venv/bin"
BUCKET = "bench"
SOURCE = "source"


@dataclass
class Client:
    """A program that puts standard input and gets to standard output; {key} is filled in."""

    name: str
    version: list
    put: list
    get: list


def filled(command, key):
    return [str(word).replace("{key}", key) for word in command]


class Place:
    """Where things are stored: a name, an environment for clients, and the processes that serve it."""

    def __init__(self, name, env, pids=()):
        self.name, self.env, self.pids = name, env, pids

    def check(self, key, size):
        """After every put: is the right thing there?"""

    def before_gets(self, clients, data):
        """Sees to it that the key `source` can be got."""

    def once(self, verb, client, number, data):
        if verb == "get":
            drain = ["cat"] if number else ["cmp", "-", data]
            return measure(filled(client.get, SOURCE), self.env, drain=drain, pids=self.pids)
        key = f"{client.name.split()[0]}-{number}"
        sample = measure(filled(client.put, key), self.env, feed=["cat", data], pids=self.pids)
        self.check(key, data.stat().st_size)
        return sample


def environment(endpoint, key, secret):
    """One environment tells all clients where the server is, and keeps the user's own settings out."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_", "RCLONE_"))}
    env.update(
        PATH=f"{VENV}:{env['PATH']}",
        NO_PROXY="127.0.0.1",
        AWS_ACCESS_KEY_ID=key,
        AWS_SECRET_ACCESS_KEY=secret,
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ENDPOINT_URL=endpoint,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        S3_ENDPOINT_URL=endpoint,
        RCLONE_CONFIG="/dev/null",
        RCLONE_S3_PROVIDER="Other",
        RCLONE_S3_ENV_AUTH="true",
        RCLONE_S3_ENDPOINT=endpoint,
        RCLONE_S3_REGION="us-east-1",
        RCLONE_S3_NO_CHECK_BUCKET="true",
    )
    return env


@contextlib.contextmanager
def served(command, env=None):
    """A server that ends when its standard input does, even if we are killed; gives its first lines of output."""
    server = subprocess.Popen([str(word) for word in command], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield server
    finally:
        server.stdin.close()
        server.wait()


class NullSink(Place):
    def __init__(self, address, pid):
        super().__init__("null sink", environment(f"http://{address}", "null", "null"), [pid])
        self.address = address

    def check(self, key, size):
        connection = http.client.HTTPConnection(self.address)
        connection.request("HEAD", f"/{BUCKET}/{key}")
        answer = connection.getresponse()
        connection.close()
        if (answer.status, answer.headers["Content-Length"]) != (200, str(size)):
            raise Failed("the server got something else")


@contextlib.contextmanager
def null_sink(tools, data, *options):
    with served([tools / "nullsink", "--source", data, *options]) as server:
        yield NullSink(server.stdout.readline().strip().removeprefix("http://"), server.pid)


class Radosgw(Place):
    def before_gets(self, clients, data):
        measure(filled(clients[0].put, SOURCE), self.env, feed=["cat", data])


@contextlib.contextmanager
def radosgw(folder):
    """The server of the tests; None where it can't be started."""
    env = dict(os.environ, RADOSGW_DIR=str(folder), RADOSGW_PORT="0")
    with served([TOP / "tests/servers/radosgw", "run"], env) as server:
        told = dict(line.strip().split("=", 1) for line in server.stdout if "=" in line)
        if "S3_TEST_ENDPOINT" not in told:
            yield None
            return
        pids = [int((folder / f"{daemon}.pid").read_text().split()[0]) for daemon in ("mon", "osd", "rgw")]
        env = environment(told["S3_TEST_ENDPOINT"], told["S3_TEST_ACCESS_KEY"], told["S3_TEST_SECRET_KEY"])
        yield Radosgw("radosgw", env, pids)


class Folder(Place):
    """A bucket that is a directory, and beside it a directory without a bucket."""

    def __init__(self, folder, tools):
        super().__init__(f"a directory in {folder.parent.parent}", environment("http://127.0.0.1:1", "none", "none"))
        self.folder, self.tools = folder, tools
        self.empty()

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "plain").mkdir(parents=True)
        measure([self.tools / "s3put", "-q", "-b", f"file://{self.folder / BUCKET}", "--make-bucket"], self.env)

    def clients(self):
        ours = ["-q", "-b", f"file://{self.folder / BUCKET}", "-k", "{key}"]
        plain = self.folder / "plain/{key}"
        return [
            Client("s3put / s3get", [], [self.tools / "s3put", *ours], [self.tools / "s3get", *ours]),
            Client("cat", [], ["sh", "-c", f"exec cat >'{plain}'"], ["cat", plain]),
        ]

    def check(self, key, size):
        found = [path for name in (BUCKET, "plain") for path in (self.folder / name).rglob("*") if path.is_file() and path.stat().st_size == size]
        if len(found) != 1:
            raise Failed("it is not there as one file")
        self.empty()

    def before_gets(self, clients, data):
        for client in clients:
            measure(filled(client.put, SOURCE), self.env, feed=["cat", data])
