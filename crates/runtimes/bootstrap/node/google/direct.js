// Requests of HTTP functions that need not go through the framework's Express application, because what it would do to
// them is known: give them their prototypes and settings, read a body that is JSON or text, and call the function in a
// domain of its own. What the application does and few functions look at is done when somebody looks.
//
// Everything else goes through the application: other bodies, paths that it answers itself or that do not read, options that
// change what it does, other generations of the framework. `tests/e2e/test_google_direct.py` compares the two ways.
"use strict";

const domain = require("node:domain");
const http = require("node:http");
const path = require("node:path");
const { Readable } = require("node:stream");
const { responsesLike } = require("./response.js");
const { Caller } = require("../request.js");

/** Of the framework and of its Express. */
const FRAMEWORK = /^5\./;
const EXPRESS = /^5\./;
/** What the framework's own application answers. */
const ANSWERED = /^\/(favicon\.ico|robots\.txt)/i;
const JSON_TYPE = /^application\/json *(; *charset="?utf-8"?)? *$/i;
const TEXT_TYPE = /^text\/plain *(; *charset="?utf-8"?)? *$/i;
const TRACE = /^(?<traceId>\w+)\/(?<spanId>\d+)(?:;o=(?<options>.+))?$/;

class Direct {
  #execute;
  #invoker;
  #crash;
  #Request;
  #response;

  /** None if the application's ways are not known. */
  static of(server, execute, options, framework, located) {
    const [application] = server.listeners("request");
    const isKnown =
      options.signatureType === "http" &&
      options.ignoredRoutes === null &&
      !options.enableExecutionId &&
      FRAMEWORK.test(versionAbove(located)) &&
      EXPRESS.test(versionAbove(require.resolve("express", { paths: [located] }))) &&
      Array.isArray(domain._stack) &&
      application?.request &&
      application.response;
    return isKnown ? new Direct(application, execute, options, framework) : undefined;
  }

  constructor(application, execute, options, framework) {
    this.#execute = execute;
    this.#invoker = framework("invoker.js");
    this.#crash = framework("logger.js").sendCrashResponse;
    this.#Request = requestsLike(application, options);
    this.#response = responsesLike(application.response);
  }

  /** Serves it, unless it has to go through the application. */
  serve(head, body, line, id) {
    if (head.url[0] !== "/" || ANSWERED.test(head.url) || !reads(head.url)) return false;
    const read = bodyOf(head.headers, body);
    if (!read) return false;
    const request = new this.#Request(head, read);
    const response = this.#response(request, line, id);
    request.res = response;
    response.locals = Object.create(null);
    response.locals.functionExecutionFinished = false;
    this.#invoker.setLatestRes(response);
    this.#run(request, response);
    return true;
  }

  /** As the framework does, in a domain: it also gets what is thrown later. */
  #run(request, response) {
    const fail = (error) => {
      if (response.locals.functionExecutionFinished) {
        console.error(`Exception from a finished function: ${error}`);
      } else {
        response.locals.functionExecutionFinished = true;
        this.#crash({ err: error, res: response });
      }
    };
    const own = domain.create();
    own.on("error", fail);
    // What is thrown at once is caught here, so nothing else need be told to catch it, which `enter` would see to.
    domain._stack.push(own);
    process.domain = domain.active = own;
    let thrown;
    try {
      const returned = this.#execute(request, response);
      if (returned instanceof Promise) returned.catch(fail);
    } catch (error) {
      thrown = { error };
    }
    domain._stack.length = 0;
    process.domain = domain.active = undefined;
    if (thrown) fail(marked(thrown.error, own));
  }
}

/** As domains mark errors. */
function marked(error, own) {
  if (typeof error === "object" && error !== null) {
    Object.defineProperty(error, "domain", { configurable: true, enumerable: false, value: own, writable: true });
    error.domainThrown = true;
  }
  return error;
}

/** Whether a path's letters read, which the application's router would refuse otherwise. */
function reads(url) {
  if (!url.includes("%")) return true;
  try {
    decodeURIComponent(url.split("?", 1)[0]);
    return true;
  } catch {
    return false;
  }
}

