"""Names of files as text: each byte that is not UTF-8 is U+FFFD and two hexadecimal digits. Nothing is lost."""

from __future__ import annotations

import re

_SPELT = re.compile("\ufffd([89a-f][0-9a-f])")
_LONE = re.compile("[\udc80-\udcff]")
_LITERAL = "\udcef\udcbf\udcbd"
"""U+FFFD byte by byte, for a name that holds it where it would be read as the beginning of a byte."""


def written(name: bytes) -> str:
    """The name as journals and screens have it."""
    text = _SPELT.sub(rf"{_LITERAL}\1", name.decode("utf-8", "surrogateescape"))
    return _LONE.sub(lambda found: f"\ufffd{ord(found[0]) - 0xDC00:02x}", text)


def meant(path: str) -> bytes:
    """The name as the system has it."""
    return _SPELT.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path).encode("utf-8", "surrogateescape")
