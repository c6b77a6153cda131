// The console as the real service has it: every call is one line that begins with the time, the request and the level.
// What was printed at once stays together: line breaks inside are marked, and are line breaks again in the log.
"use strict";

const { writeSync } = require("node:fs");
const { format } = require("node:util");
const { besideMessage, inJson, inText } = require("./errors.js");

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
/** A line break inside a record: no program prints this by itself. */
const BREAK = "\x1e";
let requestId;
let json = false;

function setRequestId(id) {
  requestId = id;
}

function patchConsole({ format: form, level }) {
  json = form?.toUpperCase() === "JSON";
  const least = json ? Math.max(LEVELS.indexOf(String(level ?? "").toUpperCase()), 0) : 0;
  const at = (name) => {
    if (LEVELS.indexOf(name) < least) return () => {};
    const line = json ? structured : plain;
    // Whoever says nothing says `undefined`.
    return (first, ...others) => write(line(name, [first, ...others]));
  };
  console.trace = at("TRACE");
  console.debug = at("DEBUG");
  console.log = at("INFO");
  console.info = at("INFO");
  console.warn = at("WARN");
  console.error = at("ERROR");
  console.fatal = at("FATAL");
}

/** An error that ended an invocation, or the process. */
function logError(title, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(thrown);
  if (json) console.error(error);
  else console.error(title, `\t${inText(error)}`);
}

function plain(level, words) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...words)}`;
}

function structured(level, words) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (words.length === 1) {
    try {
      return JSON.stringify({ ...line, message: words[0] }, inJson);
    } catch {
      // It refers to itself, or cannot be JSON for another reason.
      return JSON.stringify({ ...line, message: format(words[0]) });
    }
  }
  const error = words.find((word) => word instanceof Error);
  return JSON.stringify({ ...line, message: format(...words), ...(error && besideMessage(error)) });
}

function write(line) {
  const bytes = Buffer.from(`${line.replace(/\n/g, BREAK)}\n`);
  // At once and in order: what is printed before an answer is there before the answer.
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

module.exports = { logError, patchConsole, setRequestId };
