"""A journal's line and its checksum, chained over the line before; see `journal` for the format."""

from __future__ import annotations

import hashlib
import json

FORMAT = 1
"""Of the lines that are written and read: the key `v` of each."""
_END = b',"sum":"'


def sign(text: bytes, previous: str) -> tuple[bytes, str]:
    """A line from a JSON object's bytes without the closing brace, and its sum."""
    total = _sum(text, previous)
    return text + _END + total.encode() + b'"}\n', total


def check(line: bytes, previous: str) -> tuple[bytes, str]:
    """The object's bytes as they were signed, and the sum; raises ValueError, with the reason, for no whole line."""
    text, comma, rest = line.rpartition(_END)
    if not comma or not line.endswith(b'"}\n'):
        raise ValueError("not a whole line")
    total = _sum(text, previous)
    if rest[:-3] != total.encode():
        raise ValueError("its checksum does not fit")
    return text, total


def is_damage(tail: bytes) -> bool:
    """True when what begins with a bad line cannot be the torn end of an append: it, or one after it, is whole."""
    return b"\n" in tail and any(map(_parses, tail.split(b"\n")))


def _parses(line: bytes) -> bool:
    """True when a line is a JSON object with a sum: too much for a torn write to have left by chance."""
    try:
        data = json.loads(line)
    except ValueError:
        return False
    return isinstance(data, dict) and "sum" in data


def _sum(text: bytes, previous: str) -> str:
    return hashlib.sha256(previous.encode() + text).hexdigest()
