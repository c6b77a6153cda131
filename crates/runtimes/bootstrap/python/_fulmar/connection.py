"""The Runtime API over a connected socket: HTTP/1.1 in the least that it needs.

Requests are made of ready text, and an answer to a question has a length, so a library would only add to the cost of
each call."""

import os

_VERSION = "/2018-06-01/runtime"
_NEXT = f"GET {_VERSION}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n".encode()
_RESTORE = f"GET {_VERSION}/restore/next HTTP/1.1\r\nHost: runtime\r\n\r\n".encode()
# What is said to an answer.
HEARD = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
# Most events are there with the first; of what is longer, the rest is read straight to its place.
_CHUNK = 8 << 10
# Of an answer that is sent in pieces.
_PIECE = 256 << 10


class Event:
    """An invocation, as it came."""

    __slots__ = ("body", "request_id", "deadline", "arn", "trace", "client_context", "identity", "tenant")

    def __init__(self, headers, body):
        self.body = body
        self.request_id = headers.get("lambda-runtime-aws-request-id")
        self.deadline = int(headers.get("lambda-runtime-deadline-ms", 0))
        self.arn = headers.get("lambda-runtime-invoked-function-arn")
        self.trace = headers.get("lambda-runtime-trace-id")
        self.client_context = headers.get("lambda-runtime-client-context")
        self.identity = headers.get("lambda-runtime-cognito-identity")
        self.tenant = headers.get("lambda-runtime-aws-tenant-id")


class Connection:
    def __init__(self, fd):
        self._fd = self.fd = fd
        self._read = bytearray()
        # Programs that the function starts must not hold on to it.
        os.set_inheritable(fd, False)

    def next(self):
        """Asks for work and waits for it."""
        self._write([_NEXT])
        return Event(*self._message())

    def answer(self, request_id, kind, body):
        """Answers, asks again and waits for the next event."""
        body, error_type = (body.body, body.type) if kind == "error" else (body, None)
        self._write([_post(f"{_VERSION}/invocation/{request_id}/{kind}", body, error_type), body, _NEXT])
        self._heard()
        return Event(*self._message())

    def begin(self, request_id):
        """Begins an answer that comes in pieces."""
        self._write([_streamed(f"{_VERSION}/invocation/{request_id}/response")])

    def piece(self, piece):
        for start in range(0, len(piece), _PIECE):
            part = piece[start : start + _PIECE]
            self._write([f"{len(part):x}\r\n".encode(), part, b"\r\n"])

    def end(self, failure=None):
        """Ends it, saying how it failed if it did; asks again and waits for the next event."""
        self._write([_last_piece(failure), _NEXT])
        self._heard()
        return Event(*self._message())

    def answer_in_pieces(self, request_id, pieces):
        """Answers with more than may come whole, asks again and waits for the next event."""
        self.begin(request_id)
        for piece in pieces:
            self.piece(piece)
        return self.end()

    def init_error(self, failure):
        """Says why there will be no first invocation."""
        self._write([_post(f"{_VERSION}/init/error", failure.body, failure.type), failure.body])

    def restore_next(self):
        """Says that a snapshot may be taken here; returns when it goes on from there."""
        self._write([_RESTORE])
        self._message()

    def restore_error(self, failure):
        """Says why it does not go on."""
        self._write([_post(f"{_VERSION}/restore/error", failure.body, failure.type), failure.body])

    def _write(self, pieces):
        try:
            while pieces:
                written = os.writev(self._fd, pieces)
                while pieces and written >= len(pieces[0]):
                    written -= len(pieces.pop(0))
                if written:
                    pieces[0] = memoryview(pieces[0])[written:]
        except OSError:
            self._end()

    def _heard(self):
        """Passes over what is said to an answer."""
        read = self._read
        if not read:
            read += self._some()
        if read.startswith(HEARD):
            del read[: len(HEARD)]
        else:
            self._message()

    def _message(self):
        """One whole answer: its headers, and its body as bytes."""
        read = self._read
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += self._some()
        headers = {}
        for line in read[:end].decode("utf-8", "replace").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        del read[: end + 4]
        if len(read) < length:
            self._fill(length)
        body = bytes(read[:length])
        del read[:length]
        return headers, body

    def _fill(self, length):
        """Reads the rest of a body straight to its place."""
        read = self._read
        have = len(read)
        read.extend(bytes(length - have))
        with memoryview(read) as place:
            while have < length:
                try:
                    came = os.readv(self._fd, [place[have:]])
                except OSError:
                    came = 0
                if not came:
                    self._end()
                have += came

    def _some(self):
        try:
            some = os.read(self._fd, _CHUNK)
        except OSError:
            some = b""
        return some or self._end()

    def _end(self):
        # Whoever gives the work has gone: nobody is left to work for.
        os._exit(0)


def _post(path, body, error_type):
    kind = f"Lambda-Runtime-Function-Error-Type: {_clean(error_type)}\r\n" if error_type else ""
    head = f"POST {path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
    return head.encode()


def _streamed(path):
    head = f"POST {path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/octet-stream\r\n"
    return (head + "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n").encode()


def _last_piece(failure):
    if failure is None:
        return b"0\r\n\r\n"
    # Rarely needed, and not for nothing.
    import base64

    body = base64.b64encode(failure.body).decode()
    kind = f"Lambda-Runtime-Function-Error-Type: {_clean(failure.type)}\r\n"
    return f"0\r\n{kind}Lambda-Runtime-Function-Error-Body: {body}\r\n\r\n".encode()


def _clean(text):
    """An error's name is the function's to choose; a header's value is not."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
