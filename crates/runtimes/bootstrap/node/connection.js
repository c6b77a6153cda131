// The Runtime API over a connected socket: HTTP/1.1 in the least that it needs. Requests are made of ready text, and an
// answer to a question has a length, so a library would only add to the cost of each call.
"use strict";

const net = require("node:net");

const VERSION = "/2018-06-01/runtime";
const NEXT = `GET ${VERSION}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n`;
const HEAD_END = Buffer.from("\r\n\r\n");

class Connection {
  constructor(fd) {
    this.socket = new net.Socket({ fd, readable: true, writable: true });
    this.pieces = [];
    this.length = 0;
    this.waiting = undefined;
    this.streaming = false;
    // How many answers of ours are still to be acknowledged before the next event comes.
    this.owed = 0;
    this.socket.on("data", (piece) => this.#receive(piece));
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
    const body = Buffer.from(answer.body);
    this.owed += 1;
    this.socket.cork();
    this.socket.write(post(`${VERSION}/invocation/${requestId}/${answer.kind}`, body.length, answer.errorType));
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
    const to = from + Number(headers.get("content-length") ?? 0);
    if (all.length < to) {
      this.wanted = to;
      return undefined;
    }
    this.wanted = undefined;
    const bytes = all.subarray(from, to);
    this.pieces = all.length > to ? [all.subarray(to)] : [];
    this.length = all.length - to;
    return {
      bytes,
      get body() {
        return bytes.toString("utf8");
      },
      requestId: headers.get("lambda-runtime-aws-request-id"),
      deadline: Number(headers.get("lambda-runtime-deadline-ms")),
      arn: headers.get("lambda-runtime-invoked-function-arn"),
      trace: headers.get("lambda-runtime-trace-id"),
      clientContext: headers.get("lambda-runtime-client-context"),
      identity: headers.get("lambda-runtime-cognito-identity"),
    };
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

function parse(head) {
  const headers = new Map();
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

module.exports = { Connection };
