"""A process that waits to be forked: before it has any code of a function's (a placeholder), or after it has run the
function's own initialisation once (a template). Each child is an instance, in a sandbox of its own.

What must not be the same in two instances is put right in the child: chance, the environment, credentials that a client
has already read. What cannot be put right (threads, timers, and whatever the host sees from outside: open files and
sockets, other processes, shared memory, files in /tmp) makes a template unsafe; it says so, and instances are started in
another way.
"""

import gc
import os
import sys

from . import after, given, loaded
from .connection import HEARD

CONTROL = 4
# Where a placeholder's children have their code.
_CODE = "/var/task"
# How often the way of an invocation is gone before there is one: after some, the interpreter has adapted its code to it.
_ROUNDS = 40
# What the host tells a child: its environment.
_LONGEST = 192 << 10
# What most functions import. A placeholder has them ready; they are the language's own and do nothing by themselves.
_COMMON = (
    "asyncio base64 collections concurrent.futures contextlib copy csv dataclasses datetime decimal email.message enum "
    "functools gzip hashlib hmac html http.client http.cookies inspect io itertools logging math operator pathlib pickle "
    "queue random re secrets shutil socket ssl statistics string struct subprocess tempfile textwrap threading time "
    "traceback typing unicodedata urllib.parse urllib.request uuid weakref xml.etree.ElementTree zipfile zlib"
).split()

# An event, as the host gives it.
_EVENT = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1\r\n"
    b"Lambda-Runtime-Trace-Id: Root=1\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n"
    b'Content-Type: application/json\r\nContent-Length: 24\r\n\r\n{"name": "a", "of": [1]}'
)
# Other in each instance of a function.
_OF_EACH = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_STREAM_NAME")
# What functions usually have.
_USUAL = (
    "AWS_REGION AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_MEMORY_SIZE "
    "AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME LAMBDA_RUNTIME_DIR "
    "AWS_LAMBDA_RUNTIME_API AWS_ENDPOINT_URL LANG PYTHONPATH TABLE_NAME BUCKET_NAME"
).split()


def wait(path, load):
    """Waits to be forked; returns in a child, with the handler if there was one to load."""
    library = _library(path)
    is_placeholder = not given.get("CODE")
    after.listen()
    if is_placeholder:
        from .runtime import keep_requests_here

        keep_requests_here()
        _import_common()
        _find_in(_CODE)
        # As most functions have it: where the time is looked up is then known.
        os.environ["TZ"] = ":UTC"
        sys.modules["time"].tzset()
    _warm(library)
    if not is_placeholder:
        watch = _Watch()
    _say("booted")
    os.read(CONTROL, 16)
    handler = None
    if not is_placeholder:
        try:
            handler = load()
        except BaseException as error:
            # Whoever starts an instance the ordinary way gets to know it in the ordinary way.
            _say(f"its initialisation failed: {type(error).__name__}"[:200])
            sys.exit(1)
        watch.end()
    after.listen_no_more()
    # What this prepares when it is first done is then there for all that come of this process.
    _freshen()
    _forget_ids()
    was = dict(os.environ)

    def awake():
        _freshen()
        if not is_placeholder:
            watch.freshen()

    def begin(environment):
        ours = given.split(environment)
        if is_placeholder:
            given.adopt(ours)
            _set_environment(environment, was)
            os.chdir(given.get("CODE"))
            _forget_what_the_code_brings(given.get("CODE"))
        else:
            environment["LAMBDA_TASK_ROOT"] = ours["FULMAR_CODE"]
            _set_environment(environment, was)
            watch.set_credentials(was.get("AWS_ACCESS_KEY_ID"))

    why_not = _unsafe()
    gc.collect()
    # What is there now is there for good: looking through it again would only unshare it.
    gc.freeze()
    if not why_not:
        _rehearse(library, awake, begin, was, handler)
    _say(why_not or "ready")
    begin(_fork(awake, lambda: library.fulmar_serve(CONTROL), lambda place: library.fulmar_told(place, len(place))))
    return handler


