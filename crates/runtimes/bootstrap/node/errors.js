// How errors look to whoever called, and in the log, as the real client has it.
"use strict";

const { types } = require("node:util");

/** What the real client itself says. It shows them by their names, and in lines of JSON by their classes. */
class ImportModuleError extends Error {}
class HandlerNotFound extends Error {}
class MalformedHandlerName extends Error {}
class UserCodeSyntaxError extends Error {}
class UnhandledPromiseRejection extends Error {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
}

const own = { ImportModuleError, HandlerNotFound, MalformedHandlerName, UserCodeSyntaxError, UnhandledPromiseRejection };
for (const [name, kind] of Object.entries(own)) kind.prototype.name = `Runtime.${name}`;

const UNREADABLE = {
  errorType: "handled",
  errorMessage:
    "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack",
};

function isError(value) {
  const has = (key) => value[key] && typeof value[key] === "string";
  return types.isNativeError(value) || (value && has("name") && has("message") && has("stack"));
}

/** Values that are no errors are marked by their type. */
function shape(error) {
  const clean = (text) => text?.replace(/\x7f/g, "%7F");
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
    return { errorType: clean(error.name), errorMessage: clean(error.message), trace: clean(error.stack).split("\n") };
  } catch {
    return UNREADABLE;
  }
}

/** The body of an error, of an invocation or before the first. */
function describe(error) {
  const shown = shape(error);
  return { errorType: shown.errorType, body: JSON.stringify(shown) };
}

/** An error in a line of text, with all that it carries. */
function inText(error) {
  const whole = (_, value) => {
    if (!(value instanceof Error)) return value;
    const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
    if (typeof value.stack === "string") shown.stack = value.stack.split("\n");
    return shown;
  };
  try {
    return JSON.stringify(error, whole);
  } catch {
    // What it carries refers to itself.
    return JSON.stringify(shape(error));
  }
}

function kindOf(error) {
  return error.constructor?.name ?? "UnknownError";
}

/** For `JSON.stringify`: errors anywhere in a line of JSON. */
function inJson(_, value) {
  if (!(value instanceof Error)) return value;
  const stackTrace = typeof value.stack === "string" ? value.stack.split("\n") : value.stack;
  return { errorType: kindOf(value), errorMessage: value.message, stackTrace, ...value };
}

/** What a line of JSON says of an error beside its message. */
function besideMessage(error) {
  const stackTrace = typeof error.stack === "string" ? error.stack.split("\n") : [];
  return { errorType: kindOf(error), errorMessage: error.message, stackTrace };
}

module.exports = { ...own, besideMessage, describe, inJson, inText };
