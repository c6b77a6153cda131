// The function of a rehearsal: it was not compiled before, and returns what it is given.
"use strict";

exports.handler = async (event) => event;
