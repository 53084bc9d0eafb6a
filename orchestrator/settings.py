"""What people set once for all runs: in the environment, in the project's file, in their own. Fast to import.

Of a key that is set in several places the environment's counts, then the project's, then the user's; [models] adds up.
A value that cannot be obeyed raises BadSettings; nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from orchestrator.amounts import AMOUNTS, flaw
from orchestrator.errors import BadSettings, UsageError

PROJECT = "orchestrator.toml"
"""The project's file, in the workspace."""
PREFIX = "ORCHESTRATOR_"
"""Of the variables that set a key."""
_LIMIT = "max_"


@dataclass(frozen=True)
class Caps:
    """How far the work of one run may spread.

    `workers`: at work at once; `tasks`: in a tree; `children`: of one task, open and done; `depth`: 3 are a task that a
    person gave, its children, and theirs.
    """

    workers: int = 100
    tasks: int = 100
    children: int = 16
    depth: int = 3


@dataclass(frozen=True)
class Settings:
    """What is set. `limits`: of a new task, by their names in `Limits`; `agents`: the same by agent, which go before
    these; `models`: names for models."""

    model: str | None = None
    mode: Literal["full", "lightweight"] | None = None
    isolate: Literal["worktree"] | None = None
    provider: str = "messages"
    limits: Mapping[str, float] = field(default_factory=dict)
    verify: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    caps: Caps = Caps()
    agents: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Place(NamedTuple):
    """A file of settings. `elsewhere`: keys that it may not have, each with the reason."""

    path: Path
    elsewhere: Mapping[str, str]

    def read(self) -> dict[str, Any]:
        """What it sets, checked; nothing when there is no such file."""
        values = self._load()
        for key, value in values.items():
            if key in self.elsewhere:
                raise BadSettings(f"{self.path}: {key}", self.elsewhere[key])
            _check(f"{self.path}: {key}", key, value)
        return values

    def _load(self) -> dict[str, Any]:
        import tomllib

        try:
            if self.path.exists() and not self.path.is_file():  # a FIFO would be waited for
                raise BadSettings(str(self.path), "not a regular file")
            return tomllib.loads(self.path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise BadSettings(str(self.path), error.strerror or "unreadable") from None
        except UnicodeDecodeError:
            raise BadSettings(str(self.path), "not UTF-8 text") from None
        except (ValueError, RecursionError) as error:
            raise BadSettings(str(self.path), f"not TOML: {error}") from None


def places(workspace: Path, environment: Mapping[str, str]) -> tuple[Place, Place]:
    """The user's file and the project's, whether they are there or not."""
    home = Path(environment.get("XDG_CONFIG_HOME") or "")
    user = (home if home.is_absolute() else Path.home() / ".config") / "orchestrator" / "settings.toml"
    return (
        Place(user, {"verify": f"a project says how it is verified: set it in that project's {PROJECT}"}),
        Place(workspace / PROJECT, {"allow": f"a project cannot permit itself commands: set it in {user}"}),
    )


def read(workspace: Path, environment: Mapping[str, str]) -> Settings:
    """What is set for runs in a workspace."""
    user, project = (place.read() for place in places(workspace, environment))
    values = user | project | said_in(environment)
    return Settings(
        model=values.get("model"),
        mode=values.get("mode"),
        isolate=values.get("isolate"),
        provider=values.get("provider", Settings.provider),
        limits={key.removeprefix(_LIMIT): value for key, value in values.items() if key.startswith(_LIMIT)},
        verify=tuple(values.get("verify", ())),
        allow=tuple(values.get("allow", ())),
        models=user.get("models", {}) | project.get("models", {}),
        caps=Caps(**{key: values[key] for key in _CAPS if key in values}),
        agents=_by_agent(user, project),
    )


def _by_agent(*places: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The limits of each agent; of a limit that several places set, the last one's counts."""
    found: dict[str, dict[str, float]] = {}
    for place in places:
        for name, said in place.get("agents", {}).items():
            found[name] = found.get(name, {}) | said["limits"]
    return found


def said_in(environment: Mapping[str, str]) -> dict[str, Any]:
    """What variables set: those keys whose value is one word or number. An empty variable sets nothing."""
    values: dict[str, Any] = {}
    for key in _SINGLE:
        name = PREFIX + key.upper()
        if text := environment.get(name):
            values[key] = _number(text) if key.startswith(_LIMIT) or key in _CAPS else text
            _check(name, key, values[key])
    return values


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _check(where: str, key: str, value: object) -> None:
    """Raises BadSettings unless the key is one and the value fits it."""
    if key not in _KEYS:
        import difflib

        near = difflib.get_close_matches(key, _KEYS, n=1)
        raise BadSettings(where, f"no such setting: {f'did you mean {near[0]}?' if near else _known()}")
    wanted, fits = _KEYS[key]
    if not fits(value):
        raise BadSettings(where, f"{value!r} is not {wanted}")
    if key == "allow":
        from orchestrator.permissions import Permissions

        try:
            Permissions(value)  # type: ignore[arg-type]
        except UsageError as error:
            raise BadSettings(where, str(error)) from None


def _known() -> str:
    return f"there are {', '.join(_KEYS)}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_names(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_CAPS = tuple(Caps.__dataclass_fields__)


def _are_agents(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(said, dict)
        and said.keys() == {"limits"}
        and isinstance(said["limits"], dict)
        and not any(flaw(*limit) for limit in said["limits"].items())
        for said in value.values()
    )


_SINGLE: dict[str, tuple[str, Callable[[object], bool]]] = {
    "model": ("the name of a model", _is_text),
    "mode": ("full or lightweight", lambda value: value in ("full", "lightweight")),
    "isolate": ("worktree", lambda value: value == "worktree"),
    "provider": ("the name of a provider", _is_text),
    **dict.fromkeys(_CAPS, AMOUNTS["turns"]),
    **{_LIMIT + name: amount for name, amount in AMOUNTS.items()},
}
_KEYS = _SINGLE | {
    "verify": ("a list of commands", _are_texts),
    "allow": ("a list of rules such as 'Bash(npm test:*)'", _are_texts),
    "models": ("a table of names for models, such as fast = 'claude-haiku-5-5'", _are_names),
    "agents": ("a table of agents' limits, such as [agents.reviewer.limits] turns = 20", _are_agents),
}
