// Google's functions: the application's own functions-framework, without a server around it.
//
// An event is a request over HTTP: its head as JSON, eight zero bytes, and its body. The framework makes an Express
// application of the function, which is given such a request and a response that passes on what is written to it, so what
// a function sees and what becomes of its answer and of its errors is the framework's own doing.
"use strict";

const http = require("node:http");
const { createRequire } = require("node:module");
const path = require("node:path");
const { Answer } = require("./answer.js");
const { requestOf } = require("./request.js");

const PACKAGE = "@google-cloud/functions-framework";
/** The framework's own, for an instance that could not be initialised. */
const INIT_FAILED = 1;

async function main(connection, settings) {
  let server;
  try {
    server = await serverOf(settings.root);
  } catch (error) {
    console.error(error.stack ?? error);
    await connection.initError({ errorType: error.name, body: JSON.stringify({ errorType: error.name, errorMessage: error.message }) });
    process.exit(INIT_FAILED);
  }
  // After these the framework answers, and ends the process.
  let leaving = false;
  for (const end of ["exit", "uncaughtException", "unhandledRejection"]) {
    process.prependListener(end, () => {
      leaving = true;
    });
  }
  const serve = (event) => {
    const request = requestOf(event.bytes);
    const answer = new Answer(connection, event.requestId);
    const response = responseTo(request, answer, () => {
      // At once: the framework answers even while the process ends.
      if (leaving) answer.last();
      else answer.end().then(serve);
    });
    server.emit("request", request, response);
  };
  connection.next().then(serve);
}

async function serverOf(root) {
  const framework = (part) => require(path.join(path.dirname(located(root)), part));
  const options = framework("options.js").parseOptions([], process.env);
  const loaded = await framework("loader.js").getUserFunction(root, options.target, options.signatureType);
  // It has said why.
  if (!loaded) throw new Error(`Could not load the function ${options.target}`);
  const server = framework("server.js").getServer(loaded.userFunction, { ...options, signatureType: loaded.signatureType });
  new (framework("invoker.js").ErrorHandler)(server).register();
  return server;
}

function located(root) {
  try {
    return createRequire(path.join(root, "/")).resolve(PACKAGE);
  } catch {
    throw new Error(`${PACKAGE} is not installed; put it among the dependencies in package.json`);
  }
}

/** A response that passes on what is written to it. Express replaces its prototype, so these methods are its own. */
function responseTo(request, answer, done) {
  const response = new http.ServerResponse(request);
  response.socket = request.socket;
  const begin = () => {
    if (!response.headersSent) response.writeHead(response.statusCode);
    answer.head ??= { status: response.statusCode, headers: headersOf(response) };
  };
  const bytesOf = (piece, encoding) => {
    if (piece === undefined || piece === null) return Buffer.alloc(0);
    if (typeof piece !== "string" && !(piece instanceof Uint8Array)) {
      const error = new TypeError(`The "chunk" argument must be of type string or an instance of Buffer or Uint8Array. Received ${typeof piece}`);
      error.code = "ERR_INVALID_ARG_TYPE";
      throw error;
    }
    return Buffer.from(piece, typeof encoding === "string" ? encoding : undefined);
  };
  // Whoever only asks for the head gets no more.
  const wanted = request.method !== "HEAD";
  response.writeHead = (status, reason, headers) => {
    const given = typeof reason === "string" ? headers : reason;
    response.statusCode = status;
    const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given ?? {});
    for (const [name, value] of pairs) response.setHeader(name, value);
    // By this Node knows that it is too late to set headers.
    response._header = "sent";
    return response;
  };
  response.flushHeaders = () => {
    begin();
    if (wanted) answer.begin();
  };
  response.write = (piece, encoding, callback) => {
    if (response.finished) throw writtenAfterEnd();
    const bytes = bytesOf(piece, encoding);
    const written = typeof encoding === "function" ? encoding : callback;
    begin();
    if (!wanted) {
      if (written) process.nextTick(written);
      return true;
    }
    return answer.write(bytes, () => {
      written?.();
      if (answer.wantsMore) response.emit("drain");
    });
  };
  response.end = (piece, encoding, callback) => {
    if (response.finished) return response;
    const bytes = typeof piece === "function" ? Buffer.alloc(0) : bytesOf(piece, encoding);
    begin();
    response.finished = true;
    const ended = [piece, encoding, callback].find((argument) => typeof argument === "function");
    if (ended) response.once("finish", ended);
    if (wanted) answer.rest = bytes;
    done();
    process.nextTick(() => {
      response.emit("finish");
      response.emit("close");
    });
    return response;
  };
  return response;
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

function headersOf(response) {
  return response.getRawHeaderNames().flatMap((name) => [response.getHeader(name)].flat().map((value) => [name, String(value)]));
}

module.exports = { main };
