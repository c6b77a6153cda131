// Responses that pass on what is written to them: an answer's head as JSON, eight zero bytes, and the body.
//
// They are Node's own responses but for the methods that would write to a socket. An application of Express gives every
// response another prototype, so there the methods are the response's own; where we know that prototype ahead, they are in
// one that stands before it.
"use strict";

const http = require("node:http");

const END_OF_HEAD = "\0".repeat(8);
/** More than this is sent in pieces: what comes whole is limited more strictly. */
const LARGEST_WHOLE = 4 << 20;
/** What may wait to be sent before whoever writes is told to pause. */
const MOST_WAITING = 64 << 10;

/** Stands in JSON as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** Types that Express would only write as they are written. */
const WITH_CHARSET = new Set(["text/html; charset=utf-8", "application/json; charset=utf-8", "text/plain; charset=utf-8"]);
const HTML = "text/html; charset=utf-8";
/** Texts from this length on are made into bytes first. */
const LONG_TEXT = 1000;

const ANSWER = Symbol("answer");
const HEADERS = Object.getOwnPropertySymbols(new http.OutgoingMessage()).find((symbol) => symbol.description === "kOutHeaders");

/** What becomes of one call. */
class Answer {
  begun = false;
  waiting = 0;

  constructor(line, id, wanted) {
    this.line = line;
    this.id = id;
    /** Whoever only asks for the head gets no more. */
    this.wanted = wanted;
    this.head = undefined;
  }

  begin() {
    if (this.begun) return;
    this.begun = true;
    this.line.begin(this.id, this.head);
  }

  end(body) {
    const rest = this.wanted ? body : "";
    if (!this.begun && rest.length <= LARGEST_WHOLE) {
      this.line.answer(this.id, this.head, rest);
      return;
    }
    this.begin();
    this.line.piece(this.id, Buffer.from(rest));
    this.line.end(this.id);
  }
}

/** A response to this request; an application will give it its prototype. */
function responseTo(request, line, id) {
  const response = new http.ServerResponse(request);
  Object.assign(response, METHODS);
  return prepared(response, request, line, id);
}

function prepared(response, request, line, id) {
  response.socket = request.socket;
  response[ANSWER] = new Answer(line, id, request.method !== "HEAD");
  return response;
}

/** A class of responses with this prototype. */
function responsesLike(prototype) {
  class Response extends http.ServerResponse {}
  Object.setPrototypeOf(Response.prototype, prototype);
  delete Response.prototype.constructor;
  Object.defineProperty(Response.prototype, "send", { value: sending(prototype.send), writable: true, configurable: true, enumerable: true });
  for (const [name, value] of Object.entries(METHODS)) {
    Object.defineProperty(Response.prototype, name, { value, writable: true, configurable: true, enumerable: true });
  }
  return (request, line, id) => prepared(new Response(request), request, line, id);
}

/** As Express sends, for the usual: a text, of a type that it need not look at, to somebody who has no older copy. */
function sending(send) {
  return function (body) {
    const { req, app } = this;
    const type = this.getHeader("Content-Type");
    const isUsual =
      typeof body === "string" &&
      body.length < LONG_TEXT &&
      this.statusCode === 200 &&
      (type === undefined || WITH_CHARSET.has(type)) &&
      !req.hasCopy &&
      req.method !== "HEAD" &&
      typeof app.settings["etag fn"] !== "function" &&
      !this.getHeader("Transfer-Encoding");
    if (!isUsual) return send.call(this, body);
    if (type === undefined) this.setHeader("Content-Type", HTML);
    this.setHeader("Content-Length", String(Buffer.byteLength(body)));
    this.end(body, "utf8");
    return this;
  };
}

const METHODS = {
  writeHead(status, reason, headers) {
    const given = typeof reason === "string" ? headers : reason;
    this.statusCode = status;
    const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given ?? {});
    for (const [name, value] of pairs) this.setHeader(name, value);
    // By this Node knows that it is too late to set headers.
    this._header = "sent";
    return this;
  },

  flushHeaders() {
    const answer = beginning(this);
    if (answer.wanted) answer.begin();
  },

  write(piece, encoding, callback) {
    if (this.finished) throw writtenAfterEnd();
    const bytes = bytesOf(piece, encoding);
    const written = typeof encoding === "function" ? encoding : callback;
    const answer = beginning(this);
    if (!answer.wanted) {
      if (written) process.nextTick(written);
      return true;
    }
    answer.begin();
    answer.waiting += bytes.length;
    answer.line.piece(answer.id, bytes, () => {
      answer.waiting -= bytes.length;
      written?.();
      if (answer.waiting < MOST_WAITING) this.emit("drain");
    });
    return answer.waiting < MOST_WAITING;
  },

  end(piece, encoding, callback) {
    if (this.finished) return this;
    const isText = typeof piece === "string" && (encoding === undefined || encoding === "utf8" || typeof encoding === "function");
    const body = isText ? piece : typeof piece === "function" ? "" : bytesOf(piece, encoding);
    const answer = beginning(this);
    this.finished = true;
    const ended = [piece, encoding, callback].find((argument) => typeof argument === "function");
    if (ended) this.once("finish", ended);
    answer.end(body);
    answer.line.afterwards(finish, this);
    return this;
  },
};

function finish(response) {
  const { locals } = response;
  if (locals) locals.functionExecutionFinished = true;
  response.emit("finish");
  response.emit("close");
}

/** With its head, which is what it is now. */
function beginning(response) {
  if (!response.headersSent) response.writeHead(response.statusCode);
  const answer = response[ANSWER];
  answer.head ??= headOf(response);
  return answer;
}

function headOf(response) {
  let headers = "";
  const out = response[HEADERS];
  for (const name in out) {
    const spelt = out[name][0];
    const value = out[name][1];
    if (Array.isArray(value)) for (const one of value) headers += pair(headers, spelt, one);
    else headers += pair(headers, spelt, value);
  }
  return `{"status":${Number(response.statusCode)},"headers":[${headers}]}${END_OF_HEAD}`;
}

function pair(before, name, value) {
  return `${before === "" ? "" : ","}[${quoted(name)},${quoted(String(value))}]`;
}

function quoted(text) {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function bytesOf(piece, encoding) {
  if (piece === undefined || piece === null) return Buffer.alloc(0);
  if (typeof piece !== "string" && !(piece instanceof Uint8Array)) {
    const error = new TypeError(`The "chunk" argument must be of type string or an instance of Buffer or Uint8Array. Received ${typeof piece}`);
    error.code = "ERR_INVALID_ARG_TYPE";
    throw error;
  }
  return Buffer.from(piece, typeof encoding === "string" ? encoding : undefined);
}

function writtenAfterEnd() {
  const error = new Error("write after end");
  error.code = "ERR_STREAM_WRITE_AFTER_END";
  return error;
}

/** Names and values by turns, in pairs. */
function pairsOf(flat) {
  if (Array.isArray(flat[0])) return flat;
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []));
}

module.exports = { responseTo, responsesLike };
