// How errors look to whoever called, and in the log.
"use strict";

/** The real client marks values that are no errors by their type. */
function shape(error) {
  if (error instanceof Error || (error && typeof error === "object" && "stack" in error && "message" in error)) {
    return {
      type: error.name ?? "Error",
      message: String(error.message),
      stack: String(error.stack ?? "").split("\n"),
    };
  }
  return { type: typeof error, message: String(error), stack: [] };
}

/** The body of an invocation's error. */
function describe(error) {
  const { type, message, stack } = shape(error);
  return { errorType: type, body: JSON.stringify({ errorType: type, errorMessage: message, trace: stack }) };
}

/** The body of an error before the first invocation. */
function initBody(error) {
  const { type, message, stack } = shape(error);
  return { errorType: type, body: JSON.stringify({ errorType: type, errorMessage: message, stackTrace: stack.slice(1) }) };
}

/** Writes an error to the log, with all that it carries. */
function log(title, error) {
  const { type, message, stack } = shape(error);
  const more = error instanceof Error ? { ...error } : {};
  delete more.name;
  console.error(`${title} `, new Verbatim({ errorType: type, errorMessage: message, ...more, stack }));
}

/** Tells our console that this is to be one line of JSON. */
class Verbatim {
  constructor(fields) {
    this.fields = fields;
  }

  toString() {
    try {
      return JSON.stringify(this.fields);
    } catch {
      // What it carries refers to itself.
      const { errorType, errorMessage, stack } = this.fields;
      return JSON.stringify({ errorType, errorMessage, stack });
    }
  }
}

module.exports = { describe, initBody, log, Verbatim };
