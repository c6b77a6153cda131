// A connection on which several calls run at once. What goes over it are frames: a length (of what follows it), a kind, the
// number of a call, and what the frame carries; numbers are little-endian.
//
// Frames that are said in one turn of the loop leave in one write, straight to the descriptor: the socket's own machinery
// is only used when the other side does not take everything.
"use strict";

const { writeSync } = require("node:fs");

const CALL = 1;
const TAKEN = 2;

const ANSWER = 1;
const BEGINS = 2;
const PIECE = 3;
const ENDS = 4;
const LEAVES = 5;

/** A frame's length, its kind and its call. */
const HEAD = 9;
/** What of one answer may be on the way; a piece counts for more than its bytes. */
const WINDOW = 256 << 10;
const PIECE_COSTS = 64;
const LARGEST_PIECE = 64 << 10;
const OUT = 256 << 10;
/** Zeros behind an event's head. */
const END_OF_HEAD = 8;
const NOTHING = Buffer.alloc(0);
const MOST_BYTES_OF_A_LETTER = 3;

class Line {
  #socket;
  #fd;
  #call;
  /** What has come and is not a whole frame yet, and how much that frame wants. */
  #pieces = [];
  #length = 0;
  #wanted = 4;
  #out = Buffer.allocUnsafeSlow(OUT);
  #end = 0;
  #hearing = false;
  #scheduled = false;
  /** What is to be done once that was sent which was said before. */
  #afterwards = [];
  /** Answers in pieces, by their calls. */
  #coming = new Map();
  #flush = () => {
    this.#scheduled = false;
    this.#settle();
  };

  /** From here on the socket is nobody else's; `call` gets the number of each call, its event's head, and what follows that. */
  constructor(socket, fd, atOnce, call) {
    this.#socket = socket;
    this.#fd = fd;
    this.#call = call;
    socket.ref();
    socket.write(`GET /2018-06-01/runtime/invocation/together/${atOnce} HTTP/1.1\r\nHost: runtime\r\n\r\n`);
  }

  /** Answers with texts, or with a text and bytes behind it. */
  answer(id, head, body) {
    this.#say(ANSWER, id, head, body);
  }

  /** Begins an answer in pieces. */
  begin(id, head) {
    this.#say(BEGINS, id, head);
    this.#coming.set(id, { open: 0, waiting: [], ended: undefined });
  }

  /** Sends a piece when it may be sent; `sent` is called then. */
  piece(id, bytes, sent) {
    const coming = this.#coming.get(id);
    for (let from = 0; from < bytes.length; from += LARGEST_PIECE) {
      const last = from + LARGEST_PIECE >= bytes.length;
      // Whoever wrote it may use its memory again.
      coming.waiting.push({ bytes: Buffer.from(bytes.subarray(from, from + LARGEST_PIECE)), sent: last ? sent : undefined });
    }
    if (bytes.length === 0) sent?.();
    this.#sendWhatMayBe(id, coming);
  }

  /** Ends it once everything has been sent; with an error, if it broke off. */
  end(id, failed) {
    const coming = this.#coming.get(id);
    coming.ended = failed ?? "";
    this.#sendWhatMayBe(id, coming);
  }

  #sendWhatMayBe(id, coming) {
    while (coming.waiting.length > 0) {
      const { bytes, sent } = coming.waiting[0];
      const cost = bytes.length + PIECE_COSTS;
      if (coming.open + cost > WINDOW) return;
      coming.waiting.shift();
      coming.open += cost;
      this.#say(PIECE, id, "", bytes);
      if (sent) process.nextTick(sent);
    }
    if (coming.ended === undefined) return;
    this.#coming.delete(id);
    this.#say(ENDS, id, coming.ended);
  }

  /** Has this called with that, at the end of this turn. */
  afterwards(what, whom) {
    this.#afterwards.push(what, whom);
    this.#schedule();
  }

  #schedule() {
    if (this.#hearing || this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
  }

  #settle() {
    this.flush();
    const due = this.#afterwards;
    if (due.length === 0) return;
    this.#afterwards = [];
    for (let at = 0; at < due.length; at += 2) due[at](due[at + 1]);
  }

  #say(kind, id, text, body) {
    const letters = text.length + (typeof body === "string" ? body.length : 0);
    const most = HEAD + letters * MOST_BYTES_OF_A_LETTER + (typeof body === "object" ? body.length : 0);
    if (most > OUT - this.#end) this.flush();
    if (most > OUT) {
      this.#sayMuch(kind, id, text, body);
      return;
    }
    const out = this.#out;
    let at = this.#end + HEAD;
    at += out.utf8Write(text, at);
    if (typeof body === "string") at += out.utf8Write(body, at);
    else if (body) at += (out.set(body, at), body.length);
    headOf(out, this.#end, kind, id, at - this.#end);
    this.#end = at;
    this.#schedule();
  }

  #sayMuch(kind, id, text, body) {
    const parts = [Buffer.allocUnsafe(HEAD), Buffer.from(text), typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0))];
    const all = Buffer.concat(parts);
    headOf(all, 0, kind, id, all.length);
    this.#write(all);
  }

  /** Sends what was said so far. */
  flush() {
    if (this.#end === 0) return;
    const said = this.#out.subarray(0, this.#end);
    this.#end = 0;
    this.#write(said);
  }

  #write(bytes) {
    let from = 0;
    if (this.#socket.writableLength === 0) from = this.#writeNow(bytes);
    if (from < bytes.length) this.#socket.write(Buffer.from(bytes.subarray(from)));
  }

  /** As much as is taken at once. */
  #writeNow(bytes) {
    let from = 0;
    try {
      while (from < bytes.length) from += writeSync(this.#fd, bytes, from, bytes.length - from);
    } catch (error) {
      if (error.code !== "EAGAIN") process.exit(0);
    }
    return from;
  }

  /** Sends everything before anything else happens: the process is about to end. */
  flushAtTheEnd() {
    // In the middle of something else nobody would understand it.
    if (this.#socket.writableLength > 0) return;
    const due = this.#afterwards;
    this.#afterwards = [];
    for (let at = 0; at < due.length; at += 2) due[at](due[at + 1]);
    // Before whoever hears the last answer asks for something else.
    const leaves = Buffer.alloc(HEAD);
    headOf(leaves, 0, LEAVES, 0, HEAD);
    this.#writeNow(leaves);
    const said = this.#out.subarray(0, this.#end);
    for (let from = 0; from < said.length; ) from += this.#writeNow(said.subarray(from));
    this.#end = 0;
  }

  /** Takes what has come, in memory that is somebody else's afterwards. */
  hear(piece) {
    this.#length += piece.length;
    if (this.#length < this.#wanted) {
      this.#pieces.push(Buffer.from(piece));
      return;
    }
    let all = piece;
    if (this.#pieces.length > 0) {
      // A large event comes in many pieces: they are joined once, when all are there.
      this.#pieces.push(piece);
      all = Buffer.concat(this.#pieces);
      this.#pieces = [];
    }
    this.#hearing = true;
    const left = this.#hear(all);
    this.#hearing = false;
    this.#length = left.length;
    if (left.length > 0) this.#pieces.push(Buffer.from(left));
    // What the calls have said by now, they have said in this turn.
    this.#settle();
  }

  /** Takes every frame that is there whole; returns the rest. */
  #hear(all) {
    let from = 0;
    for (;;) {
      const there = all.length - from;
      if (there < 4) {
        this.#wanted = 4;
        break;
      }
      const length = 4 + all.readUInt32LE(from);
      if (there < length) {
        this.#wanted = length;
        break;
      }
      this.#frame(all[from + 4], all.readUInt32LE(from + 5), all, from + HEAD, from + length);
      from += length;
    }
    return all.subarray(from);
  }

  #frame(kind, id, all, from, to) {
    if (kind === CALL) {
      // The head is text, and has no zero in it.
      const end = all.indexOf(0, from);
      const body = end + END_OF_HEAD < to ? Buffer.from(all.subarray(end + END_OF_HEAD, to)) : NOTHING;
      this.#call(id, all.utf8Slice(from, end), body);
    } else if (kind === TAKEN) {
      const coming = this.#coming.get(id);
      if (!coming) return;
      coming.open -= all.readUInt32LE(from);
      this.#sendWhatMayBe(id, coming);
    }
  }
}

function headOf(buffer, at, kind, id, length) {
  buffer.writeUInt32LE(length - 4, at);
  buffer[at + 4] = kind;
  buffer.writeUInt32LE(id, at + 5);
}

module.exports = { Line };
