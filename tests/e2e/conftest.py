"""A real server for every test module, and the official clients pointed at it.

`FULMAR` names the binary; `cargo xtask test` sets it.
"""

import http.server
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager

import boto3
import botocore.config
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FULMAR", str(ROOT / "target/debug/fulmar"))
REGION = "us-east-1"


class Fulmar:
    """One server process and what is known about it."""

    def __init__(self, data_dir, *options):
        self.data_dir = pathlib.Path(data_dir)
        self.options = options
        self.process = None
        self.endpoint = None
        self.log = []

    def start(self, listen="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--json", "--listen", listen, "--data-dir", str(self.data_dir), *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RUST_BACKTRACE": "1"},
        )
        threading.Thread(target=self._drain, args=(self.process.stderr,), daemon=True).start()
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("event") == "ready":
                self.endpoint = event["endpoint"]
                break
        else:
            raise RuntimeError("the server did not start:\n" + "".join(self.log))
        threading.Thread(target=self._drain, args=(self.process.stdout,), daemon=True).start()
        return self

    def _drain(self, stream):
        for line in stream:
            self.log.append(line)

    def kill(self):
        """As a power cut to the process: nothing gets to clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        """Starts again on the same data and the same port."""
        return self.start(self.endpoint.removeprefix("http://"))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=90)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    @property
    def environment(self):
        """What a user exports to point the official tools here."""
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_PAGER": "",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service, **config):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(**{"retries": {"max_attempts": 0}, "read_timeout": 120, **config}),
        )

    def aws(self, *arguments, check=True, **kwargs):
        """The real command line, from the environment that the tests run in."""
        command = [sys.executable, "-m", "awscli", *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, **kwargs)
        if check and done.returncode:
            raise AssertionError(f"aws {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done

    def cli(self, *arguments, check=True, **kwargs):
        """Fulmar's own command line, talking to this server."""
        command = [BINARY, *map(str, arguments), "--data-dir", str(self.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, **kwargs)
        if check and done.returncode:
            raise AssertionError(f"fulmar {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done


@contextmanager
def server(*options):
    data_dir = tempfile.mkdtemp(prefix="fulmar-e2e-")
    fulmar = Fulmar(data_dir, *options)
    try:
        yield fulmar.start()
    finally:
        try:
            fulmar.stop()
        finally:
            shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="module")
def fulmar():
    with server() as running:
        yield running
        assert running.process.poll() is None, "the server died:\n" + "".join(running.log)
        panics = [line for line in running.log if "panicked" in line]
        assert not panics, panics


@pytest.fixture(scope="module")
def s3(fulmar):
    return fulmar.client("s3")


@pytest.fixture(scope="module")
def dynamodb(fulmar):
    return fulmar.client("dynamodb")


@pytest.fixture(scope="module")
def lambda_(fulmar):
    return fulmar.client("lambda")


class Gate:
    """What functions wait at (with a GET of `url` and a name) until a test lets them pass: so that what happens while a
    function runs needs no clock. One that does not hold lets all pass, and knows who came."""

    def __init__(self, holds=True):
        self._holds = holds
        self._open = {}
        self._came = {}
        self._lock = threading.Condition()
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                gate._pass(self.path.strip("/"))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _pass(self, name):
        with self._lock:
            self._came[name] = self._came.get(name, 0) + 1
            self._lock.notify_all()
            if not self._holds:
                return
            self._lock.wait_for(lambda: self._open.get(name, 0) > 0, timeout=60)
            self._open[name] = self._open.get(name, 0) - 1

    def open(self, name):
        """Lets one pass, now or when it comes."""
        with self._lock:
            self._open[name] = self._open.get(name, 0) + 1
            self._lock.notify_all()

    def came(self, name):
        """How many have come until now."""
        with self._lock:
            return self._came.get(name, 0)

    def wait_for(self, name, count):
        """Returns when so many have come, whether or not they have passed."""
        with self._lock:
            assert self._lock.wait_for(lambda: self._came.get(name, 0) >= count, timeout=60), self._came

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def gate():
    gate = Gate()
    yield gate
    gate.close()



# Below those that the kernel hands out to whoever asks for any, so that nobody takes one between here and its server.
_ports = itertools.count(20_000 + 53 * os.getpid() % 12_000)


def free_port():
    """A port for what must know it before it listens: another one each time, and in each process that runs tests."""
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def eventually(check, timeout=30, every=0.05):
    """Waits for something that another process does: the only kind of waiting that tests at this edge may do."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            found = check()
            if found:
                return found
        except Exception:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise AssertionError(f"{check} did not come true in {timeout} s")
        time.sleep(every)
