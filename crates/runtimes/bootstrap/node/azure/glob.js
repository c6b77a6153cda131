// The files that a pattern names, as package.json's `main` may be one: `dist/src/functions/*.js`,
// `src/{index.js,functions/**/*.js}`.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

function matching(root, pattern) {
  const wanted = path.posix.normalize(pattern);
  const plain = ["", ".js", ".cjs", ".mjs", "/index.js"].map((ending) => path.join(root, wanted + ending)).find(isFile);
  if (plain) return [plain];
  if (!/[*?{[]/.test(wanted)) return [];
  const fits = expression(wanted);
  // Nothing above the first part that varies needs to be looked into.
  const fixed = wanted.slice(0, wanted.search(/[*?{[]/));
  const folder = fixed.slice(0, fixed.lastIndexOf("/") + 1);
  return filesBelow(root, folder).filter((file) => fits.test(file)).sort().map((file) => path.join(root, file));
}

function isFile(name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

function filesBelow(root, folder) {
  let entries;
  try {
    entries = fs.readdirSync(path.join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
    const name = folder + entry.name;
    return entry.isDirectory() ? filesBelow(root, `${name}/`) : [name];
  });
}

function expression(pattern) {
  const tokens = pattern.match(/\*\*\/|\*\*|\*|\?|\{|\}|,|\[[^\]]*\]|[^*?{},[]+/g) ?? [];
  let depth = 0;
  const parts = tokens.map((token) => {
    if (token === "**/") return "(?:[^/]+/)*";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (token === "{") {
      depth += 1;
      return "(?:";
    }
    if (token === "}" && depth > 0) {
      depth -= 1;
      return ")";
    }
    if (token === "," && depth > 0) return "|";
    if (token.startsWith("[")) return token.replace(/^\[!/, "[^");
    return token.replace(/[.+^$()|\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}

module.exports = { matching };
