"""A written team: tasks with their agents and what comes after what, in a YAML file. Every flaw has its line."""

from __future__ import annotations

import difflib
import graphlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from orchestrator import yaml12
from orchestrator.errors import ToolError, UnknownAgent, UsageError
from orchestrator.events import Json
from orchestrator.tools import accept, catalog

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEYS = {
    "agent": "agent",
    "task": "task",
    "after": "after",
    "limits": "limits",
    "model": "model",
    "result_schema": "result_schema",
}
"""Of a task, and what the tool Delegate calls them."""
_FORM = "tasks: {NAME: {agent: NAME, task: TEXT}}"
_VERIFY = "verify"
"""Of a task, and no model's to say."""


@dataclass(frozen=True)
class Plan:
    """`goal`: what it is for; `tasks`: by name, each after those it comes after, as Delegate is given them.

    `verify`: by name, the commands that must pass before a task is done.
    """

    name: str
    goal: str
    tasks: Mapping[str, Json] = field(default_factory=dict)
    verify: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(path: Path, agents: Collection[str]) -> Plan:
    """The plan in a file; raises UsageError, `FILE:LINE: what is wrong`, before anything is done."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or 'unreadable'}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text") from None
    return _Reader(path, agents).plan(text)


class _Reader:
    def __init__(self, path: Path, agents: Collection[str]) -> None:
        self._path = path
        self._agents = agents

    def plan(self, text: str) -> Plan:
        try:
            root = yaml12.compose(text)
        except (yaml.YAMLError, ValueError, LookupError) as error:
            mark = getattr(error, "problem_mark", None)
            raise self._flaw(mark.line if mark else 0, f"not YAML: {getattr(error, 'problem', error)}") from None
        whole = self._mapping(root, "a team", ("goal", "tasks"))
        if "tasks" not in whole:
            raise self._flaw(root.start_mark.line if root else 0, "there are no `tasks`: give each a name")
        rows = self._mapping(whole["tasks"], "`tasks`", None)
        tasks = {name: self._task(name, node) for name, node in rows.items()}
        if not tasks:
            raise self._flaw(whole["tasks"].start_mark.line, "there are no tasks: give at least one")
        goal = self._text(whole["goal"], "`goal`") if "goal" in whole else f"The tasks of {self._path.name}"
        verify = {name: commands for name, node in rows.items() if (commands := self._verify(name, node))}
        return Plan(self._path.name, goal, {name: tasks[name] for name in self._order(rows, tasks)}, verify)

    def _task(self, name: str, node: yaml.Node) -> Json:
        given = self._mapping(node, f"the task {name}", (*_KEYS, _VERIFY))
        for key in ("agent", "task"):
            if key not in given:
                raise self._flaw(node.start_mark.line, f"the task {name} has no `{key}`")
        agent = self._text(given["agent"], "`agent`")
        if agent not in self._agents:
            raise self._flaw(given["agent"].start_mark.line, str(UnknownAgent(agent, self._agents)))
        values = {_KEYS[key]: self._value(row) for key, row in given.items() if key in _KEYS}
        if isinstance(values.get("after"), str):
            values["after"] = [values["after"]]
        said = {**values, "workstream": name}
        try:
            accept(catalog()["Delegate"], said)
        except ToolError as error:
            flaws = _flaws(error)
            line = next((given[key] for key, _ in flaws if key in given), node).start_mark.line
            raise self._flaw(line, f"the task {name}: {'; '.join(words for _, words in flaws)}") from None
        return said

    def _verify(self, name: str, node: yaml.Node) -> tuple[str, ...]:
        """The commands, of a task that is otherwise right."""
        given = self._mapping(node, f"the task {name}", (*_KEYS, _VERIFY)).get(_VERIFY)
        if given is None:
            return ()
        rows = given.value if isinstance(given, yaml.SequenceNode) else [given]
        return tuple(self._text(row, f"the task {name}: a command of `{_VERIFY}`").strip() for row in rows)

    def _order(self, nodes: Mapping[str, yaml.Node], tasks: Mapping[str, Json]) -> Iterator[str]:
        graph = {name: self._lines(node, tasks[name].get("after", ())) for name, node in nodes.items()}
        for name, before in graph.items():
            for other, line in before.items():
                if other not in tasks:
                    near = difflib.get_close_matches(other, [row for row in tasks if row != name])
                    hint = f": did you mean {' or '.join(near)}?" if near else ""
                    raise self._flaw(line, f"the task {name} comes after {other!r}, which is none{hint}")
        try:
            return iter([*graphlib.TopologicalSorter(graph).static_order()])
        except graphlib.CycleError as error:
            ring = [*reversed(error.args[1])]
            line = graph[ring[0]][ring[1]]
            raise self._flaw(line, f"{' comes after '.join(ring)}: take one `after` away") from None

    def _lines(self, node: yaml.Node, before: Collection[str]) -> dict[str, int]:
        """Those that a task comes after, each with the line that says so."""
        said = dict.fromkeys(before, node.start_mark.line)
        for key, value in node.value:
            if key.value == "after":
                rows = value.value if isinstance(value, yaml.SequenceNode) else [value]
                said |= {name: row.start_mark.line for name, row in zip(before, rows, strict=True)}
        return said

    def _mapping(self, node: yaml.Node | None, what: str, keys: Collection[str] | None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._flaw(
                node.start_mark.line if node else 0, f"{what} is no mapping of keys to values, as in: {_FORM}"
            )
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            line = key.start_mark.line
            if not isinstance(key, yaml.ScalarNode):
                raise self._flaw(line, f"a key of {what} is not text")
            if keys is None and not _NAME.fullmatch(key.value):
                told = "letters, digits, - and _, 64 at the most"
                raise self._flaw(line, f"{key.value!r} cannot be a task's name: {told}")
            if keys is not None and key.value not in keys:
                raise self._flaw(line, f"{what} has no key {key.value!r}: there are {', '.join(keys)}")
            if key.value in found:
                raise self._flaw(line, f"{key.value} is there twice in {what}: name one otherwise")
            found[key.value] = value
        return found

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._flaw(node.start_mark.line, f"{what} is not text")
        return str(node.value)

    def _value(self, node: yaml.Node) -> Any:
        try:
            return yaml12.value(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self._flaw(node.start_mark.line, f"not YAML: {getattr(error, 'problem', error)}") from None

    def _flaw(self, line: int, reason: str) -> UsageError:
        return UsageError(f"{self._path}:{line + 1}: {reason}")


def _flaws(error: ToolError) -> list[tuple[str, str]]:
    """What is wrong, each with the key where it is."""
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return [("", str(error))]
    places = ((".".join(map(str, row["loc"])), row["msg"]) for row in cause.errors())
    return [(place.partition(".")[0], f"`{place}`: {words}") for place, words in places]
