"""Agent definitions: markdown files with YAML front matter, read the way Claude Code reads them.

What may be odd about such a file, and what then happens:

1. A byte-order mark is dropped, CRLF is a newline, undecodable bytes are replaced.
2. Front matter begins with `---` at the first byte and ends at the next `---`, even inside a value.
3. It is YAML 1.2: `yes` and `2025-01-01` are strings; of two equal keys the last wins.
4. When it does not parse, top-level one-line values that YAML could misread are quoted, tabs at the beginning of a line
   become spaces, and it is parsed again.
5. A name is a non-empty string of at most 256 characters, without `:`, not beginning with `-`.
6. A description is a non-empty string; a written-out `\\n` in it is a newline.
7. Tools: nothing, a `*` or what is no list of names means all of them. `memory` adds the file tools,
   `disallowedTools` takes away.
8. A wrong value for another key is ignored; but `hooks`, and `output_schema`, `verify` and `limits`, which are ours,
   must fit. `maxTurns` is a limit of turns.
9. Of two files of one name the later in path order wins.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from orchestrator.amounts import flaw
from orchestrator.errors import BadDefinition, UnknownAgent

ALWAYS = ("Ask", "Sync", "Finish")
BY_NAME = ("Task", "Agent")
"""Other names of a tool: only who lists them is offered them."""
GIVING = ("Delegate", *BY_NAME)
BESIDE = {"Answer": GIVING, "Await": GIVING, "Cancel": GIVING, "Tasks": ("Read",)}
"""Who may use one of those behind the name is offered it too."""
_LARGEST = 1 << 20
_FRONT = re.compile(r"---[^\S\n]*\n(.*?)---[^\S\n]*\n?(.*)", re.DOTALL)
_LINE = re.compile(r"^([A-Za-z_][\w-]*):[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_MISREAD = re.compile(r"[{}\[\]*&#!|>%@`]|: ")
_TABS = re.compile(r"^\t+", re.MULTILINE)
_WHOLE = re.compile(r"\".*\"|'.*'|\[[^\[\]]*\]")
_TOOL = re.compile(r"(?:\([^)]*\)?|[^, (])+")
_MEMORIES = ("user", "project", "local")
_MEMORY_TOOLS = ("Write", "Edit", "Read")


@dataclass(frozen=True)
class Agent:
    """One definition. `tools` None: all of them. `body` is the system prompt; `limits` as `Limits` names them."""

    name: str
    description: str
    body: str
    path: Path
    tools: tuple[str, ...] | None = None
    disallowed: tuple[str, ...] = ()
    model: str | None = None
    mode: Literal["full", "lightweight"] | None = None
    output_schema: dict[str, Any] | None = None
    verify: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)

    def offers(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of our tools that this agent may use, in our order: `Bash(git:*)` means Bash, unknown names nothing."""
        every = [name for name in names if name not in BY_NAME]
        wanted = every if self.tools is None else [tool.partition("(")[0] for tool in self.tools]
        wanted += [name for name, tools in BESIDE.items() if not {*tools}.isdisjoint(wanted)]
        return tuple(name for name in names if name in ALWAYS or (name in wanted and name not in self.disallowed))

    def lacks(self, names: Container[str]) -> tuple[str, ...]:
        """The tools it lists that are none of these."""
        return tuple(tool for tool in self.tools or () if tool.partition("(")[0] not in names)


def read(path: Path) -> Agent:
    """The agent a file defines; raises BadDefinition with the one reason why it defines none."""
    try:
        body, front = _split(_text(path))
        return _agent(_mapping(front), body, path)
    except ValueError as reason:
        raise BadDefinition(str(path), str(reason)) from None


class Library:
    """The agents there are: the project's before the user's before those that come with the package."""

    def __init__(self, project: Path, home: Path, shipped: Path) -> None:
        self._folders = (project / ".claude" / "agents", home / ".claude" / "agents", shipped)

    def find(self, name: str) -> Agent:
        """The agent of that name; raises UnknownAgent, or BadDefinition when the file of that name cannot be read."""
        for agents, unreadable in self._read:
            if name in agents:
                return agents[name]
            for bad in unreadable:
                if Path(bad.path).stem == name:
                    raise bad
        raise UnknownAgent(name, [agent.name for agent in self.all()])

    def all(self) -> tuple[Agent, ...]:
        """Every agent that can be read, by name; of several of one name the nearest."""
        found = {name: agent for agents, _ in reversed(self._read) for name, agent in agents.items()}
        return tuple(found[name] for name in sorted(found))

    @property
    def unreadable(self) -> tuple[BadDefinition, ...]:
        """The files in these folders that define no agent, each with the reason."""
        return tuple(bad for _, unreadable in self._read for bad in unreadable)

    @cached_property
    def _read(self) -> tuple[tuple[dict[str, Agent], list[BadDefinition]], ...]:
        return tuple(_folder(folder) for folder in self._folders)


