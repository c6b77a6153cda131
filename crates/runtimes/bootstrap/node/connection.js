// The Runtime API over a connected socket: HTTP/1.1 in the least that it needs. Requests are made of ready text, and an
// answer to a question has a length, so a library would only add to the cost of each call.
"use strict";

const net = require("node:net");
const { Line } = require("./line.js");

const VERSION = "/2018-06-01/runtime";
const NEXT = `GET ${VERSION}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n`;
/** Answers up to this length go together with what is said around them. */
const SMALL = 16 << 10;
const READ_AT_ONCE = 64 << 10;
const HEAD_END = Buffer.from("\r\n\r\n");
/** What is said to an answer. */
const HEARD = Buffer.from('HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n');

class Connection {
  constructor(fd) {
    this.fd = fd;
    // All is read into memory that is used again and again; whoever keeps what came copies it.
    const read = (length, memory) => {
      this.hear(memory.subarray(0, length));
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafeSlow(READ_AT_ONCE), callback: read };
    this.socket = new net.Socket({ fd, readable: true, writable: true, onread });
    this.pieces = [];
    this.length = 0;
    this.waiting = undefined;
    this.streaming = false;
    // How many answers of ours are still to be acknowledged before the next event comes.
    this.owed = 0;
    this.hear = (piece) => this.#receive(Buffer.from(piece));
    // Whoever gives the work has gone: nobody is left to work for.
    this.socket.on("close", () => process.exit(0));
    this.socket.on("error", () => process.exit(0));
  }

  /** Asks for work and waits for it. */
  next() {
    this.socket.write(NEXT);
    return this.#event();
  }

  /** Answers, asks again and waits for the next event. */
  answer(requestId, answer) {
    this.owed += 1;
    const path = `${VERSION}/invocation/${requestId}/${answer.kind}`;
    if (typeof answer.body === "string" && answer.body.length <= SMALL) {
      // One text takes half as long as pieces that are gathered.
      this.socket.write(post(path, Buffer.byteLength(answer.body), answer.errorType) + answer.body + NEXT);
      return this.#event();
    }
    const body = Buffer.from(answer.body);
    this.socket.cork();
    this.socket.write(post(path, body.length, answer.errorType));
    this.socket.write(body);
    this.socket.write(NEXT);
    this.socket.uncork();
    return this.#event();
  }

  /** Answers, and asks for nothing more: the process is about to end. */
  last(requestId, answer) {
    const body = Buffer.from(answer.body);
    this.socket.cork();
    this.socket.write(post(`${VERSION}/invocation/${requestId}/${answer.kind}`, body.length, answer.errorType));
    this.socket.write(body);
    this.socket.uncork();
  }

  /** Begins an answer that comes in pieces. */
  begin(requestId, contentType) {
    this.streaming = true;
    this.socket.write(streamed(`${VERSION}/invocation/${requestId}/response`, contentType));
  }

  piece(bytes, done) {
    if (bytes.length === 0) {
      // It would be taken for the end.
      done?.();
      return;
    }
    this.socket.cork();
    this.socket.write(`${bytes.length.toString(16)}\r\n`);
    this.socket.write(bytes);
    this.socket.write("\r\n", done);
    this.socket.uncork();
  }

  /** Ends it, saying how it failed if it did; asks again and waits for the next event. */
  end(failed) {
    this.streaming = false;
    this.owed += 1;
    this.socket.write(lastPiece(failed) + NEXT);
    return this.#event();
  }

  /** Ends it, and asks for nothing more. */
  close() {
    this.socket.write(lastPiece());
  }

  /** Says how an invocation failed, and nothing afterwards. */
  error(requestId, failed) {
    if (this.streaming) return new Promise((resolve) => this.socket.write(lastPiece(failed), resolve));
    return this.#last(`${VERSION}/invocation/${requestId}/error`, failed);
  }

  /** Says why there will be no first invocation. */
  initError(failed) {
    return this.#last(`${VERSION}/init/error`, failed);
  }

  /** Takes several calls at once from here on. */
  together(atOnce, call) {
    const line = new Line(this.socket, this.fd, atOnce, call);
    this.hear = (bytes) => line.hear(bytes);
    return line;
  }

  /** While nothing but an answer of the handler's is waited for, the connection does not keep the process alive. */
  release() {
    this.socket.unref();
  }

