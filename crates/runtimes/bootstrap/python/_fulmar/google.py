"""Google's functions: the application's own functions-framework, without a server around it.

An event is a request over HTTP: its head as JSON, eight zero bytes, and its body. The framework makes a WSGI (or, for
asynchronous functions, an ASGI) application of the function, so what a function sees and what becomes of its answer and
of its errors is the framework's own doing."""

import asyncio
import io
import json
import os
import sys
import traceback
from urllib.parse import unquote_to_bytes

_END_OF_HEAD = bytes(8)
_INIT_FAILED = 1
# More than this is sent in pieces: what comes whole is limited more strictly.
_LARGEST_WHOLE = 4 << 20


def main(connection):
    serve = _init(connection)
    event = connection.next()
    while True:
        head, _, body = event.body.partition(_END_OF_HEAD)
        answer = _Answer(connection, event.request_id)
        serve(json.loads(head), body, answer)
        event = answer.end()


class _Answer:
    """Goes whole if it is there whole and is not large; else in pieces, as they come."""

    def __init__(self, connection, request_id):
        self._connection = connection
        self._request_id = request_id
        self._head = None
        self._pieces = []
        self._failure = None
        self.begun = False

    def start(self, status, headers):
        self._head = json.dumps({"status": status, "headers": headers}).encode() + _END_OF_HEAD

    def add(self, piece):
        """A piece that more will follow, or that may be large."""
        if not piece:
            return
        if not self.begun:
            self.begun = True
            self._connection.begin(self._request_id)
            self._connection.piece(self._head)
        self._connection.piece(piece)

    def finish(self, pieces):
        """All that there still is."""
        if self.begun or sum(map(len, pieces)) > _LARGEST_WHOLE:
            for piece in pieces:
                self.add(piece)
        else:
            self._pieces = pieces

    def fail(self, error):
        """What has been sent cannot be taken back; what has not becomes an error that says nothing."""
        from .answers import describe

        traceback.print_exception(type(error), error, error.__traceback__)
        if self.begun:
            self._failure = describe(error)
        else:
            self.start(500, [["content-type", "text/plain"]])
            self._pieces = [b"Internal Server Error"]

    def end(self):
        """Sends what is left, and waits for the next event."""
        if self.begun:
            return self._connection.end(self._failure)
        return self._connection.answer(self._request_id, "response", b"".join([self._head, *self._pieces]))


def _init(connection):
    try:
        application = _application()
    except Exception as error:
        from .answers import Failure

        traceback.print_exc()
        connection.init_error(Failure(type(error).__name__, str(error), [], ""))
        sys.exit(_INIT_FAILED)
    if asyncio.iscoroutinefunction(getattr(application, "__call__", None)):
        return _Asgi(application).serve
    return _Wsgi(application).serve


def _application():
    try:
        import functions_framework
    except ImportError:
        raise Exception("functions-framework is not installed; put it into requirements.txt")
    return functions_framework.create_app()


class _Wsgi:
    """An application that answers one request at a time."""

    def __init__(self, application):
        self._application = application

    def serve(self, head, body, answer):
        length = None

        def start_response(status, headers, exc_info=None):
            nonlocal length
            if exc_info and answer.begun:
                raise exc_info[1].with_traceback(exc_info[2])
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
            answer.start(int(status.split(" ", 1)[0]), headers)
            return answer.add

        pieces = self._application(_environ(head, body), start_response)
        try:
            if length is not None and length <= _LARGEST_WHOLE:
                answer.finish([piece for piece in pieces if piece])
            else:
                for piece in pieces:
                    answer.add(piece)
        except Exception as error:
            answer.fail(error)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()


def _environ(head, body):
    path, _, query = head["url"].partition("?")
    environ = {
        "REQUEST_METHOD": head["method"],
        "SCRIPT_NAME": "",
        # Bytes that are spelt as Latin 1, as WSGI has it.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": head["url"],
        "REQUEST_URI": head["url"],
        "REMOTE_ADDR": head["ip"],
        "SERVER_NAME": "localhost",
        "SERVER_PORT": os.environ.get("PORT", "8080"),
        "SERVER_PROTOCOL": head["version"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in head["headers"]:
        name = name.upper().replace("-", "_")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


class _Asgi:
    """An application that is a coroutine. Between requests its loop stands still, as the instance does."""

    def __init__(self, application):
        self._application = application
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def serve(self, head, body, answer):
        self._loop.run_until_complete(self._serve(head, body, answer))

    async def _serve(self, head, body, answer):
        asked = [{"type": "http.request", "body": body, "more_body": False}]
        over = asyncio.Event()
        answer.start(500, [])

        async def receive():
            if not asked:
                # Applications wait for the caller to go, and stop when it has.
                await over.wait()
                return {"type": "http.disconnect"}
            return asked.pop()

        async def send(message):
            if message["type"] == "http.response.start":
                headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in message["headers"]]
                answer.start(message["status"], headers)
            elif message["type"] == "http.response.body":
                if message.get("more_body"):
                    answer.add(message.get("body", b""))
                else:
                    answer.finish([message.get("body", b"")])
                    over.set()

        try:
            await self._application(_scope(head), receive, send)
        except Exception as error:
            answer.fail(error)


def _scope(head):
    path, _, query = head["url"].partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head["version"].partition("/")[2],
        "method": head["method"],
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": [[name.lower().encode("latin-1"), value.encode("latin-1", "replace")] for name, value in head["headers"]],
        "client": (head["ip"], 0),
        "server": ("localhost", int(os.environ.get("PORT", "8080"))),
    }