def _folder(folder: Path) -> tuple[dict[str, Agent], list[BadDefinition]]:
    agents: dict[str, Agent] = {}
    unreadable = []
    for path in sorted(_markdown(folder)):
        try:
            agent = read(path)
            agents[agent.name] = agent
        except BadDefinition as bad:
            unreadable.append(bad)
    return agents, unreadable


def _markdown(folder: Path) -> Iterator[Path]:
    """Every `.md` below, hidden ones and linked ones too; a folder that links form a ring with is entered once."""
    entered = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(parent))
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(parent, name)) not in entered]
        yield from (Path(parent, name) for name in names if name.endswith(".md"))


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise ValueError("not a regular file")
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(error.strerror or "unreadable") from None
    if len(data) > _LARGEST:
        raise ValueError("larger than 1 MiB")
    return data.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")


def _split(text: str) -> tuple[str, str]:
    """The body and the front matter."""
    if match := _FRONT.match(text):
        return match[2].strip(), match[1]
    begun = re.match(r"---[^\S\n]*\n", text)
    raise ValueError("its front matter has no closing ---" if begun else "no front matter: line 1 is not ---")


def _mapping(front: str) -> dict[str, Any]:
    try:
        return _parse(front)
    except ValueError:
        return _parse(_TABS.sub("  ", _LINE.sub(_quoted, front)))


def _quoted(line: re.Match[str]) -> str:
    key, value = line.groups()
    if key == "output_schema" or _WHOLE.fullmatch(value) or not _MISREAD.search(value):
        return line[0]
    escaped = value.replace("'", "''")
    return f"{key}: '{escaped}'"


def _parse(front: str) -> dict[str, Any]:
    import yaml

    from orchestrator import yaml12

    try:
        data = yaml12.load(front)
    except (yaml.YAMLError, ValueError, LookupError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 2}: " if mark else ""
        raise ValueError(f"{where}its front matter is not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(data, dict):
        raise ValueError("its front matter is not a mapping of keys to values")
    return data


def _agent(front: dict[str, Any], body: str, path: Path) -> Agent:
    name = front.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("`name` is missing or is not text")
    if ":" in name or name.startswith("-") or len(name) > 256:
        raise ValueError("`name` may not contain `:`, begin with `-` or be longer than 256 characters")
    description = front.get("description")
    if not isinstance(description, str) or not description:
        raise ValueError("`description` is missing or is not text")
    if not isinstance(front.get("hooks", {}), dict):
        raise ValueError("`hooks` is not a mapping")
    model = front.get("model")
    return Agent(
        name=name,
        description=description.replace("\\n", "\n"),
        body=body,
        path=path,
        tools=_tools(front),
        disallowed=_names(front.get("disallowedTools")),
        model=model if isinstance(model, str) and model != "inherit" else None,
        mode=front["mode"] if front.get("mode") in ("full", "lightweight") else None,
        output_schema=_schema(front.get("output_schema")),
        verify=_commands(front.get("verify")),
        limits=_limits(front),
    )


def _names(value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    found = (name.strip() for text in texts if isinstance(text, str) for name in _TOOL.findall(text))
    return tuple(name for name in found if name)


def _tools(front: dict[str, Any]) -> tuple[str, ...] | None:
    names = _names(front.get("tools"))
    if not names or "*" in names:
        return None
    if front.get("memory") in _MEMORIES:
        names += tuple(tool for tool in _MEMORY_TOOLS if tool not in names)
    taken = _names(front.get("disallowedTools"))
    return tuple(name for name in names if name not in taken)


def _schema(value: object) -> dict[str, Any] | None:
    """A copy in JSON's own types, so that nothing YAML alone can say, such as a ring of aliases, goes further."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("`output_schema` is not a mapping")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`output_schema` is not JSON: {error}") from None
    return copy


def _limits(front: dict[str, Any]) -> dict[str, float]:
    limits = front.get("limits", {})
    if not isinstance(limits, dict):
        raise ValueError("`limits` is not a mapping")
    for name, value in limits.items():
        if wrong := flaw(name, value):
            raise ValueError(f"`limits`: {wrong}")
    turns = {} if flaw("turns", front.get("maxTurns")) else {"turns": front["maxTurns"]}
    return turns | limits


def _commands(value: object) -> tuple[str, ...]:
    commands = [value] if isinstance(value, str) else value or []
    if not isinstance(commands, list) or not all(isinstance(command, str) and command for command in commands):
        raise ValueError("`verify` is not a command or a list of commands")
    return tuple(commands)
