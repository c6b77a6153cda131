"""What goes to the log: failures, and the records of the function's own `logging`.

`logging` is prepared when somebody imports it, since importing it costs milliseconds and many functions only print."""

import json
import os
import sys
import time

from .loaded import When

# Of the invocation that runs.
request_id = None

_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def _is_json():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def prepare():
    When("logging", _set_up)


def _print(text):
    # A line break would make two records of one. No program prints this by itself, and the log has line breaks again.
    line = text.replace("\n", "\x1e") + "\n"
    try:
        try:
            sys.stdout.write(line)
        except UnicodeEncodeError:
            sys.stdout.write(line.encode("utf-8", "backslashreplace").decode())
    except (AttributeError, OSError, ValueError):
        # The function has closed it, or put something else in its place: its log is its own affair.
        pass


def make_ahead():
    """What `prepare` will want, as far as it is the same for every function. A placeholder has the time for it."""
    _handler_and_formatters(sys.modules["logging"])


_made = None


def _handler_and_formatters(logging):
    global _made
    if _made is None:

        class Handler(logging.Handler):
            def emit(self, record):
                _print(self.format(record).rstrip("\n"))

            def filter(self, record):
                record.aws_request_id = request_id or ""
                return super().filter(record)

        class Structured(logging.Formatter):
            def format(self, record):
                return _structured(self, logging, record)

        text = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        _made = Handler(), logging.Formatter(text, "%Y-%m-%dT%H:%M:%S"), Structured(datefmt=_STAMP)
    return _made


def _set_up(logging):
    logging.Formatter.converter = time.gmtime
    handler, text, structured = _handler_and_formatters(logging)
    handler.setFormatter(structured if _is_json() else text)
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = "DEBUG" if level == "TRACE" else level
    if level in ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "NOTSET"):
        root.setLevel(level)


# What every record has, and is either printed under another name or of no interest.
_USUAL = frozenset(
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created msecs "
    "relativeCreated thread threadName processName process taskName aws_request_id message asctime".split()
)


def _structured(formatter, logging, record):
    level = min(50, max(0, record.levelno)) // 10 * 10
    whole = isinstance(record.msg, dict) and not record.args
    line = {
        "timestamp": formatter.formatTime(record, formatter.datefmt),
        "level": logging.getLevelName(level),
        "message": record.msg if whole else record.getMessage(),
        "logger": record.name,
    }
    if record.exc_info and record.exc_info[0]:
        import traceback

        kind, error, trace = record.exc_info
        line["stackTrace"] = traceback.format_tb(trace)
        line["errorType"] = kind.__name__
        line["errorMessage"] = str(error)
        line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
    line["requestId"] = record.aws_request_id
    for name, value in record.__dict__.items():
        if name not in _USUAL and name not in line and value is not None:
            line[name] = value
    # Whatever cannot be printed is printed as a string, and no record is lost.
    return json.dumps(line, ensure_ascii=False, default=str)


def log_failure(failure):
    """Prints what went wrong, as one record."""
    if _is_json():
        line = {"timestamp": time.strftime(_STAMP, time.gmtime()), "level": "ERROR", **failure.shown}
        _print(json.dumps(line))
        return
    lines = [f"[ERROR] {failure.type}"]
    if failure.shown["errorMessage"]:
        lines[0] += f": {failure.shown['errorMessage']}"
    lines.append("Traceback (most recent call last):")
    for entry in failure.shown["stackTrace"]:
        for line in entry.splitlines():
            words = line.lstrip(" ")
            # Spaces at a line's beginning would be lost on the way; these are not.
            lines.append("\u00a0" * (len(line) - len(words)) + words)
    _print("\n".join(lines))
