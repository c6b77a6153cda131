// The module `@azure/functions-core`, which is on no registry: the vendor's worker hands it to whoever asks for it. What
// an application's `@azure/functions` expects of it is all that is here.
"use strict";

const Module = require("node:module");
const { writeSync } = require("node:fs");

const NAME = "@azure/functions-core";
const HOOKS = ["preInvocation", "postInvocation", "appStart", "appTerminate", "log"];
const LEVELS = ["trace", "debug", "information", "warning", "error", "critical", "none"];

const hooks = new Map(HOOKS.map((name) => [name, []]));
/** Shared by the hooks of the application. */
const appHookData = {};
/** In the order in which they registered themselves. */
const registered = new Map();
let model;
let least = "information";

class Disposable {
  #undo;

  constructor(undo) {
    this.#undo = undo;
  }

  static from(...all) {
    return new Disposable(() => all.forEach((one) => one?.dispose?.()));
  }

  dispose() {
    this.#undo?.();
    this.#undo = undefined;
  }
}

const offered = {
  version: "1.0.0",
  hostVersion: "4.1040.0",
  workerVersion: "3.12.0",
  Disposable,
  registerFunction(metadata, callback) {
    if (registered.has(metadata.name)) throw new Error(`A function with name "${metadata.name}" has already been registered.`);
    registered.set(metadata.name, { metadata, callback });
    return new Disposable(() => registered.delete(metadata.name));
  },
  registerHook(name, callback) {
    const all = hooks.get(name);
    if (!all) {
      const error = new RangeError(`Unrecognized hook "${name}"`);
      error.isAzureFunctionsSystemError = true;
      throw error;
    }
    all.push(callback);
    return new Disposable(() => hooks.set(name, hooks.get(name).filter((other) => other !== callback)));
  },
  setProgrammingModel(chosen) {
    model = chosen;
  },
  getProgrammingModel: () => model,
  log: (level, category, message) => log(level, category, message),
};

/** From now on whoever asks for the module gets it. */
function install() {
  const load = Module._load;
  Module._load = function (request, ...rest) {
    return request === NAME ? offered : load.call(this, request, ...rest);
  };
}

async function run(name, context) {
  for (const hook of hooks.get(name)) await hook(context);
}

function setLevel(level) {
  least = level;
}

/** One line, unless the application's settings leave it out. Hooks may change its text and its level. */
function log(level, category, message, invocationContext) {
  const line = { level, message, category, invocationContext };
  for (const hook of hooks.get("log")) hook(line);
  if (LEVELS.indexOf(line.level) < LEVELS.indexOf(line.category === "user" ? least : "information")) return;
  if (line.level === "none") return;
  print(`[${line.level[0].toUpperCase()}${line.level.slice(1)}] ${line.message}`);
}

/** At once: what is printed before an answer is there before the answer. */
function print(line) {
  // The lines of one message stay together: these are line breaks again in the log.
  const bytes = Buffer.from(`${line.replace(/\r?\n/g, "\x1e")}\n`);
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

module.exports = { appHookData, install, LEVELS, log, offered, registered, run, setLevel };
