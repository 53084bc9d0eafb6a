"""Three-way merges of documents edited on an older revision. Where both changed the same place, the edit wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from typing import Any

from orchestrator.documents.markdown import line_ending
from orchestrator.documents.status_json import dump, load

_ABSENT = object()


def merge_text(base: str, ours: str, edited: str) -> str:
    """Lines of `edited` where it differs from `base`, else lines of `ours`; all closed as those of `edited` are."""
    from merge3 import Merge3

    if (ending := line_ending(edited)) != line_ending(base):
        base, ours = (re.sub(r"\r?\n", ending, text) for text in (base, ours))
    lines: list[str] = []
    for group in Merge3(_lines(base), _lines(ours), _lines(edited)).merge_groups():
        lines.extend(_both(*map(list, group[1:])) if group[0] == "conflict" else group[1])
    closing = ours if edited.endswith("\n") == base.endswith("\n") else edited
    if lines and not closing.endswith("\n"):
        lines[-1] = lines[-1].removesuffix("\n").removesuffix("\r")
    return "".join(lines)


def _lines(text: str) -> list[str]:
    """The lines, the last one closed too: whether it was is no difference between lines."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last + line_ending(text)] if last else [])


def _both(base: Sequence[str], ours: Sequence[str], edited: Sequence[str]) -> Sequence[str]:
    """Lines added beside others that changed, and neighbouring lines that changed on different sides, all hold.

    An edit that goes on where an earlier state of it was recorded already adds only the rest.
    """
    from difflib import SequenceMatcher

    size = len(base)
    if edited[:size] == base:
        return [*ours, *_beyond(ours, edited[size:])]
    if edited[-size:] == base:
        return [*edited[:-size], *ours]
    if ours[:size] == base:
        return [*edited, *ours[size:]]
    if ours[-size:] == base:
        return [*ours[:-size], *edited]
    if len(ours) != size:
        return edited
    steps = SequenceMatcher(None, base, edited, autojunk=False).get_opcodes()
    return [
        line
        for step, start, end, begun, done in steps
        for line in (ours[start:end] if step == "equal" else edited[begun:done])
    ]


def _beyond(recorded: Sequence[str], added: Sequence[str]) -> Sequence[str]:
    """What lines that were added say beyond recorded ones: nothing, where those go on in the same way."""
    said, known = (list(dropwhile(lambda line: not line.strip(), lines)) for lines in (added, recorded))
    same = min(len(said), len(known))
    return said[same:] if same and said[:same] == known[:same] else added


def merge_json(base: str, ours: str, edited: str) -> str:
    """The same for JSON, key by key; rows of a list are matched by their `id`, without one by their places."""
    return dump(_merge(load(base), load(ours), load(edited)))


def _merge(base: Any, ours: Any, edited: Any) -> Any:
    if edited == base:
        return ours
    if isinstance(ours, dict) and isinstance(edited, dict):
        return _merge_objects(base if isinstance(base, dict) else {}, ours, edited)
    if _rows(ours) and _rows(edited):
        before = {row["id"]: row for row in base} if isinstance(base, list) and _rows(base) else {}
        mine, theirs = ({row["id"]: row for row in rows} for rows in (ours, edited))
        return list(_merge_objects(before, mine, theirs).values())
    if isinstance(ours, list) and isinstance(edited, list):
        return _merge_lists(base if isinstance(base, list) else [], ours, edited)
    return edited


def _merge_lists(base: list[Any], ours: list[Any], edited: list[Any]) -> list[Any]:
    from merge3 import Merge3

    named = {dump(row): row for row in (*base, *ours, *edited)}
    before, mine, theirs = ([dump(row) for row in rows] for rows in (base, ours, edited))
    merged: list[Any] = []
    for group in Merge3(before, mine, theirs).merge_groups():
        sides = [[named[text] for text in texts] for texts in group[1:]]
        merged += _merge_rows(*sides) if group[0] == "conflict" else sides[0]
    return merged


def _merge_rows(base: list[Any], ours: list[Any], edited: list[Any]) -> list[Any]:
    """Rows in the place of each other are merged; what either side added, or has of those taken out, is there."""
    size = len(base)
    if size <= min(len(ours), len(edited)):
        rows = [_merge(*sides) for sides in zip(base, ours, edited, strict=False)]
        ours, edited = ours[size:], edited[size:]
    else:
        rows, ours = [], [row for row in ours if row not in base or row in edited]
        edited = [row for row in edited if row not in base]
    return [*rows, *ours, *(row for row in edited if row not in ours)]


def _rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in value)


def _merge_objects(base: dict[str, Any], ours: dict[str, Any], edited: dict[str, Any]) -> dict[str, Any]:
    merged = {}
    for key in (*ours, *(key for key in edited if key not in ours)):
        before, mine, theirs = (side.get(key, _ABSENT) for side in (base, ours, edited))
        value = (
            mine
            if theirs == before
            else theirs
            if mine is _ABSENT or theirs is _ABSENT
            else _merge(before, mine, theirs)
        )
        if value is not _ABSENT:
            merged[key] = value
    return merged
