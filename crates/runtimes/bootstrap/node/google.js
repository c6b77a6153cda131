// Google's functions: the application's own functions-framework, without a server around it.
//
// An event is a request over HTTP: its head as JSON, eight zero bytes, and its body. The framework makes an Express
// application of the function, which is given such a request and a response that collects what is written to it, so what
// a function sees and what becomes of its answer and of its errors is the framework's own doing.
"use strict";

const http = require("node:http");
const { createRequire } = require("node:module");
const path = require("node:path");
const { END_OF_HEAD, requestOf } = require("./request.js");

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
    const response = responseTo(request, (answer) => {
      // At once: the framework answers even while the process ends.
      if (leaving) connection.last(event.requestId, answer);
      else connection.answer(event.requestId, answer).then(serve);
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

/** A response whose end is handed to `done`. Express replaces its prototype, so these methods are its own. */
function responseTo(request, done) {
  const response = new http.ServerResponse(request);
  response.socket = request.socket;
  const pieces = [];
  const begin = () => {
    if (!response.headersSent) response.writeHead(response.statusCode);
  };
  const take = (piece, encoding) => {
    if (piece === undefined || piece === null) return;
    if (typeof piece !== "string" && !(piece instanceof Uint8Array)) {
      const error = new TypeError(`The "chunk" argument must be of type string or an instance of Buffer or Uint8Array. Received ${typeof piece}`);
      error.code = "ERR_INVALID_ARG_TYPE";
      throw error;
    }
    pieces.push(Buffer.from(piece, typeof encoding === "string" ? encoding : undefined));
  };
  response.writeHead = (status, reason, headers) => {
    const given = typeof reason === "string" ? headers : reason;
    response.statusCode = status;
    const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given ?? {});
    for (const [name, value] of pairs) response.setHeader(name, value);
    // By this Node knows that it is too late to set headers.
    response._header = "sent";
    return response;
  };
  response.flushHeaders = begin;
  response.write = (piece, encoding, callback) => {
    if (response.finished) throw writtenAfterEnd();
    take(piece, encoding);
    begin();
    const written = typeof encoding === "function" ? encoding : callback;
    if (written) process.nextTick(written);
    return true;
  };
  response.end = (piece, encoding, callback) => {
    if (response.finished) return response;
    if (typeof piece !== "function") take(piece, encoding);
    begin();
    response.finished = true;
    const ended = [piece, encoding, callback].find((argument) => typeof argument === "function");
    if (ended) response.once("finish", ended);
    done({ kind: "response", body: messageOf(response, request.method === "HEAD" ? [] : pieces) });
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

function messageOf(response, pieces) {
  const headers = response
    .getRawHeaderNames()
    .flatMap((name) => [response.getHeader(name)].flat().map((value) => [name, String(value)]));
  const head = Buffer.from(JSON.stringify({ status: response.statusCode, headers }));
  return Buffer.concat([head, END_OF_HEAD, ...pieces]);
}

module.exports = { main };
