// From a handler's name to the function: `src/app.handler` is `handler` of `src/app.js`, `.mjs` or `.cjs` (or of a
// package of that name), and `app.api.get` goes on through what the module exports.
"use strict";

const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { HandlerNotFound, ImportModuleError, MalformedHandlerName, UserCodeSyntaxError } = require("./errors.js");

async function load(root, handler) {
  const { file, names } = split(handler);
  const module = await importFrom(root, file);
  const found = names.reduce((value, name) => value?.[name], module);
  if (!found) throw new HandlerNotFound(`${handler} is undefined or not exported`);
  if (typeof found !== "function") throw new HandlerNotFound(`${handler} is not a function`);
  return found;
}

function split(handler) {
  if (handler.includes("..")) {
    const advice = "Use absolute paths when specifying root directories in handler names.";
    throw new MalformedHandlerName(`'${handler}' is not a valid handler name. ${advice}`);
  }
  const base = path.basename(handler);
  const folder = handler.slice(0, handler.length - base.length);
  const match = /^([^.]*)\.(.+)$/.exec(base);
  if (!match) throw new MalformedHandlerName("Bad handler");
  return { file: folder + match[1], names: match[2].split(".") };
}

async function importFrom(root, file) {
  const wanted = path.resolve(root, file);
  try {
    const found = [wanted, `${wanted}.js`, `${wanted}.mjs`, `${wanted}.cjs`].find(isFile);
    if (!found) return createRequire(path.join(root, "/"))(file);
    return await importFile(found, root);
  } catch (error) {
    throw explained(error);
  }
}

async function importFile(file, root) {
  if (isModule(file, root)) return import(pathToFileURL(file).href);
  return createRequire(file)(file);
}

function isFile(name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether it is an ES module: by its ending, or by the nearest package.json up to the code's root. */
function isModule(file, root) {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (isFile(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    if (folder === root || folder === path.dirname(folder)) return false;
  }
}

function explained(error) {
  if (error instanceof SyntaxError) {
    const shown = new UserCodeSyntaxError(error);
    shown.stack = `${shown.name}: ${shown.message}\n${error.stack}`;
    return shown;
  }
  // What an ES module does not find is told as it is.
  return error?.code === "MODULE_NOT_FOUND" ? new ImportModuleError(error) : error;
}

module.exports = { importFile, load };
