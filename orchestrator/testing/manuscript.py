"""A screenplay's text, read: YAML 1.2 whose mappings know their line, and `!include path` for a file's text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from orchestrator import yaml12
from orchestrator.errors import ScreenplayError


class Section(dict[str, Any]):
    """A mapping and where it begins, as `file:line`."""

    where: str

    def expect_keys(self, *known: str) -> None:
        """Raises ScreenplayError when there is another key than these."""
        for key in self:
            if key not in known:
                raise ScreenplayError(f"{self.where}: unknown key {key!r}: there are {', '.join(known)}")

    def section(self, key: str) -> Section:
        """The mapping under a key, empty when there is none."""
        return self._typed(key, Section, "a mapping") or self._empty()

    def sections(self, key: str) -> Iterator[Section]:
        """The mappings in the list under a key."""
        for row in self._typed(key, list, "a list") or ():
            if not isinstance(row, Section):
                raise ScreenplayError(f"{self.where}: {key} must be a list of mappings, not {row!r}")
            yield row

    def text(self, key: str) -> str | None:
        text: str | None = self._typed(key, str, "text")
        return text

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """The regular expression under a key."""
        text = self.text(key)
        try:
            return None if text is None else re.compile(text)
        except re.error as error:
            raise ScreenplayError(f"{self.where}: {key} is not a regular expression: {error}") from error

    def number(self, key: str) -> float | None:
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ScreenplayError(f"{self.where}: {key} must be a number, not {value!r}")
        return value

    def _typed(self, key: str, kind: type[Any], called: str) -> Any:
        value = self.get(key)
        if value is not None and not isinstance(value, kind):
            raise ScreenplayError(f"{self.where}: {key} must be {called}, not {value!r}")
        return value

    def _empty(self) -> Section:
        section = Section()
        section.where = self.where
        return section


def read(text: str, origin: Path) -> Section:
    """The mapping the text holds. `origin` names it in errors, and what it includes lies beside it."""

    class Loader(yaml12.Loader):
        pass

    Loader.add_constructor("tag:yaml.org,2002:map", _mapping(origin))
    Loader.add_constructor("!include", _include(origin))
    Loader.add_constructor(None, _unknown_tag(origin))
    try:
        section = yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScreenplayError(f"{origin}:{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ScreenplayError(f"{origin}: not YAML: {error}") from error
    if not isinstance(section, Section):
        raise ScreenplayError(f"{origin}:1: a screenplay is a mapping with the key 'actors'")
    return section


def _where(origin: Path, node: yaml.Node) -> str:
    return f"{origin}:{node.start_mark.line + 1}"


def _mapping(origin: Path) -> Callable[[yaml12.Loader, yaml.MappingNode], Section]:
    def construct(loader: yaml12.Loader, node: yaml.MappingNode) -> Section:
        section = Section()
        section.where = _where(origin, node)
        names = set()
        for key, _ in node.value:
            if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                raise ScreenplayError(f"{_where(origin, key)}: the key {key.value!r} must be text")
            if key.value in names:
                raise ScreenplayError(f"{_where(origin, key)}: the key {key.value!r} is there twice")
            names.add(key.value)
        loader.flatten_mapping(node)  # `<<`: what is merged comes first, what stands here wins
        for key, value in node.value:
            section[key.value] = loader.construct_object(value, deep=True)
        return section

    return construct


def _include(origin: Path) -> Callable[[yaml12.Loader, yaml.ScalarNode], str]:
    def construct(loader: yaml12.Loader, node: yaml.ScalarNode) -> str:
        path = origin.parent / str(loader.construct_scalar(node))
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScreenplayError(f"{_where(origin, node)}: cannot include {path}: {error}") from error

    return construct


def _unknown_tag(origin: Path) -> Callable[[yaml12.Loader, yaml.Node], str]:
    def construct(loader: yaml12.Loader, node: yaml.Node) -> str:
        raise ScreenplayError(f"{_where(origin, node)}: unknown tag {node.tag}: there is only !include")

    return construct
