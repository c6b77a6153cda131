"""What the code wants done before a snapshot of it is taken, and after it has gone on from there."""

import os
import sys

from . import logs
from .answers import describe

# The exit codes of the real client, by which its users know what happened.
BEFORE_FAILED = 64
AFTER_FAILED = 65


def take(connection):
    """What is done around a snapshot, by an instance that is its own."""
    try:
        before()
    except Exception as error:
        _give_up(error, "Runtime.BeforeSnapshotError", connection.init_error, BEFORE_FAILED)
    go_on(connection)


def before():
    """Runs what was registered for it, the last one first, as what was built up last is to be taken down first."""
    # Code that never imported it has nothing to say.
    hooks = sys.modules.get("snapshot_restore_py")
    if hooks is not None:
        _run(reversed(hooks.get_before_snapshot()))


def go_on(connection):
    """Says that it is where the snapshot was taken, and goes on from there."""
    connection.restore_next()
    hooks = sys.modules.get("snapshot_restore_py")
    try:
        if hooks is not None:
            _run(hooks.get_after_restore())
    except Exception as error:
        _give_up(error, "Runtime.AfterRestoreError", connection.restore_error, AFTER_FAILED)


def is_wanted():
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def _run(calls):
    for function, words, named in list(calls):
        function(*words, **named)


def _give_up(error, kind, tell, code):
    failure = describe(error)
    logs.log_failure(failure)
    failure.type = kind
    tell(failure)
    sys.exit(code)
