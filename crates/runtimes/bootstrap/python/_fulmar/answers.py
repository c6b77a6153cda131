"""From bytes to what a handler gets, and from what it returns or raises to bytes."""

import json
import os


class Fault(Exception):
    """A failure that has a name of its own in the Runtime API."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


class Failure:
    """A failure as it is told: `body` to the caller, `shown` in the log."""

    __slots__ = ("type", "shown", "body")

    def __init__(self, kind, message, trace, request_id):
        self.type = kind
        self.shown = {
            "errorMessage": message,
            "errorType": kind,
            "requestId": request_id,
            "stackTrace": trace,
        }
        self.body = json.dumps(self.shown).encode()


def describe(error, request_id=""):
    if isinstance(error, Fault):
        return Failure(error.kind, error.message, error.trace or [], request_id)
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = os.path.dirname(__file__) + os.sep
    while frames and frames[0].filename.startswith(ours):
        del frames[0]
    trace = traceback.format_list(frames)
    try:
        message = str(error)
    except Exception:
        # An exception that cannot be printed must not become another one.
        message = ""
    return Failure(type(error).__name__, message, trace, request_id)


_read = json.JSONDecoder().scan_once


def unmarshal(body):
    # Nearly every event is UTF-8 (what is not begins otherwise, as `json` knows it) and has nothing around it.
    if len(body) > 1 and 0 < body[0] < 0x80 and body[1]:
        try:
            text = body.decode()
            value, end = _read(text, 0)
            if end == len(text):
                return value
        except (ValueError, StopIteration, RecursionError):
            # The usual way has the usual words for what is wrong.
            pass
    try:
        return json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")


def marshal(answer):
    """What a handler returned, as bytes. Bytes are passed on as they are."""
    if isinstance(answer, bytes):
        return answer
    try:
        return _encode(answer).encode()
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}")


def _encode(answer):
    try:
        return _fast.encode(answer)
    except _HasDecimals:
        return _Exact(**_OPTIONS, default=_number).encode(answer)


class _HasDecimals(Exception):
    pass


class _Digits(float):
    """A number that is printed as the decimal that it was."""

    __slots__ = ("digits",)


def _other(value):
    """The real client's encoder knows bytes and decimals too."""
    if isinstance(value, bytes):
        return value.decode()
    if _is_decimal(value):
        raise _HasDecimals
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _number(value):
    if not _is_decimal(value):
        return _other(value)
    if value.is_nan():
        return float("nan")
    number = _Digits(value)
    number.digits = str(value)
    return number


def _is_decimal(value):
    import sys

    # Whoever has one has imported its module.
    decimal = sys.modules.get("decimal")
    return decimal is not None and isinstance(value, decimal.Decimal)


class _Exact(json.JSONEncoder):
    """Slower, and able to print decimals with all their digits."""

    def iterencode(self, value, _one_shot=False):
        from json import encoder

        def digits(number):
            if isinstance(number, _Digits):
                return number.digits
            if number != number:
                return "NaN"
            if number in (float("inf"), float("-inf")):
                return "Infinity" if number > 0 else "-Infinity"
            return float.__repr__(number)

        strings = encoder.encode_basestring_ascii if self.ensure_ascii else encoder.encode_basestring
        separators = (self.key_separator, self.item_separator)
        return encoder._make_iterencode({}, self.default, strings, None, digits, *separators, False, False, True)(value, 0)


def _prints_unicode():
    """Since 3.12 the real service's runtimes print characters as they are."""
    name = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python3.")[2]
    return name.isdigit() and int(name) >= 12


def adapt():
    """To the environment, which a process that was forked has not had from the beginning."""
    global _OPTIONS, _fast
    options = {"ensure_ascii": not _prints_unicode()}
    if options == _OPTIONS:
        return
    _OPTIONS = options
    _fast = json.JSONEncoder(**_OPTIONS, default=_other)


_OPTIONS = _fast = None
adapt()