def _library(path):
    import ctypes

    # Calls into it keep the interpreter's lock, which no other thread could ever give back in a child.
    library = ctypes.PyDLL(path)
    library.fulmar_serve.restype = None
    library.fulmar_serve.argtypes = [ctypes.c_int]
    library.fulmar_told.restype = ctypes.c_ssize_t
    library.fulmar_told.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.fulmar_pair.restype = ctypes.c_int
    library.fulmar_pair.argtypes = []
    library.fulmar_rehearse.restype = ctypes.c_int
    library.fulmar_rehearse.argtypes = []
    library.fulmar_learn.argtypes = []
    return library


def _import_common():
    import importlib

    for name in _COMMON:
        try:
            importlib.import_module(name)
        except ImportError:
            # Some hosts leave out parts of the language's own library.
            pass


def _find_in(folder):
    """What finds modules in a folder is made when that is first looked through."""
    import pkgutil

    pkgutil.get_importer(folder)


def _warm(library):
    """Goes the whole way of an invocation, so that a child finds what that needs in place: it is then the same memory for
    all of them."""
    from . import loading, logs, snapshot  # noqa: F401, for whoever comes of this process
    from .connection import Connection
    from .runtime import add_site_builtins, run

    add_site_builtins()
    if "logging" in sys.modules:
        logs.make_ahead()
    ours = library.fulmar_pair()
    if ours < 0:
        return
    os.write(ours + 1, _EVENT)
    connection = Connection(ours)
    work = connection.next()
    for _ in range(_ROUNDS):
        kind, body = run(_answer, work)
        os.write(ours + 1, HEARD + _EVENT)
        work = connection.answer(work.request_id, kind, body)
        os.read(ours + 1, 4096)
    logs.request_id = None
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    os.close(ours)
    os.close(ours + 1)


def _answer(event, context):
    return {"event": event, "id": context.aws_request_id}


def _say(word):
    os.write(CONTROL, word.encode())


def _fork(awake, fork, hear, told=b""):
    """Forks, which may take until somebody wants it. In a child it becomes a process of its own, hears what it is for, and
    returns its environment."""
    import ctypes
    import json

    place = ctypes.create_string_buffer(told, _LONGEST)
    view = memoryview(place)
    # Whatever is first looked up, or made, in a child is so in each of them.
    before, in_child, in_parent = (getattr(ctypes.pythonapi, f"PyOS_{name}") for name in ("BeforeFork", "AfterFork_Child", "AfterFork_Parent"))
    decode = json.JSONDecoder().raw_decode
    # What `os.fork` does before and after; the process that comes back is another one, with a copy of this memory.
    with after.ours():
        before()
        if fork():
            in_parent()
            return None
        in_child()
    awake()
    length = hear(place)
    return decode(str(view[:length], "utf-8"))[0]


def _rehearse(library, awake, begin, was, handler):
    """Has the library see what memory an instance touches: a child goes its whole way, with a function that does nothing,
    and ends."""
    import json
    from . import runtime
    from .connection import Connection

    environment = {**was, **{name: "of an instance" for name in _OF_EACH if name in was or handler is None}}
    environment["FULMAR_CODE"] = os.path.dirname(__file__)
    if handler is None:
        environment.update((name, "of a function") for name in _USUAL)
        environment["_HANDLER"] = "rehearsal.handler"
    told = json.dumps(environment).encode()
    ours = library.fulmar_pair()
    if ours < 0:
        return
    os.write(ours + 1, _EVENT + HEARD + _EVENT)
    environment = _fork(awake, library.fulmar_rehearse, lambda place: len(told), told)
    if environment is None:
        os.close(ours)
        os.close(ours + 1)
        return
    try:
        begin(environment)
        runtime.rehearse(Connection(ours), handler and _answer)
    finally:
        library.fulmar_learn()


