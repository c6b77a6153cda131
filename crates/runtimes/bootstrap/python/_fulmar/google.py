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


def main(connection):
    serve = _init(connection)
    event = connection.next()
    while True:
        head, _, body = event.body.partition(_END_OF_HEAD)
        status, headers, pieces = serve(json.loads(head), body)
        answer = json.dumps({"status": status, "headers": headers}).encode()
        event = connection.answer(event.request_id, "response", b"".join([answer, _END_OF_HEAD, *pieces]))


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

    def serve(self, head, body):
        begun = []
        pieces = []

        def start_response(status, headers, exc_info=None):
            if exc_info and begun and pieces:
                raise exc_info[1].with_traceback(exc_info[2])
            begun[:] = [int(status.split(" ", 1)[0]), headers]
            return pieces.append

        answer = self._application(_environ(head, body), start_response)
        try:
            pieces.extend(piece for piece in answer if piece)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return begun[0], begun[1], pieces


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

    def serve(self, head, body):
        return self._loop.run_until_complete(self._serve(head, body))

    async def _serve(self, head, body):
        begun = [500, []]
        pieces = []
        asked = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            return asked.pop() if asked else {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in message["headers"]]
                begun[:] = [message["status"], headers]
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))

        await self._application(_scope(head), receive, send)
        return begun[0], begun[1], pieces


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
