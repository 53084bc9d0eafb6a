"""The sentences said to a model: `prompts/*.md`, with `{{value}}` where a value goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from orchestrator import shipped

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def render(name: str, **values: object) -> str:
    """The prompt of that name with its values; raises ValueError unless they are exactly those it has places for."""
    text = _load(name)
    places = set(_PLACE.findall(text))
    if places != values.keys():
        missing, superfluous = sorted(places - values.keys()), sorted(values.keys() - places)
        raise ValueError(f"prompt {name}: missing {missing}, superfluous {superfluous}")
    return fill(text, values)


def fill(text: str, values: Mapping[str, object]) -> str:
    """A line of `lines` with its values; raises KeyError for one that is missing."""
    return _PLACE.sub(lambda place: str(values[place[1]]), text)


def lines(name: str) -> dict[str, str]:
    """A prompt that is a list of `key: text` lines, by key."""
    return dict(line.split(": ", 1) for line in _load(name).splitlines() if line)


@cache
def _load(name: str) -> str:
    return (shipped.folder("prompts") / f"{name}.md").read_text(encoding="utf-8").strip()
