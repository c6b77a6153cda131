// What a Node instance runs first: loads the handler, then asks for work and answers it, for ever.
//
// It behaves as the runtime interface client of the real service, in a fraction of its size: the same errors, the same
// log lines, the same rules for when an invocation is over. The pieces: `connection.js` speaks the Runtime API,
// `load.js` finds the handler, `code_cache.js` saves compiling it, `invocation.js` knows when a call is over, `streaming.js` is for answers in pieces,
// `console.js` and `errors.js` give things their shape, and `redirect.js` keeps the SDKs' requests on this machine.
"use strict";

// What the heap may take was settled when the engine began. As long as a flag is not as usual, the engine takes what it brings
// compiled of the language's own library for another's, and compiles all of it anew.
const { setFlagsFromString } = require("node:v8");
const heap = process.execArgv.find((word) => word.startsWith("--max-old-space-size="));
if (heap) setFlagsFromString("--max-old-space-size=0");

const { Connection } = require("./connection.js");
const { load } = require("./load.js");
const { Invocation } = require("./invocation.js");
const { logError, patchConsole, setRequestId } = require("./console.js");
const { describe, UnhandledPromiseRejection } = require("./errors.js");
const { redirect } = require("./redirect.js");
const { offer } = require("./streaming.js");

// Worker threads of the function's have heaps of their own, which begin with the flag as it is then.
if (heap) setFlagsFromString(heap);

/** Exit codes of the real client, by which its users know what happened. */
const UNHANDLED_REJECTION = 128;
const UNCAUGHT_EXCEPTION = 129;

let current;

async function main() {
  const library = process.env.FULMAR_TEMPLATE;
  delete process.env.FULMAR_TEMPLATE;
  let handler = library ? await require("./template.js").wait(library, prepareAndLoad, rehearse) : undefined;
  const settings = takeSettings();
  const connection = new Connection(3);
  // Other clouds have frameworks of their own to behave as.
  if (settings.adapter) {
    await require(`./${settings.adapter}.js`).main(connection, settings);
    return;
  }
  // A child of a template has everything but what each instance has of its own.
  if (!handler) arrange(settings);
  watchForTheUnexpected(connection);
  try {
    handler ??= await loadWithCache(settings);
  } catch (error) {
    logError("Uncaught Exception", error);
    await connection.initError(describe(error));
    process.exit(UNCAUGHT_EXCEPTION);
  }

  let event = await connection.next();
  for (;;) {
    setRequestId(event.requestId);
    process.env._X_AMZN_TRACE_ID = event.trace;
    const running = new Invocation(event, connection);
    current = running;
    const answer = await running.run(handler);
    current = undefined;
    // The answer, or its end, and the next question are one write.
    event = await (answer.streamed ? endStream(running.stream, connection, answer.failed) : connection.answer(event.requestId, answer));
  }
}

/** An instance's way to its first answer. */
async function rehearse(fd, loaded, goOn) {
  const settings = takeSettings();
  const connection = new Connection(fd);
  if (!loaded) arrange(settings);
  watchForTheUnexpected(connection);
  const handler = loaded ?? (await loadWithCache(settings));
  const event = await connection.next();
  setRequestId(event.requestId);
  process.env._X_AMZN_TRACE_ID = event.trace;
  const next = connection.answer(event.requestId, await new Invocation(event, connection).run(handler));
  goOn();
  await next;
}

/** As `load`, with what others have compiled of the same code. */
async function loadWithCache({ root, handler, codeCache, modules }) {
  if (modules) lookIn(modules.split(":"));
  const using = codeCache ? require("./code_cache.js").use(codeCache) : undefined;
  const loaded = await load(root, handler);
  using?.done();
  return loaded;
}

/** Has ES modules find what is in these folders; see `modules.mjs`. The oldest versions of the language have no word for it. */
function lookIn(folders) {
  const { pathToFileURL } = require("node:url");
  const hooks = pathToFileURL(`${__dirname}/modules.mjs`).href;
  // A file from which the language would look there.
  const beside = (folder) => pathToFileURL(folder.endsWith("/node_modules") ? `${folder}/../any.js` : `${folder}/.all/any.js`).href;
  require("node:module").register?.(hooks, { data: folders.map(beside) });
}

function arrange(settings) {
  patchConsole(settings);
  if (settings.endpoint) redirect(settings.endpoint);
  offer();
}

function prepareAndLoad() {
  const settings = takeSettings();
  arrange(settings);
  return load(settings.root, settings.handler);
}

async function endStream(stream, connection, failed) {
  stream.begin();
  // Nobody hears what is written to it from now on; what was written before is still sent.
  stream.on("error", () => {});
  if (failed) await new Promise((resolve) => stream.end(() => resolve()));
  return connection.end(failed);
}

/** What is ours in the environment, which the function must not see. */
function takeSettings() {
  const settings = {
    root: process.env.FULMAR_CODE,
    handler: process.env._HANDLER ?? "",
    endpoint: process.env.FULMAR_ENDPOINT,
    adapter: process.env.FULMAR_ADAPTER,
    atOnce: Number(process.env.FULMAR_AT_ONCE ?? 1),
    format: process.env.AWS_LAMBDA_LOG_FORMAT,
    level: process.env.AWS_LAMBDA_LOG_LEVEL,
    codeCache: process.env.FULMAR_CODE_CACHE,
    modules: process.env.FULMAR_MODULES,
  };
  delete process.env.FULMAR_MODULES;
  delete process.env.FULMAR_CODE_CACHE;
  delete process.env.FULMAR_ADAPTER;
  delete process.env.FULMAR_AT_ONCE;
  // Where nothing is confined, the code is not where the real service has it.
  if (!settings.adapter && settings.root !== process.env.LAMBDA_TASK_ROOT) process.env.LAMBDA_TASK_ROOT = settings.root;
  delete process.env.FULMAR_CODE;
  delete process.env.FULMAR_ENDPOINT;
  return settings;
}

/** Errors that no handler caught end the instance, and the invocation with it. */
function watchForTheUnexpected(connection) {
  const end = (title, error, code) => {
    logError(title, error);
    const leave = () => process.exit(code);
    if (current) connection.error(current.event.requestId, describe(error)).then(leave, leave);
    else connection.initError(describe(error)).then(leave, leave);
  };
  process.on("uncaughtException", (error) => end("Uncaught Exception", error, UNCAUGHT_EXCEPTION));
  process.on("unhandledRejection", (reason, promise) => {
    const error = new UnhandledPromiseRejection(reason, promise);
    // Where it comes from, not where we heard of it.
    if (typeof reason?.stack === "string") error.stack = [`${error.name}: ${error.message}`, ...reason.stack.split("\n").slice(1)].join("\n");
    end("Unhandled Promise Rejection", error, UNHANDLED_REJECTION);
  });
}

main();
