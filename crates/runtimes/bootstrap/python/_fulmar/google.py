"""Google's functions: the application's own functions-framework, without a server around it.

An event is a request over HTTP: its head as JSON, eight zero bytes, and its body. The framework makes a WSGI (or, for
asynchronous functions, an ASGI) application of the function, so what a function sees and what becomes of its answer and
of its errors is the framework's own doing. Requests of which we know what the application would make of them do not take
the way through it: `direct.py`."""

import asyncio
import json
import os
import sys
import traceback
from urllib.parse import unquote_to_bytes

from .direct import direct_of
from .line import AsyncLine, Line
from .wsgi import Answer, environ_of, send

_INIT_FAILED = 1


def main(connection, at_once):
    application = _init(connection)
    if asyncio.iscoroutinefunction(getattr(application, "__call__", None)):
        _Asgi(application, AsyncLine(connection.fd)).run(at_once)
    # As many as the framework's own server has.
    threads = int(os.environ.get("THREADS", (os.cpu_count() or 1) * 4))
    line = Line(connection.fd, max(1, min(threads, at_once)))
    line.ask(at_once)
    line.run(_Wsgi(application, line).serve)


def _init(connection):
    try:
        return _application()
    except Exception as error:
        from .answers import Failure

        traceback.print_exc()
        connection.init_error(Failure(type(error).__name__, str(error), [], ""))
        sys.exit(_INIT_FAILED)


def _application():
    try:
        import functions_framework
    except ImportError:
        raise Exception("functions-framework is not installed; put it into requirements.txt")
    return functions_framework.create_app()


# Without looking for the encoding first.
_decode = json.JSONDecoder().raw_decode


class _Wsgi:
    """An application that answers each request in a thread."""

    def __init__(self, application, line):
        self._application = application
        self._line = line
        self._direct = None
        self._served = False

    def serve(self, call, head, body):
        head, _ = _decode(head)
        if self._direct is not None:
            if self._direct.serve(call, head, body):
                return
        elif not self._served:
            # The first request ends the application's setting up; only then is it known what it does.
            self._served = True
            self._serve(call, head, body)
            self._line.flush()
            self._direct = direct_of(self._application, self._line)
            return
        self._serve(call, head, body)

    def _serve(self, call, head, body):
        answer = Answer(self._line, call)
        length = None

        def start_response(status, headers, exc_info=None):
            nonlocal length
            if exc_info and answer.begun:
                raise exc_info[1].with_traceback(exc_info[2])
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
            answer.start(int(status.split(" ", 1)[0]), headers)
            return answer.add

        try:
            pieces = self._application(environ_of(head, body), start_response)
        except Exception as error:
            answer.fail(error)
            answer.end()
            return
        send(answer, pieces, length)


class _Asgi:
    """An application that is a coroutine. Between requests its loop stands still, as the instance does."""

    def __init__(self, application, line):
        self._application = application
        self._line = line
        self._tasks = set()

    def run(self, at_once):
        asyncio.run(self._run(at_once))

    async def _run(self, at_once):
        over = asyncio.Event()
        self._line.listen(at_once, self._begin)
        await over.wait()

    def _begin(self, call, head, body):
        task = asyncio.ensure_future(self._serve(call, json.loads(head), body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, call, head, body):
        asked = [{"type": "http.request", "body": body, "more_body": False}]
        over = asyncio.Event()
        answer = Answer(self._line, call)
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
                    await self._line.sent(call)
                else:
                    answer.finish([message.get("body", b"")])
                    over.set()

        try:
            await self._application(_scope(head), receive, send)
        except Exception as error:
            answer.fail(error)
        answer.end()


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
