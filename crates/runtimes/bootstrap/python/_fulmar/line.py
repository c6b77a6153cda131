"""A connection on which several calls run at once.

What goes over it are frames: a length (of what follows it), a kind, the number of a call, and what the frame carries;
numbers are little-endian.

A call runs in the thread that reads the connection: to hand each to another thread would cost more than most handlers do.
Who reads is the *leader*. If its handler takes its time while others wait, the *watch* makes another thread the leader; the
one that was finishes its call and rests until it is wanted again. So quick handlers run in one thread, one after the other,
and slow ones beside each other, in as many threads as there may be."""

import asyncio
import os
import select
import struct
import sys
import threading
import time
import traceback
from collections import deque

_CALL = 1
_TAKEN = 2

_ANSWER = 1
_BEGINS = 2
_PIECE = 3
_ENDS = 4

_HEAD = struct.Struct("<IBI")
_COST = struct.Struct("<I")
_CHUNK = 64 << 10
# What of one answer may be on the way; a piece counts for more than its bytes.
_WINDOW = 256 << 10
_PIECE_COSTS = 64
_LARGEST_PIECE = 64 << 10
# Answers that wait for company, and how long one may be that does.
_TOGETHER = 64
_LARGE = 16 << 10
# For how long a handler keeps others waiting before somebody else reads.
_PATIENCE = 0.002
_LOOK = 50


def split(message, start, end):
    """The head of what was handed over, and what follows it."""
    head = message.find(0, start, end)
    return message[start:head].decode(), message[head + 8 : end]


