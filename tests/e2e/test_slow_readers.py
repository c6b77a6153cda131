"""Who takes an answer slowly, or not at all, keeps no instance from others: one that has given its whole answer is free, and
serves the next request although the last one's is still on its way."""

import json
import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from conftest import eventually, free_port, server
from test_runtimes import make, package

MIB = 1 << 20
LENGTH = 12 * MIB

# Each says which instance it is, from its first call on: a copy of one that was never called is another.
LAMBDA = """
let own;
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  own ??= Math.random().toString(36);
  const length = Number(event.rawQueryString);
  const http = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { "x-own": own } });
  for (let sent = 0; sent < length; sent += 1 << 16) {
    if (!http.write(Buffer.alloc(1 << 16, "x"))) await new Promise((resolve) => http.once("drain", resolve));
  }
  http.end("end");
});
"""
GOOGLE = """
const { once } = require('node:events');
const functions = require('@google-cloud/functions-framework');
let own;
functions.http('gbig', async (req, res) => {
  own ??= Math.random().toString(36);
  const length = Number(req.url.split('?')[1]);
  res.set('x-own', own);
  for (let sent = 0; sent < length && !res.destroyed; sent += 1 << 16) {
    if (!res.write(Buffer.alloc(1 << 16, 'x'))) await Promise.race([once(res, 'drain'), once(res, 'close')]);
  }
  res.end('end');
});
"""
AZURE = """
const { app } = require('@azure/functions');
const { Readable } = require('node:stream');
let own;
app.setup({ enableHttpStream: true });
app.http('abig', { authLevel: 'anonymous', handler: (request) => {
  own ??= Math.random().toString(36);
  const length = Number(request.url.split('?')[1]);
  const body = async function* () {
    for (let sent = 0; sent < length; sent += 1 << 16) yield Buffer.alloc(1 << 16, 'x');
    yield Buffer.from('end');
  };
  return { headers: { 'x-own': own, 'content-type': 'text/plain' }, body: Readable.from(body()) };
} });
"""


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Reader:
    """Has read an answer's head, and reads the rest only when it is told to."""

    def __init__(self, url, length):
        parts = urlsplit(url)
        self.socket = socket.socket()
        # What the kernel holds for it is far below the answer.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", parts.port))
        self.socket.sendall(f"GET {parts.path}?{length} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        taken = b""
        while b"\r\n\r\n" not in taken:
            more = self.socket.recv(1024)
            assert more, taken
            taken += more
        head, self.taken = taken.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])
        lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        self.headers = {name.lower(): value for name, value in lines}

    def rest(self):
        while more := self.socket.recv(MIB):
            self.taken += more
        self.socket.close()
        if self.headers.get("transfer-encoding") != "chunked":
            return self.taken
        whole, left = b"", memoryview(self.taken)
        while True:
            line = bytes(left[:20]).split(b"\r\n", 1)[0]
            size, left = int(line, 16), left[len(line) + 2 :]
            if size == 0:
                return whole
            whole, left = whole + bytes(left[:size]), left[size + 2 :]


def own(url):
    with urllib.request.urlopen(f"{url}?0", timeout=60) as answer:
        assert answer.read() == b"end"
        return answer.headers["x-own"]


def ended(fulmar, name):
    """Calls whose work is done: their instances are free."""
    return len(json.loads(fulmar.cli("invocations", name, "--json").stdout)["invocations"])


def frees_its_instance(fulmar, name, url, before=0):
    first = own(url)
    eventually(lambda: ended(fulmar, name) == before + 1)
    slow = Reader(url, LENGTH)
    assert (slow.status, slow.headers["x-own"]) == (200, first)
    eventually(lambda: ended(fulmar, name) == before + 2)
    # It has hardly read anything, and the instance serves others.
    assert own(url) == first
    eventually(lambda: ended(fulmar, name) == before + 3)
    assert own(url) == first
    body = slow.rest()
    assert len(body) == LENGTH + 3 and body.endswith(b"xend")
    eventually(lambda: ended(fulmar, name) == before + 4)
    gone = Reader(url, LENGTH)
    assert gone.headers["x-own"] == first
    gone.socket.close()
    eventually(lambda: ended(fulmar, name) == before + 5)
    assert own(url) == first


def test_a_function_url(fulmar, lambda_):
    name = make(lambda_, "big", package({"index.js": LAMBDA}), runtime="nodejs20.x", Timeout=60)
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    made = lambda_.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    lambda_.add_permission(
        FunctionName=name, StatementId="all", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE"
    )
    gateway = urlsplit(made["FunctionUrl"]).hostname.split(".")[0]
    frees_its_instance(fulmar, name, f"{fulmar.endpoint}/_aws/lambda-url/{gateway}/")


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow")
    google, azure = folder / "google", folder / "azure"
    write(google / "index.js", GOOGLE)
    write(google / ".env.yaml", 'FULMAR_CONCURRENCY: "1"\n')
    write(google / "package.json", json.dumps({"name": "g", "private": True, "dependencies": {"@google-cloud/functions-framework": "^5.0.5"}}))
    write(azure / "host.json", json.dumps({"version": "2.0"}))
    write(azure / "package.json", json.dumps({"name": "a", "private": True, "main": "index.js", "dependencies": {"@azure/functions": "^4.0.0"}}))
    write(azure / "index.js", AZURE)
    ports = free_port(), free_port()
    options = "--google-listen", f"127.0.0.1:{ports[0]}", "--azure-listen", f"127.0.0.1:{ports[1]}"
    with server(*options) as fulmar:
        fulmar.google, fulmar.azure = (f"http://127.0.0.1:{port}" for port in ports)
        yield fulmar, google, azure


def deploy(fulmar, folder, url):
    fulmar.cli("deploy", str(folder))

    def is_there():
        try:
            urllib.request.urlopen(f"{url}/nowhere", timeout=60).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    eventually(is_there)


def test_googles_http_functions(others):
    fulmar, folder, _ = others
    deploy(fulmar, folder, fulmar.google)
    # An only function has every path: it was called when it was looked for.
    frees_its_instance(fulmar, "gbig", fulmar.google + "/gbig", before=1)


def test_azures_http_functions(others):
    fulmar, _, folder = others
    deploy(fulmar, folder, fulmar.azure)
    frees_its_instance(fulmar, "abig", fulmar.azure + "/api/abig")
