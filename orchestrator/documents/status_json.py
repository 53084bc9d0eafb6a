"""The status document's shape, its JSON as it is written, and as it is read: with suspicion, since people edit it."""

from __future__ import annotations

import json
import math
import re
import secrets
from typing import Any, Literal, NotRequired

from pydantic_core import to_json
from typing_extensions import TypedDict

from orchestrator.events import Json, Kind, Life, Mode, Status

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMA = re.compile(rf"({_STRING.pattern})|,(?=\s*[}}\]])")
_DEEPEST = 64
_LONGEST_NUMBER = 400


class WorkstreamJson(TypedDict):
    """A part of the task."""

    id: str
    description: str
    status: Status
    assignedAgent: str | None
    dependencies: list[str]
    artifacts: list[str]
    crossAgentReferences: list[str]
    notes: str | None


class DecisionJson(TypedDict):
    """A decision, and what it rests on."""

    timestamp: str
    decision: str
    rationale: str | None
    referencedAgentWork: str | None


class BlockerJson(TypedDict):
    """What keeps the agent from going on, until there is a resolution. A question says whom it `asks`."""

    id: str
    text: str
    resolution: str | None
    asks: NotRequired[Literal["parent", "person"]]


class InstructionJson(TypedDict):
    """What a person gave the task to do after it was begun."""

    timestamp: str
    instruction: str


class TotalJson(TypedDict):
    """What a task and all that it gave away have used up; an answer that was lost counts as all it may have cost."""

    turns: int
    tokens: int
    costUsd: float


class UsageJson(TypedDict):
    """What the task has used so far; tokens as the API counts them, the cost of the turns whose price is known."""

    turns: int
    inputTokens: int
    outputTokens: int
    cacheReadInputTokens: int
    cacheCreationInputTokens: int
    costUsd: NotRequired[float]
    withBelow: NotRequired[TotalJson]


class PublishedJson(TypedDict):
    """The last revision that changed a document, and the SHA-256 of what was rendered, without its stamp."""

    revision: int
    digest: str


class SyncJson(PublishedJson):
    """The stamp of the status document, whose digest is of the document without this key, and those of the others."""

    documents: dict[Kind, PublishedJson]


class StatusJson(TypedDict):
    """The status document. Keys that agents or people add, at any depth, are kept as they are.

    Times are ISO 8601, UTC. `relatedAgentFiles` are paths from the workspace. Of a task that was kept by hand once,
    the description and the lists may be missing, and rows that were typed by hand stay as they were typed.
    """

    agentId: str
    taskId: str
    relatedAgentFiles: NotRequired[list[str]]
    description: NotRequired[str]
    startedAt: str
    status: Life
    phase: str
    mode: Mode
    parentTask: NotRequired[str | None]
    paused: NotRequired[bool | None]
    workstreams: NotRequired[list[WorkstreamJson]]
    decisions: NotRequired[list[DecisionJson]]
    blockers: NotRequired[list[BlockerJson] | None]
    instructions: NotRequired[list[InstructionJson] | None]
    revision: int
    updatedAt: str
    completedAt: NotRequired[str | None]
    usage: UsageJson
    sync: NotRequired[SyncJson]


def load(text: str) -> Json:
    """The object a text holds; raises ValueError for what no two readers would read alike.

    That is: broken JSON, anything but an object, duplicate keys, NaN and infinities, absurd depth or number size,
    half of a surrogate pair.
    """
    depth = 0
    few = text.count("[") + text.count("{") <= _DEEPEST
    for bracket in () if few else re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST}")
    data = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite, parse_int=_whole)
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    dump(data).encode()
    return data


def flaw(error: Exception) -> str:
    """Why `load` refuses a text, in a person's words."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    return "something follows the end of the JSON" if error.msg == "Extra data" else f"it is not JSON ({error.msg})"


class Number:
    """A number that `dump` would else write otherwise: `1.50`, or one of more digits than Python keeps."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


_MARK = f"\ufdd0{secrets.token_hex(8)}"
"""Put before such a number while it is a text in a JSON that is written: no text that anybody keeps has it."""
_MARKED = re.compile(rf'"{_MARK}([^"]*)"')


def dump(data: Json) -> str:
    """What `json.dumps` writes with an indentation of two, in a fifth of its time; numbers as they were written."""
    try:
        text = to_json(data, indent=2, fallback=_marked).decode() + "\n"
    except ValueError:  # half of a surrogate pair
        text = json.dumps(data, indent=2, ensure_ascii=False, default=_marked) + "\n"
    return _MARKED.sub(r"\1", text) if _MARK in text else text


def _marked(value: object) -> str:
    if isinstance(value, Number):
        return f"{_MARK}{value}"
    raise TypeError(f"{value!r} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    data = dict(pairs)
    if len(data) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return data


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _finite(word: str) -> float | Number:
    if len(word) > _LONGEST_NUMBER or not math.isfinite(value := float(word)):
        raise ValueError("a number is too large")
    return value if to_json(value).decode() == word else Number(word)


def _whole(word: str) -> int | Number:
    if len(word) > _LONGEST_NUMBER:
        raise ValueError("a number is too large")
    return int(word) if word != "-0" else Number(word)


def salvage(text: str) -> Json | None:
    """The object of a text that `load` refuses, as far as it can be told; None when it cannot.

    Forgiven are: what follows the object, commas before a closing bracket, brackets that are missing at the end, keys
    that are there twice (the last one counts), and a `sync` that is not ours.
    """
    bare = text.lstrip("\ufeff \t\r\n")
    tidy = _COMMA.sub(lambda found: found[1] or "", bare)
    for attempt in (bare, tidy, tidy + _closing(tidy)):
        try:
            data, _ = json.JSONDecoder(parse_float=_finite, parse_int=_whole).raw_decode(attempt)
            if isinstance(data, dict):
                data.pop("sync", None)
                return load(dump(data))
        except (ValueError, RecursionError):
            continue
    return None


def _closing(text: str) -> str:
    """The brackets that are open at the end of a text."""
    closing: list[str] = []
    for bracket in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        if bracket in "[{":
            closing.append("]" if bracket == "[" else "}")
        elif closing:
            closing.pop()
    return "".join(reversed(closing))
