// Forms as `request.parseFormBody()` returns them.
"use strict";

function formOf(body, contentType) {
  const kind = contentType.split(";")[0].trim().toLowerCase();
  if (kind === "application/x-www-form-urlencoded") {
    return new Form([...new URLSearchParams(String(body))].map(([name, value]) => [name, { value: Buffer.from(value) }]));
  }
  if (kind === "multipart/form-data") {
    const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
    if (!boundary) throw new Error(`"boundary" must be in the header "content-type".`);
    return new Form(partsOf(Buffer.from(body), boundary));
  }
  throw new Error(`Media type "${kind}" does not match types supported for form parsing: "multipart/form-data", "application/x-www-form-urlencoded".`);
}

function partsOf(body, boundary) {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first has no line break before it.
  const all = Buffer.concat([Buffer.from("\r\n"), body]);
  const parts = [];
  for (let at = all.indexOf(delimiter); at >= 0; ) {
    const from = at + delimiter.length;
    const next = all.indexOf(delimiter, from);
    if (next < 0 || all.toString("latin1", from, from + 2) === "--") break;
    const part = all.subarray(from + 2, next);
    const end = part.indexOf("\r\n\r\n");
    const head = end < 0 ? "" : part.toString("utf8", 0, end);
    const name = /[;\s]name="((?:[^"\\]|\\.)*)"/i.exec(head)?.[1];
    if (name !== undefined) {
      const fileName = /filename="((?:[^"\\]|\\.)*)"/i.exec(head)?.[1];
      const contentType = /^content-type:\s*(.+)$/im.exec(head)?.[1].trim();
      parts.push([name, { value: Buffer.from(part.subarray(end + 4)), ...(fileName !== undefined && { fileName }), ...(contentType && { contentType }) }]);
    }
    at = next;
  }
  return parts;
}

class Form {
  #parts;

  constructor(parts) {
    this.#parts = parts;
  }

  get(name) {
    return this.#parts.find(([key]) => key === name)?.[1] ?? null;
  }

  getAll(name) {
    return this.#parts.filter(([key]) => key === name).map(([, part]) => part);
  }

  has(name) {
    return this.get(name) !== null;
  }

  get length() {
    return this.#parts.length;
  }

  [Symbol.iterator]() {
    return this.#parts[Symbol.iterator]();
  }
}

module.exports = { formOf };
