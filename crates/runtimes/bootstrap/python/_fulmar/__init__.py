"""Fulmar's side of a Python instance.

It behaves as the real service's own runtime client, in a fraction of its size: the same errors, the same context, the
same log lines. The pieces: `connection` speaks the Runtime API, `loading` finds the handler, `context` is what the
handler is given beside the event, `answers` turns what it returns or raises into bodies, `logs` is its logging, and `template` is
for processes that are forked.

Each instance pays for every import, so only what every function needs is imported at the top of a module.
"""
