// Keeps the SDKs' requests on this machine.
//
// Every TLS connection of this process goes through `tls.connect`: that of `https`, of `fetch`, and of any SDK, bundled or
// not. One that is for the vendor's API hosts becomes a plain connection to Fulmar, dressed as a secure one; the request
// in it, with its Host and its signature, is not touched. So a program needs no change and no setting, and a function
// under test cannot reach the real cloud by accident.
"use strict";

const net = require("node:net");
const tls = require("node:tls");

const THEIRS = /(^|\.)amazonaws\.com(\.cn)?$/i;

function redirect(endpoint) {
  const colon = endpoint.lastIndexOf(":");
  const target = { host: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) };
  const secure = tls.connect;
  tls.connect = function connect(...words) {
    const { options, callback } = read(words);
    // A socket that is given is somebody's tunnel, which has its own end.
    if (options.socket || !THEIRS.test(options.servername || options.host || "")) return secure.apply(this, words);
    return dressed(net.connect({ ...target, noDelay: true }), callback);
  };
  const plain = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function connect(...words) {
    const [first] = Array.isArray(words[0]) ? words[0] : words;
    if (first && typeof first === "object" && THEIRS.test(first.host ?? "")) {
      Object.assign(first, target);
      delete first.lookup;
    }
    return plain.apply(this, words);
  };
}

/** `connect(options, callback)`, `connect(port, host, options, callback)` and what lies between. */
function read(words) {
  const options = {};
  let callback;
  for (const [at, word] of words.entries()) {
    if (typeof word === "function") callback = word;
    else if (word && typeof word === "object") Object.assign(options, word);
    else if (at === 0) options.port = word;
    else if (typeof word === "string") options.host = word;
  }
  return { options, callback };
}

function dressed(socket, callback) {
  socket.encrypted = true;
  socket.authorized = true;
  socket.authorizationError = null;
  socket.alpnProtocol = false;
  socket.getPeerCertificate = () => ({});
  socket.getProtocol = () => "TLSv1.3";
  socket.getCipher = () => ({ name: "TLS_AES_128_GCM_SHA256", standardName: "TLS_AES_128_GCM_SHA256", version: "TLSv1.3" });
  socket.getSession = () => undefined;
  socket.isSessionReused = () => false;
  socket.setServername = () => {};
  if (callback) socket.once("secureConnect", callback);
  socket.once("connect", () => socket.emit("secureConnect"));
  return socket;
}

module.exports = { redirect };
