"""Loads the handler, then asks for work and answers it, for ever."""

import os
import sys

from . import answers, given, logs
from .answers import describe, marshal, unmarshal
from .connection import Connection
from .context import Context
from .loaded import When

# The exit code of the real client, by which its users know what happened.
INIT_FAILED = 1


def main():
    handler = None
    given.take()
    template = given.get("TEMPLATE")
    if template:
        from .template import wait

        handler = wait(template, load_once)
        answers.adapt()
    connection = Connection(3)
    # Other clouds have frameworks of their own to behave as.
    adapter = given.get("ADAPTER")
    if adapter == "google":
        from . import google

        prepare()
        google.main(connection, int(given.get("AT_ONCE", "1")))
    if adapter == "azure":
        from . import azure

        azure.main(connection, prepare())
    if handler is None:
        handler = init(connection)
    else:
        from . import snapshot

        # What was to be done before it, the template has done.
        if snapshot.is_wanted():
            snapshot.go_on(connection)
    event = connection.next()
    while True:
        kind, body = run(handler, event)
        # The answer and the next question are one write.
        event = connection.answer(event.request_id, kind, body)


def rehearse(connection, handler):
    """An instance's way to its first answer."""
    answers.adapt()
    if handler is None:
        handler = init(connection)
    event = connection.next()
    kind, body = run(handler, event)
    connection.answer(event.request_id, kind, body)


def load_once():
    """The handler, for a template: for a function with snapshots, that is the snapshot."""
    root = prepare()
    logs.prepare()
    from . import snapshot
    from .loading import load

    handler = load(root, os.environ.get("_HANDLER", ""))
    if snapshot.is_wanted():
        snapshot.before()
    return handler


def init(connection):
    """The handler. If there is none, says so and ends the process."""
    root = prepare()
    # Where nothing is confined, the code is not where the real service has it.
    if os.environ.get("LAMBDA_TASK_ROOT") != root:
        os.environ["LAMBDA_TASK_ROOT"] = root
    logs.prepare()
    try:
        from .loading import load

        handler = load(root, os.environ.get("_HANDLER", ""))
    except Exception as error:
        # Not SystemExit: whoever exits while it is imported has its own reasons.
        failure = describe(error)
        logs.log_failure(failure)
        connection.init_error(failure)
        sys.exit(INIT_FAILED)
    from . import snapshot

    if snapshot.is_wanted():
        snapshot.take(connection)
    return handler


def prepare():
    """Arranges what the code will find. Returns the code's folder."""
    root = given.get("CODE")
    of_layers = f"{given.get('LAYERS')}/python"
    layers = [f"{of_layers}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", of_layers]
    installed = [given.get("PACKAGES")] if given.get("PACKAGES") else []
    # The first is this script's own folder, whose package is imported by now.
    sys.path[:1] = [root, *installed, *layers]
    # What the real service's runtime brings along.
    sys.path.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), "modules"))
    # Last, what the host has installed: the real service brings boto3 along, and code that counts on that finds it here.
    sys.path += given.get("SITE").split(os.pathsep) if given.get("SITE") else []
    add_site_builtins()
    keep_requests_here()
    return root


def keep_requests_here():
    """Those to the vendor's API hosts: once somebody loads what makes secure connections."""
    if "_fulmar.redirect" not in sys.modules:
        When("ssl", _redirect)


def _redirect(ssl):
    from .redirect import redirect

    redirect(ssl)


def add_site_builtins():
    """The module `site` is not loaded, because it costs milliseconds; these words of it are used in programs."""
    import _sitebuiltins
    import builtins

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")


def run(handler, event):
    """One call of the handler, to what is to be answered."""
    logs.request_id = event.request_id
    if event.trace is None:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    else:
        os.environ["_X_AMZN_TRACE_ID"] = event.trace
    try:
        context = Context(event)
        answer = handler(unmarshal(event.body), context)
        return "response", marshal(answer)
    except Exception as error:
        failure = describe(error, event.request_id)
        logs.log_failure(failure)
        return "error", failure