class Line:
    def __init__(self, fd, threads):
        self._fd = fd
        self._threads = threads
        self._read = b""
        # Where the next frame begins in it.
        self._at = 0
        self._out = deque()
        self._writing = threading.Lock()
        self._coming = {}
        # Who leads, how many calls have begun, and how many of them others than the leader serve.
        self._switch = threading.Lock()
        self._leader = None
        self._begun = 0
        self._running = 0
        self._waiting = deque()
        self._resting = []
        self._alive = 0
        self._watch = threading.Event()
        self._watch_sleeps = True
        os.set_inheritable(fd, False)

    def ask(self, at_once):
        """Takes so many calls at once from here on."""
        self._send(f"GET /2018-06-01/runtime/invocation/together/{at_once} HTTP/1.1\r\nHost: runtime\r\n\r\n".encode())

    def run(self, serve):
        """Has every call served, for ever."""
        self._serve = serve
        me = self._leader = _Thread()
        self._alive = 1
        if self._threads > 1:
            threading.Thread(target=self._look_after, daemon=True).start()
        self._lead(me)

    def answer(self, call, message):
        """Answers whole. It leaves with the next answers, if there are calls at hand."""
        self._out.append(_HEAD.pack(len(message) + 5, _ANSWER, call) + message)
        if len(message) > _LARGE or len(self._out) > _TOGETHER:
            self.flush()

    def begin(self, call, head):
        self._coming[call] = _Coming()
        self._out.append(_HEAD.pack(len(head) + 5, _BEGINS, call) + head)

    def piece(self, call, piece):
        """Sends a piece of an answer, as soon as it may be sent."""
        coming = self._coming[call]
        for start in range(0, len(piece), _LARGEST_PIECE):
            part = bytes(piece[start : start + _LARGEST_PIECE])
            cost = len(part) + _PIECE_COSTS
            with coming.changed:
                while coming.open + cost > _WINDOW:
                    self.flush()
                    coming.changed.wait()
                coming.open += cost
            self._out.append(_HEAD.pack(len(part) + 5, _PIECE, call) + part)
            self.flush()

    def end(self, call, failure=b""):
        self._coming.pop(call, None)
        self._out.append(_HEAD.pack(len(failure) + 5, _ENDS, call) + failure)

    def flush(self):
        """Sends what was said so far."""
        out = self._out
        if not out:
            return
        with self._writing:
            # Others may add to it meanwhile; each part is whole.
            parts = [out.popleft() for _ in range(len(out))]
            if parts:
                self._send(parts[0] if len(parts) == 1 else b"".join(parts))

    def _send(self, message):
        try:
            written = os.write(self._fd, message)
            while written < len(message):
                written += os.write(self._fd, memoryview(message)[written:])
        except OSError:
            self._end()

    # Who reads, and who serves.

    def _lead(self, me):
        mine = me.mine
        while True:
            call = self._next()
            if self._running >= self._threads and self._postponed(call):
                continue
            self._begun += 1
            # Whoever takes this away again, the leader or the watch, has the lead.
            mine.append(self._begun)
            if self._watch_sleeps and self._threads > 1:
                self._watch_sleeps = False
                self._watch.set()
            self._serve(*call)
            try:
                mine.pop()
            except IndexError:
                self._finished()
                self._follow(me)

    def _postponed(self, call):
        with self._switch:
            full = self._running >= self._threads
            if full:
                self._waiting.append(call)
        return full

    def _finished(self):
        with self._switch:
            self._running -= 1
        self.flush()

    def _lead_or_end(self, me):
        """Whoever ends a thread wants to end the process."""
        try:
            self._lead(me)
        except BaseException as error:
            ends = isinstance(error, SystemExit)
            if not ends:
                traceback.print_exc()
            self.flush()
            sys.stdout.flush()
            os._exit(error.code if ends and isinstance(error.code, int) else 0 if ends and error.code is None else 1)

    def _follow(self, me):
        """Serves what waits, and rests, until it is the leader."""
        while True:
            with self._switch:
                call = self._waiting.popleft() if self._waiting else None
                if call is None:
                    self._resting.append(me)
                else:
                    self._running += 1
            if call is None:
                me.wanted.acquire()
                return
            self._serve(*call)
            self._finished()

    def _look_after(self):
        """Makes another the leader when the one that there is keeps others waiting."""
        readable = select.poll()
        readable.register(self._fd, select.POLLIN)
        seen = -1
        while True:
            if not self._leader.mine and seen == self._begun:
                self._watch.clear()
                self._watch_sleeps = True
                # Whoever has begun since then has not seen that it sleeps.
                if seen == self._begun:
                    self._watch.wait()
                self._watch_sleeps = False
            time.sleep(_PATIENCE)
            if not self._leader.mine or seen != self._begun:
                seen = self._begun
                continue
            # It has been in the same call since we last looked.
            self.flush()
            if self._has_frame() or readable.poll(_LOOK):
                self._hand_on(seen)

    def _hand_on(self, seen):
        if self._begun != seen or (self._alive > self._threads and not self._resting):
            return
        with self._switch:
            self._running += 1
        try:
            self._leader.mine.pop()
        except IndexError:
            # It has just finished.
            with self._switch:
                self._running -= 1
            return
        with self._switch:
            rested = self._resting.pop() if self._resting else None
        self._leader = rested or _Thread()
        if rested:
            rested.wanted.release()
        else:
            self._alive += 1
            threading.Thread(target=self._lead_or_end, args=(self._leader,), daemon=True).start()

    # What is read; by the leader alone.

    def _next(self):
        """The next call: its number, its event's head, and what follows that."""
        while True:
            frame = self._frame()
            if frame is None:
                if self._out:
                    self.flush()
                self._fill()
                continue
            kind, call, start, end = frame
            if kind == _CALL:
                return call, *split(self._read, start, end)
            if kind == _TAKEN and (coming := self._coming.get(call)):
                with coming.changed:
                    coming.open -= _COST.unpack_from(self._read, start)[0]
                    coming.changed.notify_all()

    def _has_frame(self):
        read, at = self._read, self._at
        return len(read) - at >= 4 and len(read) - at >= 4 + _COST.unpack_from(read, at)[0]

    def _frame(self):
        read, at = self._read, self._at
        if len(read) - at < 9:
            return None
        length, kind, call = _HEAD.unpack_from(read, at)
        end = at + 4 + length
        if len(read) < end:
            return None
        self._at = end
        return kind, call, at + 9, end

    def _fill(self):
        left = self._read[self._at :]
        wanted = 4 + _COST.unpack_from(left)[0] - len(left) if len(left) >= 4 else 0
        try:
            some = os.read(self._fd, _CHUNK)
            while some and len(some) < wanted:
                # Of a large event, which comes in many.
                more = os.read(self._fd, wanted - len(some))
                some = bytearray(some) if type(some) is bytes else some
                some += more
                if not more:
                    some = b""
        except OSError:
            some = b""
        if not some:
            self._end()
        # Never changed, only replaced: the watch looks at it too.
        self._at, self._read = 0, (left + some if left else bytes(some))

    def _end(self):
        # Whoever gives the work has gone: nobody is left to work for.
        os._exit(0)


