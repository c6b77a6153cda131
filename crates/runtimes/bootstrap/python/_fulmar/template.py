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

CONTROL = 4
# What the host tells a child: its environment.
_LONGEST = 192 << 10
# What most functions import. A placeholder has them ready; they are the language's own and do nothing by themselves.
_COMMON = (
    "asyncio base64 collections concurrent.futures contextlib copy csv dataclasses datetime decimal email.message enum "
    "functools gzip hashlib hmac html http.client http.cookies inspect io itertools logging math operator pathlib pickle "
    "queue random re secrets shutil socket ssl statistics string struct subprocess tempfile textwrap threading time "
    "traceback typing unicodedata urllib.parse urllib.request uuid weakref xml.etree.ElementTree zipfile zlib"
).split()


def wait(path, load):
    """Waits to be forked; returns in a child, with the handler if there was one to load."""
    library = _library(path)
    is_placeholder = not os.environ.get("FULMAR_CODE")
    if is_placeholder:
        _import_common()
    else:
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
    _say(_unsafe() or "ready")
    gc.collect()
    # What is there now is there for good: looking through it again would only unshare it.
    gc.freeze()
    environment = _fork(library)
    if is_placeholder:
        _set_environment(environment)
        os.chdir(environment["FULMAR_CODE"])
        _forget_what_the_code_brings(environment.get("FULMAR_CODE", ""))
    else:
        was = dict(os.environ)
        _set_environment(environment)
        _take_ours_out()
        watch.freshen(was)
    _freshen()
    return handler


def _library(path):
    import ctypes

    # Calls into it keep the interpreter's lock, which no other thread could ever give back in a child.
    library = ctypes.PyDLL(path)
    library.fulmar_serve.restype = ctypes.c_ssize_t
    library.fulmar_serve.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    library.fulmar_reap.argtypes = [ctypes.c_int]
    return library


def _import_common():
    import importlib

    for name in _COMMON:
        try:
            importlib.import_module(name)
        except ImportError:
            # Some hosts leave out parts of the language's own library.
            pass


def _say(word):
    os.write(CONTROL, word.encode())


def _fork(library):
    """Waits for the host's word, as often as it comes. Returns in a child, with its environment."""
    import ctypes
    import json

    place = ctypes.create_string_buffer(_LONGEST)
    length = library.fulmar_serve(CONTROL, place, len(place))
    if length < 0:
        os._exit(1)
    # The first process of the namespace goes on to wait for this one.
    program = os.fork()
    if program:
        library.fulmar_reap(program)
    library.fulmar_begin()
    return json.loads(ctypes.string_at(place, length))


def _set_environment(environment):
    os.environ.clear()
    os.environ.update(environment)
    if "TZ" in environment and "time" in sys.modules:
        sys.modules["time"].tzset()


def _take_ours_out():
    for name in [name for name in os.environ if name.startswith("FULMAR_")]:
        if name == "FULMAR_CODE":
            os.environ["LAMBDA_TASK_ROOT"] = os.environ[name]
        del os.environ[name]


def _forget_what_the_code_brings(root):
    """Code that brings a module of the same name as one of ours gets its own, as it would in a fresh process."""
    ours = {"_fulmar", "json", "os", "sys", "time"}
    try:
        names = {name.partition(".")[0] for name in os.listdir(root)} if root else set()
    except OSError:
        names = set()
    for name in names.intersection(sys.modules) - ours - set(sys.builtin_module_names):
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
    ssl = sys.modules.get("_ssl")
    if ssl:
        # It would notice by the pid alone, which in a namespace of its own is no sign.
        ssl.RAND_add(os.urandom(48), 48.0)
    uuid = sys.modules.get("uuid")
    if uuid:
        # The system's library keeps a sequence of its own; without it each one is drawn anew.
        uuid._generate_time_safe = None
        uuid._node = uuid._last_timestamp = None
    process = sys.modules.get("multiprocessing.process")
    if process:
        process.current_process().authkey = os.urandom(32)


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
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        """As a finder: sees to it that credentials are remembered when their module is loaded."""
        if name != "botocore.credentials":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                break
        else:
            return None
        load, known = spec.loader.exec_module, self.credentials

        def exec_module(module):
            load(module)
            begin = module.Credentials.__init__

            def remember(credentials, *words, **named):
                begin(credentials, *words, **named)
                known.add(credentials)

            module.Credentials.__init__ = remember

        spec.loader.exec_module = exec_module
        return spec

    def end(self):
        self.random.seed = self.seed
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self.generators = list(self.generators)
        self.credentials = list(self.credentials)
        if "numpy.random" in sys.modules:
            kind = sys.modules["numpy.random"].BitGenerator
            self.arrays = [generator for generator in gc.get_objects() if isinstance(generator, kind)]

    def freshen(self, was):
        for generator in self.generators:
            generator.seed()
        for generator in self.arrays:
            # One that was seeded on purpose has a number that somebody has thought of.
            entropy = getattr(getattr(generator, "seed_seq", None), "entropy", None)
            if not isinstance(entropy, int) or entropy.bit_length() > 64:
                generator.state = type(generator)().state
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        for credentials in self.credentials:
            # Those that came from somewhere else are the function's own affair.
            if credentials.access_key == was.get("AWS_ACCESS_KEY_ID"):
                credentials.access_key = os.environ.get("AWS_ACCESS_KEY_ID")
                credentials.secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
                credentials.token = os.environ.get("AWS_SESSION_TOKEN")
