"""What the code wants done before a snapshot of it is taken, and after it has gone on from there."""

import sys

from . import logs
from .answers import describe

# The exit codes of the real client, by which its users know what happened.
BEFORE_FAILED = 64
AFTER_FAILED = 65


def take(connection):
    # Code that never imported it has nothing to say.
    hooks = sys.modules.get("snapshot_restore_py")
    if hooks is not None:
        # The last one first, as what was built up last is to be taken down first.
        _run(reversed(hooks.get_before_snapshot()), "Runtime.BeforeSnapshotError", connection.init_error, BEFORE_FAILED)
    connection.restore_next()
    if hooks is not None:
        _run(hooks.get_after_restore(), "Runtime.AfterRestoreError", connection.restore_error, AFTER_FAILED)


def _run(calls, kind, tell, code):
    try:
        for function, words, named in list(calls):
            function(*words, **named)
    except Exception as error:
        failure = describe(error)
        logs.log_failure(failure)
        failure.type = kind
        tell(failure)
        sys.exit(code)