class AsyncLine:
    """The same for coroutines: a loop reads, and who sends in pieces waits in it."""

    def __init__(self, fd):
        self._fd = fd
        self._read = bytearray()
        self._coming = {}
        os.set_inheritable(fd, False)

    def listen(self, at_once, begin):
        """Has `begin` called with each call from here on."""
        self._begin = begin
        asyncio.get_running_loop().add_reader(self._fd, self._hear)
        self._write(f"GET /2018-06-01/runtime/invocation/together/{at_once} HTTP/1.1\r\nHost: runtime\r\n\r\n".encode())

    def answer(self, call, message):
        self._say(_ANSWER, call, message)

    def begin(self, call, head):
        self._coming[call] = _Unsent()
        self._say(_BEGINS, call, head)

    def piece(self, call, piece):
        coming = self._coming[call]
        for start in range(0, len(piece), _LARGEST_PIECE):
            coming.parts.append(bytes(piece[start : start + _LARGEST_PIECE]))
        self._send_what_may_be(call, coming)

    def end(self, call, failure=b""):
        coming = self._coming[call]
        coming.ended = failure
        self._send_what_may_be(call, coming)

    async def sent(self, call):
        """Waits until what was to be sent has been."""
        coming = self._coming.get(call)
        if coming and coming.parts:
            await coming.empty.wait()

    def _send_what_may_be(self, call, coming):
        while coming.parts:
            cost = len(coming.parts[0]) + _PIECE_COSTS
            if coming.open + cost > _WINDOW:
                coming.empty.clear()
                return
            coming.open += cost
            self._say(_PIECE, call, coming.parts.popleft())
        coming.empty.set()
        if coming.ended is not None:
            del self._coming[call]
            self._say(_ENDS, call, coming.ended)

    def _say(self, kind, call, carried):
        self._write(_HEAD.pack(len(carried) + 5, kind, call) + carried)

    def _write(self, message):
        try:
            written = os.write(self._fd, message)
            while written < len(message):
                written += os.write(self._fd, memoryview(message)[written:])
        except OSError:
            os._exit(0)

    def _hear(self):
        read = self._read
        try:
            some = os.read(self._fd, _CHUNK)
        except OSError:
            some = b""
        if not some:
            # Whoever gives the work has gone: nobody is left to work for.
            os._exit(0)
        read += some
        at = 0
        while len(read) - at >= 9:
            length, kind, call = _HEAD.unpack_from(read, at)
            if len(read) - at < 4 + length:
                break
            carried = bytes(memoryview(read)[at + 9 : at + 4 + length])
            at += 4 + length
            if kind == _CALL:
                self._begin(call, *split(carried, 0, len(carried)))
            elif kind == _TAKEN and (coming := self._coming.get(call)):
                coming.open -= _COST.unpack(carried)[0]
                self._send_what_may_be(call, coming)
        del read[:at]


class _Unsent:
    """An answer in pieces, and those that may not be sent yet."""

    def __init__(self):
        self.open = 0
        self.parts = deque()
        self.ended = None
        self.empty = asyncio.Event()


class _Thread:
    """One that serves; it rests while nobody wants it."""

    def __init__(self):
        # The call that it serves as the leader.
        self.mine = []
        self.wanted = threading.Lock()
        self.wanted.acquire()


class _Coming:
    """An answer in pieces."""

    def __init__(self):
        self.open = 0
        self.changed = threading.Condition()
