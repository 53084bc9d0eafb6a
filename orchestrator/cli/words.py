"""What a person types in words: bytes that are no text are no words, and no document holds them."""

from __future__ import annotations

import re
from typing import Any

import click

_NO_TEXT = re.compile("[\ud800-\udfff]")
"""How Python reads such a byte of an argument: as half a surrogate pair."""


class Words(click.ParamType[str]):
    """Each byte that is not UTF-8 becomes the sign for that, as on standard input."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        return _NO_TEXT.sub("\ufffd", str(value))