/** What a body reads as; none if that is for the application to say. */
function bodyOf(headers, bytes) {
  let type;
  let has = false;
  for (const [name, value] of headers) {
    if (name === "content-type") type ??= value;
    else if (name === "content-length") has = true;
    else if (name === "transfer-encoding" || name === "content-encoding") return undefined;
  }
  if (!has) return bytes.length === 0 ? NO_BODY : undefined;
  if (type === undefined) return undefined;
  if (JSON_TYPE.test(type)) {
    if (bytes.length === 0) return undefined;
    const text = bytes.utf8Slice(0, bytes.length);
    if (!/^[\x20\t\n\r]*[{[]/.test(text)) return undefined;
    try {
      return { body: JSON.parse(text), bytes };
    } catch {
      return undefined;
    }
  }
  // A mark of the byte order would have been taken off.
  if (TEXT_TYPE.test(type) && bytes[0] !== 0xef) return { body: bytes.utf8Slice(0, bytes.length), bytes };
  return undefined;
}

const NO_BODY = { body: undefined, bytes: undefined };

/** A class of requests as an application makes them. */
function requestsLike(application, options) {
  class Request {
    constructor(head, { body, bytes }) {
      const socket = new Caller(head.ip);
      this.socket = socket;
      this.client = socket;
      this.method = head.method;
      this.url = head.url;
      this.originalUrl = head.url;
      this.baseUrl = "";
      this.httpVersion = head.version.slice(head.version.indexOf("/") + 1);
      this.httpVersionMajor = Number(this.httpVersion[0]);
      this.httpVersionMinor = Number(this.httpVersion[2] ?? 0);
      this.statusCode = null;
      this.statusMessage = null;
      this.complete = true;
      this.aborted = false;
      this.upgrade = false;
      this.joinDuplicateHeaders = false;
      this._consumed = false;
      this._dumped = false;
      this.body = body;
      this.res = undefined;
      this.hasCopy = false;
      const raw = [];
      for (const [name, value] of head.headers) {
        raw.push(name, value);
        if (name === "if-none-match" || name === "if-modified-since") this.hasCopy = true;
      }
      this.rawHeaders = raw;
      this.rawTrailers = [];
      if (COUNT) this[COUNT] = raw.length;
      if (bytes) this.rawBody = bytes;
    }
  }
  Object.setPrototypeOf(Request.prototype, application.request);
  delete Request.prototype.constructor;
  asStream(Request.prototype);
  const define = (name, make) => lazily(Request.prototype, name, make);
  define("params", (request) => {
    const segments = decodeURIComponent(request.path).slice(1).split("/");
    return segments.length === 1 && segments[0] === "" ? Object.create(null) : Object.assign(Object.create(null), { splat: segments });
  });
  // What the function is at, which is what the framework has put last.
  define("route", () => application.router.stack.at(-1).route);
  define("executionId", (request) => request.header("function-execution-id") || newExecutionId());
  define("spanId", (request) => request.header("X-Cloud-Trace-Context")?.match(TRACE)?.groups?.spanId);
  if (options.timeoutMilliseconds > 0) define("abortController", () => new AbortController());
  // All of the body is known, and has been read if there was one.
  Request.prototype._read = function () {
    this._consumed = true;
    this.push(null);
  };
  return Request;
}

/** The state of a stream that has ended. */
const READ = { flowing: true, readingMore: false, ended: true, endEmitted: true, reading: false, destroyed: true, closed: true, closeEmitted: true };

/** Where Node keeps how many raw headers there are. */
const COUNT = Object.getOwnPropertySymbols(new http.IncomingMessage(new Caller(""))).find((symbol) => symbol.description === "kHeadersCount");

/** Makes requests streams when somebody asks them for something that only streams have: most are never read. */
function asStream(prototype) {
  Object.defineProperty(prototype, "_readableState", {
    configurable: true,
    get() {
      Readable.call(this);
      const state = this._readableState;
      state.readingMore = true;
      // A body that was parsed has been read to its end.
      if (this.rawBody) Object.assign(state, READ);
      return state;
    },
    set(value) {
      Object.defineProperty(this, "_readableState", { value, writable: true, configurable: true, enumerable: true });
    },
  });
}

/** A property that is made when somebody looks at it. */
function lazily(prototype, name, make) {
  const own = (object, value) => Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true });
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get() {
      const made = make(this);
      own(this, made);
      return made;
    },
    set(value) {
      own(this, value);
    },
  });
}

/** As the framework makes them. */
function newExecutionId() {
  return Date.now().toString(36).slice(-6) + Math.random().toString(36).slice(-6);
}

/** Of the package that a file is of. */
function versionAbove(file) {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    try {
      return require(path.join(folder, "package.json")).version ?? "";
    } catch {
      // It is further up.
    }
  }
  return "";
}

module.exports = { Direct };
