// An answer to a request over HTTP: a head as JSON, eight zero bytes, and the body. It goes whole if it is there whole and
// is not large, and in pieces if not.
"use strict";

const { END_OF_HEAD } = require("./request.js");

/** More than this is sent in pieces: what comes whole is limited more strictly. */
const LARGEST_WHOLE = 4 << 20;
const PIECE = 256 << 10;
/** What may wait to be sent before whoever writes is told to pause. */
const MOST_WAITING = 64 << 10;
const TYPE = "application/octet-stream";

class Answer {
  /** Status and headers; to be set before anything else is done. */
  head = undefined;
  /** What is still to be sent when it ends. */
  rest = Buffer.alloc(0);
  #connection;
  #requestId;
  #begun = false;
  #waiting = 0;

  constructor(connection, requestId) {
    this.#connection = connection;
    this.#requestId = requestId;
  }

  /** Sends the head, if it is not sent. */
  begin() {
    if (this.#begun) return;
    this.#begun = true;
    this.#connection.begin(this.#requestId, TYPE);
    this.#connection.piece(this.#headBytes());
  }

  /** Sends a piece of the body; false if whoever writes should wait until it is sent. */
  write(bytes, sent) {
    this.begin();
    this.#waiting += bytes.length;
    this.#connection.piece(bytes, () => {
      this.#waiting -= bytes.length;
      sent?.();
    });
    return this.wantsMore;
  }

  get wantsMore() {
    return this.#waiting < MOST_WAITING;
  }

  /** Sends what is left; resolves to the next event. */
  async end() {
    if (!this.#begun && this.rest.length <= LARGEST_WHOLE) return this.#connection.answer(this.#requestId, this.#whole());
    this.begin();
    for (let from = 0; from < this.rest.length; from += PIECE) {
      await new Promise((resolve) => this.#connection.piece(this.rest.subarray(from, from + PIECE), resolve));
    }
    return this.#connection.end();
  }

  /** Sends what is left, and asks for nothing more: the process is about to end. */
  last() {
    if (!this.#begun) return this.#connection.last(this.#requestId, this.#whole());
    this.#connection.piece(this.rest);
    return this.#connection.close();
  }

  #whole() {
    return { kind: "response", body: Buffer.concat([this.#headBytes(), this.rest]) };
  }

  #headBytes() {
    return Buffer.concat([Buffer.from(JSON.stringify(this.head)), END_OF_HEAD]);
  }
}

module.exports = { Answer };
