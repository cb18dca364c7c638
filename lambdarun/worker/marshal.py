"""Results to JSON text as AWS's own Python client writes them, with the standard library alone.

That client uses simplejson: bytes inside a structure are UTF-8 text, named tuples are objects, Decimals are numbers.
"""

from __future__ import annotations

import decimal
import json
import os
import re
from collections.abc import Callable
from typing import Any

from .wire import RAW

_DIRECT = (str, int, float, bool, type(None))


# The standard library writes a float's own digits, whatever its class says; so a Decimal travels through the encoder
# as a marked text, and the marks are cut out of the result.
_MARK = "\0lambdarun-decimal:"
_MARKED = re.compile(r'"\\u0000lambdarun-decimal:([^"\\]*)"')


def _default(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float("nan") if value.is_nan() else f"{_MARK}{value}"
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _plain(value: Any) -> Any:
    """`value` with what the standard library writes otherwise (or refuses) put right."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (bytes, decimal.Decimal)):
        return _default(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    as_dict = getattr(value, "_asdict", None)
    if callable(as_dict):  # that client asks no more of a named tuple
        return _plain(as_dict())
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {
            (key.decode() if isinstance(key, bytes) else key): _plain(item) for key, item in value.items()
        }
    return value


def _odd(value: Any) -> bool:
    """Whether `value` holds anything that needs `_plain`."""
    kind = type(value)
    if kind in _DIRECT:
        return False
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or (type(item) not in _DIRECT and _odd(item)):
                return True
        return False
    if kind is list:
        for item in value:
            if type(item) not in _DIRECT and _odd(item):
                return True
        return False
    return True


# Non-ASCII text stands as it is from Python 3.12's runtime on.
_LITERAL = frozenset(f"AWS_Lambda_python3.{n}" for n in range(12, 16))


def _encoder(literal: bool) -> Callable[[Any], str]:
    """`json.JSONEncoder.encode`, which makes its C part anew for each value, with that part made once."""
    # None where the interpreter was built without its C part (PyPy, some debug builds).
    make = json.encoder.c_make_encoder  # type: ignore[attr-defined]  # there, but not in typeshed
    if make is None:
        return json.JSONEncoder(ensure_ascii=not literal, default=_default).encode
    quote = json.encoder.encode_basestring if literal else json.encoder.encode_basestring_ascii
    inside: dict[int, Any] = {}  # what it is at work in, by which it finds circles
    encode_parts = make(inside, _default, quote, None, ": ", ", ", False, False, True)

    def encode(value: Any) -> str:
        try:
            return "".join(encode_parts(value, 0))
        except BaseException:
            # The C part leaves what it was at work in when it is torn out of it, and would see circles in the next result.
            inside.clear()
            raise

    return encode


_ENCODERS = {literal: _encoder(literal) for literal in (False, True)}
_encode = _ENCODERS[os.environ.get("AWS_EXECUTION_ENV", "") in _LITERAL]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_decode, _decode_prefix = _decoder.decode, _decoder.raw_decode


def unmarshal(payload: bytes) -> Any:
    """An event as Python values. Raises ValueError where AWS refuses it, and RecursionError."""
    try:
        # Without a look for other encodings and for white space around it: half the time.
        text = payload.decode()
        event, end = _decode_prefix(text)
        if end == len(text):
            return event
    except ValueError:
        pass
    return _decode(payload.decode(json.detect_encoding(payload), "surrogatepass"))


def use_runtime(execution_environment: str) -> None:
    """Write text as the runtime of `AWS_EXECUTION_ENV` does."""
    global _encode
    _encode = _ENCODERS[execution_environment in _LITERAL]


def to_json(value: Any) -> str:
    """`value` as JSON text. Raises TypeError, ValueError, RecursionError."""
    try:
        odd = _odd(value)
    except RecursionError:
        odd = False  # a circle, most likely: the encoder has the words for it
    if not odd:
        return _encode(value)
    return _MARKED.sub(r"\1", _encode(_plain(value)))


def marshal(result: Any) -> tuple[bytes, int]:
    """A handler's result as bytes, and the flags of its reply. Raises what `to_json` raises."""
    if type(result) is bytes or isinstance(result, bytes):
        return bytes(result), RAW
    return to_json(result).encode("utf-8", "surrogatepass"), 0
