"""Secrets kept out of what is recorded, said to a model or handed to a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

SHORTEST = 8
_SECRET_NAME = re.compile(
    r"KEY(?!BOARD|MAP)|TOKEN|SECRET|PASSW|PASSPHRASE|(?:^|_)PASS(?:_|$)|CREDENTIAL|COOKIE|PRIVATE"
    r"|(?:^|_)(?:AUTH|AUTHORIZATION|DSN|PAT)(?:_|$)",
    re.IGNORECASE | re.ASCII,
)
_SHAPES = {
    name: re.compile(shape, re.DOTALL | re.ASCII)
    for name, shape in {
        "Anthropic key": r"sk-ant-[A-Za-z0-9_-]{8,}",
        "AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
        "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        "private key": r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)",
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
        """The values, of at least 8 characters, of the variables whose names look secret."""
        found = {value: name for name, value in environ.items() if _SECRET_NAME.search(name)}
        return Mask({value: name for value, name in found.items() if len(value) >= SHORTEST})

    def text(self, text: str) -> str:
        """The text with `[masked NAME]` in place of each secret."""
        if len(text) < SHORTEST:
            return text
        for value in self._longest_first:
            text = text.replace(value, f"[masked {self.secrets[value]}]")
        if _ANY.search(text):
            for name, shape in _SHAPES.items():
                text = shape.sub(f"[masked {name}]", text)
        return text

    @cached_property
    def _longest_first(self) -> list[str]:
        """The values: a longer one may hold a shorter one."""
        return sorted(self.secrets, key=len, reverse=True)

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
