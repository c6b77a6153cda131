// Google's functions: the application's own functions-framework, without a server around it.
//
// An event is a request over HTTP: its head as JSON, eight zero bytes, and its body. The framework makes an Express
// application of the function, which is given such a request and a response that passes on what is written to it, so what
// a function sees and what becomes of its answer and of its errors is the framework's own doing. Requests of which we know
// what the application would make of them do not take the way through it: `google/direct.js`.
"use strict";

const { createRequire } = require("node:module");
const path = require("node:path");
const { Direct } = require("./google/direct.js");
const { responseTo } = require("./google/response.js");
const { requestOf } = require("./request.js");

const PACKAGE = "@google-cloud/functions-framework";
/** The framework's own, for an instance that could not be initialised. */
const INIT_FAILED = 1;

async function main(connection, settings) {
  let server;
  let direct;
  try {
    ({ server, direct } = await serverOf(settings.root));
  } catch (error) {
    console.error(error.stack ?? error);
    await connection.initError({ errorType: error.name, body: JSON.stringify({ errorType: error.name, errorMessage: error.message }) });
    process.exit(INIT_FAILED);
  }
  const line = connection.together(settings.atOnce, (id, text, body) => {
    const head = JSON.parse(text);
    if (direct?.serve(head, body, line, id)) return;
    const request = requestOf(head, body);
    server.emit("request", request, responseTo(request, line, id));
  });
  // By then the framework has answered what ended the process.
  process.on("exit", () => line.flushAtTheEnd());
}

async function serverOf(root) {
  const located = locatedIn(root);
  const framework = (part) => require(path.join(path.dirname(located), part));
  const options = framework("options.js").parseOptions([], process.env);
  if (options.enableExecutionId) framework("logger.js").loggingHandlerAddExecutionContext();
  const loaded = await framework("loader.js").getUserFunction(root, options.target, options.signatureType);
  // It has said why.
  if (!loaded) throw new Error(`Could not load the function ${options.target}`);
  const settings = { ...options, signatureType: loaded.signatureType };
  const server = framework("server.js").getServer(loaded.userFunction, settings);
  new (framework("invoker.js").ErrorHandler)(server).register();
  return { server, direct: Direct.of(server, loaded.userFunction, settings, framework, located) };
}

function locatedIn(root) {
  try {
    return createRequire(path.join(root, "/")).resolve(PACKAGE);
  } catch {
    throw new Error(`${PACKAGE} is not installed; put it among the dependencies in package.json`);
  }
}

module.exports = { main };