  /** Lets go of it, without ending the process. */
  abandon() {
    this.socket.removeAllListeners("close");
    return new Promise((resolve) => {
      this.socket.once("close", resolve);
      this.socket.destroy();
    });
  }

  #last(path, failed) {
    const body = Buffer.from(failed.body);
    return new Promise((resolve) => {
      this.socket.write(Buffer.concat([Buffer.from(post(path, body.length, failed.errorType)), body]), resolve);
    });
  }

  #event() {
    this.socket.ref();
    return new Promise((resolve) => {
      this.waiting = resolve;
      this.#deliver();
    });
  }

  #receive(piece) {
    this.pieces.push(piece);
    this.length += piece.length;
    this.#deliver();
  }

  #deliver() {
    for (;;) {
      if (this.owed > 0 && this.#heard()) {
        this.owed -= 1;
        continue;
      }
      const message = this.#take();
      if (!message) return;
      if (this.owed > 0) {
        this.owed -= 1;
        continue;
      }
      const resolve = this.waiting;
      this.waiting = undefined;
      if (resolve) resolve(message);
    }
  }

  /** Takes what is said to an answer, if that is what has come: it says nothing that would have to be read. */
  #heard() {
    const first = this.pieces[0];
    if (this.length < HEARD.length || first.length < HEARD.length) return false;
    if (first.compare(HEARD, 0, HEARD.length, 0, HEARD.length) !== 0) return false;
    if (first.length > HEARD.length) this.pieces[0] = first.subarray(HEARD.length);
    else this.pieces.shift();
    this.length -= HEARD.length;
    return true;
  }

  /** Takes one whole message from what has come, if it is all there. */
  #take() {
    if (this.length === 0) return undefined;
    if (this.pieces.length > 1) {
      // A large event comes in many pieces: they are joined once, when all are there.
      if (this.wanted && this.length < this.wanted) return undefined;
      this.pieces = [Buffer.concat(this.pieces)];
    }
    const all = this.pieces[0];
    const end = all.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const headers = parse(all.toString("latin1", 0, end));
    const from = end + HEAD_END.length;
    const to = from + Number(headers["content-length"] ?? 0);
    if (all.length < to) {
      this.wanted = to;
      return undefined;
    }
    this.wanted = undefined;
    this.pieces = all.length > to ? [all.subarray(to)] : [];
    this.length = all.length - to;
    return new Event(headers, all.subarray(from, to));
  }
}

/** A call that is to be made; an acknowledgement looks like one in which nothing is said. */
class Event {
  constructor(headers, bytes) {
    this.bytes = bytes;
    this.requestId = headers["lambda-runtime-aws-request-id"];
    this.deadline = Number(headers["lambda-runtime-deadline-ms"]);
    this.arn = headers["lambda-runtime-invoked-function-arn"];
    this.trace = headers["lambda-runtime-trace-id"];
    this.clientContext = headers["lambda-runtime-client-context"];
    this.identity = headers["lambda-runtime-cognito-identity"];
  }

  get body() {
    return this.bytes.toString("utf8");
  }
}

function post(path, length, errorType) {
  const kind = errorType ? `Lambda-Runtime-Function-Error-Type: ${clean(errorType)}\r\n` : "";
  return `POST ${path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n${kind}Content-Length: ${length}\r\n\r\n`;
}

function streamed(path, contentType) {
  return (
    `POST ${path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: ${clean(contentType)}\r\n` +
    "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n" +
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
  );
}

function lastPiece(failed) {
  if (!failed) return "0\r\n\r\n";
  const body = Buffer.from(failed.body).toString("base64");
  return `0\r\nLambda-Runtime-Function-Error-Type: ${clean(failed.errorType)}\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n\r\n`;
}

/** An error's name is the function's to choose; a header's value is not. */
function clean(text) {
  return String(text).replace(/[^\x20-\x7e]/g, "?");
}

/** The headers of a head, whose first line has none. */
function parse(head) {
  const headers = { __proto__: null };
  let line = head.indexOf("\r\n") + 2;
  while (line > 1) {
    const next = head.indexOf("\r\n", line);
    const colon = head.indexOf(":", line);
    const value = next < 0 ? head.slice(colon + 1) : head.slice(colon + 1, next);
    headers[head.slice(line, colon).toLowerCase()] = value.trim();
    line = next + 2;
  }
  return headers;
}

module.exports = { Connection, HEARD };
