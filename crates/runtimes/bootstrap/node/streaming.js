// Responses that are written piece by piece. A handler says that it streams with `awslambda.streamifyResponse`; it then
// gets a stream between the event and the context, and what it returns is ignored.
"use strict";

const { Writable } = require("node:stream");

/** By these the real client, and libraries that wrap handlers, know a handler that streams. */
const STREAMS = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const RESPONSE = "response";

const HTTP_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response";
/** Between the status and headers of an HTTP response, and its body. */
const DELIMITER = Buffer.alloc(8);

function offer() {
  if (["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = { ...globalThis.awslambda, streamifyResponse, HttpResponseStream: { from: httpResponse } };
}

function streamifyResponse(handler, options) {
  handler[STREAMS] = RESPONSE;
  if (typeof options?.highWaterMark === "number") handler[HIGH_WATER_MARK] = options.highWaterMark;
  return handler;
}

function streams(handler) {
  return handler[STREAMS] === RESPONSE;
}

/** Puts the status and the headers of an HTTP response before what is written to the stream. */
function httpResponse(stream, prelude) {
  stream.setContentType(HTTP_CONTENT_TYPE);
  stream._onBeforeFirstWrite = (write) => {
    write(JSON.stringify(prelude));
    write(DELIMITER);
  };
  return stream;
}

class ResponseStream extends Writable {
  #connection;
  #requestId;
  #contentType = "application/octet-stream";
  #begun = false;

  constructor(handler, connection, requestId) {
    super({ highWaterMark: handler[HIGH_WATER_MARK], decodeStrings: true });
    this.#connection = connection;
    this.#requestId = requestId;
  }

  setContentType(type) {
    if (this.#begun) throw new Error("Cannot set content-type, too late.");
    this.#contentType = type;
  }

  /** Everything that is neither text nor bytes is written as JSON. */
  write(piece, ...rest) {
    const plain = typeof piece === "string" || piece instanceof Uint8Array;
    return super.write(plain ? piece : JSON.stringify(piece), ...rest);
  }

  /** Says that the response has begun, if that has not been said. */
  begin() {
    if (this.#begun) return;
    this.#begun = true;
    this.#connection.begin(this.#requestId, this.#contentType);
  }

  _write(piece, _encoding, done) {
    if (!this.#begun) {
      this.begin();
      this._onBeforeFirstWrite?.((first) => this.#connection.piece(Buffer.from(first)));
    }
    this.#connection.piece(piece, done);
  }
}

module.exports = { offer, streams, ResponseStream };
