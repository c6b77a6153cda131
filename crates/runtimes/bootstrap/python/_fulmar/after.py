"""What the language's own library does after a fork.

It makes its locks anew, since another thread may have held them, and looks through its threads. A template has one thread,
which holds none, and that thread goes on in each child: nothing has to be done, and doing it would unshare more memory
than all the rest. What it does after the forks that a function makes itself stays as it is."""

import os
import sys

# `random` draws anew, which `seed` does for it.
_LIBRARY = frozenset(("threading", "logging", "concurrent.futures.thread", "random"))
_register = os.register_at_fork
_is_ours = False


def listen():
    """Sees what registers itself from here on."""
    os.register_at_fork = _see


def listen_no_more():
    if os.register_at_fork is _see:
        os.register_at_fork = _register


def _see(**hooks):
    if sys._getframe(1).f_globals.get("__name__") in _LIBRARY:
        hooks = {when: _unless_ours(hook) for when, hook in hooks.items()}
    _register(**hooks)


def _unless_ours(hook):
    def run():
        if not _is_ours:
            hook()

    return run


class ours:
    """While it lasts, a fork is one of ours."""

    def __enter__(self):
        global _is_ours
        _is_ours = True

    def __exit__(self, *error):
        global _is_ours
        _is_ours = False
        threading = sys.modules.get("threading")
        if threading:
            threading.main_thread()._native_id = threading.get_native_id()


def seed():
    """What `random` would do."""
    random = sys.modules.get("random")
    drawn = getattr(random, "_inst", None)
    if drawn is not None:
        random._random.Random.seed(drawn)
        drawn.gauss_next = None
