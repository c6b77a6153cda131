// The console as the real service has it: every call is one line that begins with the time, the request and the level.
// Line breaks inside become carriage returns, so that what was printed at once stays together.
"use strict";

const { writeSync } = require("node:fs");
const { format } = require("node:util");
const { Verbatim } = require("./errors.js");

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
let requestId;

function setRequestId(id) {
  requestId = id;
}

function patchConsole({ format: form, level }) {
  const json = form === "JSON";
  const least = json ? Math.max(LEVELS.indexOf(String(level ?? "").toUpperCase()), 0) : 0;
  const at = (name) => {
    if (LEVELS.indexOf(name) < least) return () => {};
    return json ? (...words) => write(structured(name, words)) : (...words) => write(plain(name, words));
  };
  console.trace = at("TRACE");
  console.debug = at("DEBUG");
  console.log = at("INFO");
  console.info = at("INFO");
  console.warn = at("WARN");
  console.error = at("ERROR");
  console.fatal = at("FATAL");
}

function plain(level, words) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${message(words)}`;
}

function message(words) {
  if (words.length === 2 && words[1] instanceof Verbatim) return `${words[0]}\t${words[1]}`;
  return format(...words);
}

function structured(level, words) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (words.length === 2 && words[1] instanceof Verbatim) {
    const { errorType, errorMessage, stack } = words[1].fields;
    Object.assign(line, { message: String(words[0]).trim(), errorType, errorMessage, stackTrace: stack });
  } else if (words.length === 1 && typeof words[0] !== "string" && !(words[0] instanceof Error)) {
    line.message = words[0];
  } else {
    line.message = format(...words);
  }
  try {
    return JSON.stringify(line);
  } catch {
    return JSON.stringify({ ...line, message: format(...words) });
  }
}

function write(line) {
  const bytes = Buffer.from(`${line.replace(/\n/g, "\r")}\n`);
  // At once and in order: what is printed before an answer is there before the answer.
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

module.exports = { patchConsole, setRequestId };
