"""From requests as they are handed over to what WSGI applications get, and from what they answer to answers."""

import io
import json
import os
import sys
import traceback
from urllib.parse import unquote_to_bytes

_END_OF_HEAD = bytes(8)
# More than this is sent in pieces: what comes whole is limited more strictly.
_LARGEST_WHOLE = 4 << 20


class Answer:
    """Goes whole if it is there whole and is not large; else in pieces, as they come."""

    def __init__(self, line, call):
        self._line = line
        self._call = call
        self._head = None
        self._pieces = []
        self._failure = b""
        self.begun = False

    def start(self, status, headers):
        self._head = json.dumps({"status": status, "headers": headers}).encode() + _END_OF_HEAD

    def add(self, piece):
        """A piece that more will follow, or that may be large."""
        if not piece:
            return
        if not self.begun:
            self.begun = True
            self._line.begin(self._call, self._head)
        self._line.piece(self._call, piece)

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
            self._failure = describe(error).body
        else:
            self.start(500, [["content-type", "text/plain"]])
            self._pieces = [b"Internal Server Error"]

    def end(self):
        """Sends what is left."""
        if self.begun:
            self._line.end(self._call, self._failure)
        else:
            self._line.answer(self._call, b"".join([self._head, *self._pieces]))


def send(answer, pieces, length):
    """What an application answers, whole if that is not long."""
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
    answer.end()


# What every request has.
_COMMON = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
# How headers are called, by their names.
_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_MOST_NAMES = 1_000


def environ_of(head, body):
    url = head["url"]
    path, _, query = url.partition("?")
    environ = {
        **_COMMON,
        "REQUEST_METHOD": head["method"],
        # Bytes that are spelt as Latin 1, as WSGI has it.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path or not path.isascii() else path,
        "QUERY_STRING": query,
        "RAW_URI": url,
        "REQUEST_URI": url,
        "REMOTE_ADDR": head["ip"],
        "SERVER_PORT": _PORT,
        "SERVER_PROTOCOL": head["version"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
    }
    for name, value in head["headers"]:
        key = _NAMES.get(name) or _named(name)
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _named(name):
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = f"HTTP_{key}"
    if len(_NAMES) < _MOST_NAMES:
        _NAMES[name] = key
    return key


_PORT = os.environ.get("PORT", "8080")
