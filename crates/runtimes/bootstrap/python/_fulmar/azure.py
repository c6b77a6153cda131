"""Azure's functions in Python: those that register themselves with decorators, and those that a `function.json` describes.

The application's own `azure-functions` turns requests into what a handler gets. Without the name of a function the code
is asked what functions there are."""

import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import traceback
import types
from urllib.parse import parse_qsl

from . import given

_END_OF_HEAD = bytes(8)
_INIT_FAILED = 1
# More than this is sent in pieces: what comes whole is limited more strictly.
_LARGEST_WHOLE = 4 << 20
# The vendor's worker gives the root of the application this name.
_NAMESPACE = "__app__"
_LEVELS = {
    "trace": logging.DEBUG - 5,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
}
_NAMES = {logging.DEBUG: "Debug", logging.INFO: "Information", logging.WARNING: "Warning", logging.ERROR: "Error", logging.CRITICAL: "Critical"}


def main(connection, root):
    name = given.get("FUNCTION")
    os.environ["AzureWebJobsScriptRoot"] = root
    try:
        _listen_to_logs(root, name)
        _require()
        serve = _Served(root, name).serve if name else _tell(root)
    except BaseException as error:
        from .answers import Failure

        traceback.print_exc()
        connection.init_error(Failure(type(error).__name__, str(error), [], ""))
        sys.exit(_INIT_FAILED)
    event = connection.next()
    while True:
        try:
            head, body = serve(event)
        except Exception as error:
            from .answers import describe

            _write("[Error] " + "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip())
            event = connection.answer(event.request_id, "error", describe(error, event.request_id))
            continue
        if len(head) + len(body) <= _LARGEST_WHOLE:
            event = connection.answer(event.request_id, "response", head + body)
        else:
            event = connection.answer_in_pieces(event.request_id, [head, body])


def _require():
    try:
        import azure.functions
    except ImportError:
        raise Exception("azure-functions is not installed; put it into requirements.txt")
    return azure.functions


def _tell(root):
    """Answers with what functions there are."""
    told = [{"name": name, "bindings": function["bindings"]} for name, (_, function) in _registered(root).items()]
    body = json.dumps(told).encode()
    return lambda _event: (b"", body)


def _registered(root):
    """By name: the handler, and what is said of it."""
    functions = _require()
    file = os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not os.path.isfile(os.path.join(root, file)):
        raise Exception(f"there is no {file}, and no function.json")
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    apps = [value for value in vars(module).values() if isinstance(value, functions.decorators.function_app.FunctionRegister)]
    if not apps:
        raise Exception(f"there is no function app in {file}: app = func.FunctionApp()")
    if len({id(app) for app in apps}) > 1:
        raise Exception(f"there are several function apps in {file}: there must be one")
    found = apps[0].get_functions()
    return {function.get_function_name(): (function.get_user_function(), json.loads(function.get_function_json())) for function in found}


def _described(root, name):
    """The handler that a description names, and the description."""
    folder = os.path.join(root, name)
    with open(os.path.join(folder, "function.json"), encoding="utf-8-sig") as file:
        said = json.load(file)
    script = os.path.normpath(os.path.join(folder, said.get("scriptFile") or "__init__.py"))
    parts = os.path.relpath(script, root).removesuffix(".py").split(os.sep)
    if parts[-1] == "__init__":
        parts.pop()
    # Code may refer to its neighbours by this name, or relative to itself.
    namespace = types.ModuleType(_NAMESPACE)
    namespace.__path__ = [root]
    sys.modules[_NAMESPACE] = namespace
    module = importlib.import_module(".".join([_NAMESPACE, *parts]))
    entry = said.get("entryPoint") or "main"
    handler = getattr(module, entry, None)
    if handler is None:
        raise Exception(f"function {entry} is not in {os.path.relpath(script, root)}")
    return handler, said


class _Served:
    """The one function that an instance is for."""

    def __init__(self, root, name):
        self._name = name
        self._functions = functions = _require()
        if os.path.isfile(os.path.join(root, name, "function.json")):
            self._directory = os.path.join(root, name)
            self._handler, said = _described(root, name)
        else:
            self._directory = root
            found = _registered(root).get(name)
            if not found:
                raise Exception(f'the code registers no function "{name}"')
            self._handler, said = found
        bindings = said["bindings"]
        self._trigger = next(binding["name"] for binding in bindings if binding["type"].lower().endswith("trigger"))
        self._outputs = [binding["name"] for binding in bindings if binding.get("direction", "").lower() == "out"]
        self._request = functions.get_binding_registry().get("httpTrigger")
        self._wanted = inspect.signature(self._handler).parameters
        self._check()
        self._is_async = inspect.iscoroutinefunction(self._handler)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def _check(self):
        known = {self._trigger, "context", *self._outputs}
        for name, parameter in self._wanted.items():
            if name not in known and parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise Exception(f"{self._name}: the parameter {name} is none of its bindings: {', '.join(sorted(known - {'context', '$return'}))}")

    def serve(self, event):
        head, _, body = event.body.partition(_END_OF_HEAD)
        head = json.loads(head)
        outputs = {name: _Out() for name in self._outputs if name != "$return"}
        given = {self._trigger: self._decoded(head, body), "context": self._context(event, head), **outputs}
        given = {name: value for name, value in given.items() if name in self._wanted}
        _invocation.id = event.request_id
        result = self._handler(**given)
        if self._is_async or inspect.isawaitable(result):
            result = self._loop.run_until_complete(result)
        if result is None:
            result = next((out.get() for out in outputs.values() if out.get() is not None), None)
        return _answer(self._functions, result)

    def _decoded(self, head, body):
        datum = self._functions.meta.Datum
        texts = lambda pairs: {name: datum(value, "string") for name, value in pairs.items()}
        headers = _joined(head["headers"])
        path, _, query = head["url"].partition("?")
        url = f"{headers.get('x-forwarded-proto', 'http').split(',')[0]}://{headers.get('host', 'localhost')}{path}"
        http = {
            "method": datum(head["method"], "string"),
            "url": datum(f"{url}?{query}" if query else url, "string"),
            "headers": texts(headers),
            "query": texts(_joined(parse_qsl(query, keep_blank_values=True), lower=False)),
            "params": texts(dict(head.get("parameters", []))),
            "body": datum(body, "bytes"),
        }
        return self._request.decode(datum(http, "http"), trigger_metadata={})

    def _context(self, event, head):
        parent = _joined(head["headers"]).get("traceparent", event.trace)
        return _context_class(self._functions)(event.request_id, self._name, self._directory, parent, _joined(head["headers"]).get("tracestate", ""))


def _joined(pairs, lower=True):
    """Names that come several times have their values in one text."""
    found = {}
    for name, value in pairs:
        name = name.lower() if lower else name
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


class _Out:
    """What a handler puts into one of its outputs."""

    def __init__(self):
        self._value = None

    def set(self, value):
        self._value = value

    def get(self):
        return self._value


_invocation = threading.local()
_classes = {}


def _context_class(functions):
    """The package's own abstract classes, filled in."""
    if not _classes:

        class Trace(functions._abc.TraceContext):
            def __init__(self, parent, state):
                self._parent, self._state = parent, state

            @property
            def trace_state(self):
                return self._state

            @property
            def trace_parent(self):
                return self._parent

            @property
            def attributes(self):
                return {}

            # The worker's own names for them.
            Traceparent = trace_parent
            Tracestate = trace_state
            Attributes = attributes

        class Context(functions.Context):
            def __init__(self, invocation_id, name, directory, parent, state):
                self._facts = (invocation_id, name, directory)
                self._trace = Trace(parent, state)

            @property
            def invocation_id(self):
                return self._facts[0]

            @property
            def thread_local_storage(self):
                return _invocation

            @property
            def function_name(self):
                return self._facts[1]

            @property
            def function_directory(self):
                return self._facts[2]

            @property
            def trace_context(self):
                return self._trace

            @property
            def retry_context(self):
                return None

        _classes["context"] = Context
    return _classes["context"]


def _answer(functions, result):
    """The head and the body of what a handler returns."""
    if result is None:
        return _head(204, []), b""
    if isinstance(result, str):
        return _head(200, [["content-type", "text/plain; charset=utf-8"]]), result.encode()
    if not isinstance(result, functions._abc.HttpResponse):
        raise TypeError(f"unable to encode outgoing TypedData: a function that answers requests over HTTP returns HttpResponse or str, not {type(result).__name__}")
    headers = [[name, str(value)] for name, value in result.headers.items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        kind = f"{result.mimetype}; charset={result.charset}" if result.mimetype.startswith("text/") else result.mimetype
        headers.append(["content-type", kind])
    return _head(int(result.status_code), headers), result.get_body() or b""


def _head(status, headers):
    return json.dumps({"status": status, "headers": headers}).encode() + _END_OF_HEAD


class _Lines(logging.Handler):
    def emit(self, record):
        level = next((name for least, name in sorted(_NAMES.items(), reverse=True) if record.levelno >= least), "Trace")
        try:
            _write(f"[{level}] {self.format(record)}")
        except Exception:
            self.handleError(record)


def _write(line):
    # The lines of one message stay together: these are line breaks again in the log.
    sys.stdout.write(line.replace("\r\n", "\n").replace("\n", "\x1e") + "\n")
    sys.stdout.flush()


def _listen_to_logs(root, name):
    handler = _Lines()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger().setLevel(_level(root, name))
    # What the packages below say of themselves is not the function's.
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _level(root, name):
    """The least level of lines that are kept: the most precise word of host.json."""
    try:
        with open(os.path.join(root, "host.json"), encoding="utf-8-sig") as file:
            levels = json.load(file).get("logging", {}).get("logLevel", {})
    except (OSError, ValueError, AttributeError):
        levels = {}
    said = (levels.get(category) for category in (f"Function.{name}.User", f"Function.{name}", "Function", "default", "Default"))
    level = next((str(level).lower() for level in said if level), "information")
    return _LEVELS.get(level, logging.INFO)