def _set_environment(environment, was):
    """Touches only what is not so already: what is touched is not shared any more."""
    here = os.environ
    for name in was.keys() - environment.keys():
        del here[name]
    for name, value in environment.items():
        if was.get(name) != value:
            here[name] = value
    if was.get("TZ") != environment.get("TZ") and "time" in sys.modules:
        sys.modules["time"].tzset()


def _forget_what_the_code_brings(root):
    """Code that brings a module of the same name as one of ours gets its own, as it would in a fresh process."""
    ours = {"_fulmar", "json", "os", "sys", "time"}
    try:
        names = {name.partition(".")[0] for name in os.listdir(root)} if root else set()
    except OSError:
        return
    # Each is looked up, and not all that there are: what is looked at is not shared any more.
    for name in names:
        if name not in sys.modules or name in ours or name in sys.builtin_module_names:
            continue
        for loaded in [loaded for loaded in sys.modules if loaded == name or loaded.startswith(f"{name}.")]:
            del sys.modules[loaded]


def _unsafe():
    """Why this process cannot be forked, as far as it can be seen from inside."""
    threading = sys.modules.get("threading")
    if threading and threading.active_count() > 1:
        return "it has threads"
    signal = sys.modules.get("signal") or sys.modules.get("_signal")
    if signal and any(signal.getitimer(kind)[0] for kind in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)):
        return "it has a timer"
    asyncio = sys.modules.get("asyncio.events")
    if asyncio and asyncio._get_running_loop() is not None:
        return "it has an event loop"
    return None


def _freshen():
    """New chance for what the language's own library keeps."""
    after.seed()
    ssl = sys.modules.get("_ssl")
    if ssl:
        # It would notice by the pid alone, which in a namespace of its own is no sign.
        ssl.RAND_add(os.urandom(48), 48.0)
    process = sys.modules.get("multiprocessing.process")
    if process:
        process.current_process().authkey = os.urandom(32)


def _forget_ids():
    uuid = sys.modules.get("uuid")
    if uuid:
        # The system's library keeps a sequence of its own; without it each one is drawn anew.
        uuid._generate_time_safe = None
        uuid._node = uuid._last_timestamp = None


class _Watch:
    """Remembers, while the function's code is loaded, what a child must have anew."""

    def __init__(self):
        import weakref

        import random

        self.generators = weakref.WeakSet()
        self.credentials = weakref.WeakSet()
        self.arrays = []
        self.random = random.Random
        self.seed = seed = random.Random.seed
        drawn = self.generators

        def remember(generator, a=None, version=2):
            # One that was seeded on purpose is to be the same everywhere.
            (drawn.add if a is None else drawn.discard)(generator)
            return seed(generator, a, version)

        random.Random.seed = remember
        self.until_loaded = loaded.When("botocore.credentials", self._remember_credentials)

    def _remember_credentials(self, module):
        begin, known = module.Credentials.__init__, self.credentials

        def remember(credentials, *words, **named):
            begin(credentials, *words, **named)
            known.add(credentials)

        module.Credentials.__init__ = remember

    def end(self):
        self.random.seed = self.seed
        self.until_loaded.end()
        self.generators = list(self.generators)
        self.credentials = list(self.credentials)
        if "numpy.random" in sys.modules:
            kind = sys.modules["numpy.random"].BitGenerator
            self.arrays = [generator for generator in gc.get_objects() if isinstance(generator, kind)]

    def freshen(self):
        for generator in self.generators:
            generator.seed()
        for generator in self.arrays:
            # One that was seeded on purpose has a number that somebody has thought of.
            entropy = getattr(getattr(generator, "seed_seq", None), "entropy", None)
            if not isinstance(entropy, int) or entropy.bit_length() > 64:
                generator.state = type(generator)().state
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()

    def set_credentials(self, was):
        for credentials in self.credentials:
            # Those that came from somewhere else are the function's own affair.
            if credentials.access_key == was:
                credentials.access_key = os.environ.get("AWS_ACCESS_KEY_ID")
                credentials.secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
                credentials.token = os.environ.get("AWS_SESSION_TOKEN")
