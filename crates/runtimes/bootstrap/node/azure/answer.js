// What the vendor's host makes of what a worker answers: status, headers, cookies and the bytes of a body.
"use strict";

const { EventEmitter } = require("node:events");
const { Answer } = require("../answer.js");

const TEXT = "text/plain; charset=utf-8";
const BYTES = "application/octet-stream";
const SAME_SITE = { lax: "lax", strict: "strict", explicitNone: "none" };

/** A head and a body, to be sent one after the other. */
function answerOf(response, metadata) {
  const http = httpOf(response, metadata);
  // Nothing was answered.
  if (!http) return { head: { status: 204, headers: [] }, body: Buffer.alloc(0) };
  const { bytes, kind } = bodyOf(http.body);
  const headers = Object.entries(http.headers ?? {}).map(([name, value]) => [name, String(value)]);
  if (bytes.length > 0 && !headers.some(([name]) => name.toLowerCase() === "content-type")) headers.push(["content-type", kind]);
  for (const cookie of http.cookies ?? []) headers.push(["set-cookie", cookieText(cookie)]);
  return { head: { status: statusOf(http.statusCode), headers }, body: bytes };
}

function httpOf(response, metadata) {
  if (response?.returnValue?.http) return response.returnValue.http;
  const output = Object.entries(metadata.bindings).find(([, { type, direction }]) => direction !== "in" && type?.toLowerCase() === "http")?.[0];
  return response?.outputData?.find(({ name }) => name === output)?.data?.http;
}

/** What is no number counts as none. */
function statusOf(said) {
  return /^\s*\d{3}\s*$/.test(said ?? "") ? Number(said) : 200;
}

function bodyOf(body) {
  if (body?.bytes !== undefined && body.bytes !== null) return { bytes: Buffer.from(body.bytes), kind: BYTES };
  return { bytes: Buffer.from(textOf(body)), kind: TEXT };
}

function textOf(body) {
  const value = body?.string ?? body?.int ?? body?.double;
  if (value !== undefined && value !== null) return String(value);
  if (body?.json === undefined || body.json === null) return "";
  const parsed = JSON.parse(body.json);
  if (parsed === null) return "";
  // Objects are printed over several lines there, and these words begin with a capital.
  if (typeof parsed === "boolean") return parsed ? "True" : "False";
  return typeof parsed === "object" ? JSON.stringify(parsed, null, 2) : String(parsed);
}

/** Fields that may be empty are objects in the host's words. */
function plain(value) {
  return value !== null && typeof value === "object" && "value" in value ? value.value : value;
}

function cookieText(cookie) {
  const words = [`${encodeURIComponent(cookie.name)}=${encodeURIComponent(cookie.value)}`];
  const expires = dateOf(plain(cookie.expires));
  const maxAge = plain(cookie.maxAge);
  if (expires) words.push(`expires=${expires.toUTCString()}`);
  if (maxAge !== undefined && maxAge !== null) words.push(`max-age=${Math.trunc(maxAge)}`);
  if (plain(cookie.domain)) words.push(`domain=${plain(cookie.domain)}`);
  words.push(`path=${plain(cookie.path) || "/"}`);
  if (plain(cookie.secure)) words.push("secure");
  if (SAME_SITE[cookie.sameSite]) words.push(`samesite=${SAME_SITE[cookie.sameSite]}`);
  if (plain(cookie.httpOnly)) words.push("httponly");
  return words.join("; ");
}

function dateOf(value) {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Date) return value;
  return new Date(typeof value === "object" ? Number(value.seconds) * 1000 : value);
}

/** For the package's own server: a response that goes on to the caller while it is written. */
class Streamed extends EventEmitter {
  statusCode = 200;
  begun = false;
  #answer;
  #headers = [];
  #over;

  constructor(connection, requestId) {
    super();
    this.#answer = new Answer(connection, requestId);
    this.ended = new Promise((resolve) => {
      this.#over = resolve;
    });
  }

  setHeader(name, value) {
    if (name === "x-ms-invocation-id") return;
    this.#headers = this.#headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
    for (const one of [value].flat()) this.#headers.push([name, String(one)]);
  }

  write(piece) {
    this.#begin();
    return this.#answer.write(Buffer.from(piece), () => {
      if (this.#answer.wantsMore) this.emit("drain");
    });
  }

  end() {
    this.#begin();
    this.#over();
  }

  #begin() {
    if (this.begun) return;
    this.begun = true;
    this.#answer.head = { status: this.statusCode, headers: this.#headers };
    this.#answer.begin();
  }
}

module.exports = { answerOf, Streamed };
