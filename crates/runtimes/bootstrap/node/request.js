// Requests over HTTP as they are handed to functions that answer them themselves: a head as JSON, eight zero bytes, and
// the body as it is. Answers have the same form.
"use strict";

const { EventEmitter } = require("node:events");
const http = require("node:http");

const END_OF_HEAD = Buffer.alloc(8);

/** The head, and the body's bytes. */
function split(message) {
  const end = message.indexOf(END_OF_HEAD);
  return { head: JSON.parse(message.toString("utf8", 0, end)), body: message.subarray(end + END_OF_HEAD.length) };
}

/** As a server of Node's would have received it. */
function requestOf(head, body) {
  const request = new http.IncomingMessage(new Caller(head.ip));
  request.method = head.method;
  request.url = head.url;
  request.httpVersion = head.version.slice(head.version.indexOf("/") + 1);
  [request.httpVersionMajor, request.httpVersionMinor] = request.httpVersion.split(".").map(Number);
  request.rawHeaders = head.headers.flat();
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    request._addHeaderLine(request.rawHeaders[index], request.rawHeaders[index + 1], request.headers);
  }
  request.complete = true;
  if (body.length > 0) request.push(body);
  request.push(null);
  return request;
}

/** Where a request comes from: what Express and others ask a socket for. It emits events, and is made ready for that when it
 * has to. */
class Caller {
  writable = true;
  readable = true;
  encrypted = false;
  destroyed = false;
  writableLength = 0;

  constructor(address) {
    this.remoteAddress = address;
  }

  setTimeout() {
    return this;
  }

  destroy() {
    this.destroyed = true;
    return this;
  }
}

Object.setPrototypeOf(Caller.prototype, EventEmitter.prototype);

module.exports = { Caller, END_OF_HEAD, requestOf, split };
