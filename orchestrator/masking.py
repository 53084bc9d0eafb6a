"""Secrets kept out of what is recorded, said to a model or handed to a command."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import unquote

SHORTEST = 8
"""Characters of a value that is masked."""
LONG = 16
"""From so many characters on a value is masked whatever it looks like; a shorter one may be a word."""
_WORD = re.compile(r"(?:[A-Za-z]++[-_. ]?)*+\d*", re.ASCII)
"""`postgres`, `my-secret`, `Password123`, `12345678`: texts say such things without meaning the value."""
_SECRET_NAME = re.compile(
    r"KEY(?!BOARD|MAP)|TOKEN|SECRET|PASSW|PASSPHRASE|(?:^|_)PASS(?:_|$)|CREDENTIAL|COOKIE|PRIVATE"
    r"|(?:^|_)(?:AUTH|AUTHORIZATION|DSN|PAT)(?:_|$)",
    re.IGNORECASE | re.ASCII,
)
_SERVER_NAME = re.compile(r"ANTHROPIC_(?:[A-Z]+_)?BASE_URL")
_LOGIN = re.compile(r"\w+://(?:[^/?#:]*:)?([^/?#]*[^/?#:]):*@")
"""What stands before the host of an address: the password, or the name where that stands alone: `TOKEN:@host`."""
_GAP = r"(?:\s|\\+[nrt])*+"
"""What stands between the lines of a key; in a JSON string, say, their ends are written out."""
_KEY_LINES = rf"(?:{_GAP}[A-Za-z0-9+/=]{{40,}})+(?:(?:\n|\\+n| )[A-Za-z0-9+/=]+(?=[ \t\r]*(?:[\n\\\"]|-----|\Z)))?"
"""Lines of nothing but base64, the last one shorter: all that is taken of a key whose end is not there."""
_RUN = re.compile(r"[A-Za-z0-9+/=]{16,}", re.ASCII)
_SHAPES = {
    name: re.compile(shape, re.DOTALL | re.ASCII)
    for name, shape in {
        "Anthropic key": r"sk-ant-[A-Za-z0-9_-]{8,}",
        "AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
        "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        "private key": (
            r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----"
            rf"(?:{_KEY_LINES}(?:{_GAP}-----END \1-----)?|((?:(?!-----BEGIN ).)*?)-----END \1-----)"
        ),
    }.items()
}
_ANY = re.compile(r"sk-ant-|AKIA|ASIA|gh[pousr]_|github_pat_|xox|-----BEGIN", re.ASCII)
"""How one of them begins: most texts hold none."""


@dataclass(frozen=True)
class Mask:
    """What is secret: values by the variable that holds them, and texts whose shape gives them away."""

    secrets: Mapping[str, str]
    """Variable names by value."""

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> Mask:
        """The values of the variables whose names look secret, but for those that are short, or words.

        Of the address of a model's server, the password in it.
        """
        found = {value: name for name, value in environ.items() if _SECRET_NAME.search(name)}
        for name, value in environ.items():
            if _SERVER_NAME.fullmatch(name) and (login := _LOGIN.match(value)):
                found |= dict.fromkeys((login[1], unquote(login[1])), name)
        return Mask({value: name for value, name in found.items() if _is_secret(value)})

    def text(self, text: str) -> str:
        """The text with `[masked NAME]` in place of each secret."""
        if len(text) < SHORTEST:
            return text
        for form, name in self._longest_first:
            text = text.replace(form, f"[masked {name}]")
        if _ANY.search(text):
            for name, shape in _SHAPES.items():
                text = shape.sub(partial(_masked, name), text)
        return text

    @cached_property
    def _longest_first(self) -> list[tuple[str, str]]:
        """The values in all their forms, with their names: a longer one may hold a shorter one."""
        forms = {form: name for value, name in self.secrets.items() for form in _forms(value)}
        return sorted(forms.items(), key=lambda row: len(row[0]), reverse=True)

    def json(self, value: Any) -> Any:
        """A JSON value with `text` applied to every string in it, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(key): self.json(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.json(inner) for inner in value]
        return value

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The variables a command may see: none named like a secret, none whose value holds one."""
        return {
            name: value
            for name, value in environ.items()
            if not _SECRET_NAME.search(name) and self.text(value) == value
        }


def _forms(value: str) -> Iterator[str]:
    """A value as it is, and as a program that speaks of it may write it: escaped, and without the space around it."""
    for form in (value, value.strip()):
        if len(form) >= SHORTEST:
            bare = os.fsencode(form)
            yield from (form, repr(form)[1:-1], repr(bare)[2:-1], json.dumps(form)[1:-1])


def _is_secret(value: str) -> bool:
    return len(value) >= LONG or (len(value) >= SHORTEST and not _WORD.fullmatch(value))


def _masked(name: str, found: re.Match[str]) -> str:
    """What stands for a text of a secret's shape: itself where it is none, for its two ends are only spoken of."""
    between = found[2] if name == "private key" else None
    if between is not None:
        key = sum(len(run) for run in _RUN.findall(between))
        if 2 * key < len("".join(between.split())):
            return found[0]
    return f"[masked {name}]"
