"""A safe YAML loader with the scalars of YAML 1.2: `yes`, `on`, `1:30` and `2025-01-01` are strings."""

from __future__ import annotations

import re

import yaml

_DEEPEST = 100
_ALIASES = 8


def load(text: str) -> object:
    """The one document in a text; raises yaml.YAMLError, ValueError or LookupError.

    What is built to hurt its reader is a ValueError.
    """
    _check(text)
    return yaml.load(text, Loader)


def compose(text: str) -> yaml.Node | None:
    """The same as nodes, which know their lines."""
    _check(text)
    return yaml.compose(text, Loader)


def value(node: yaml.Node) -> object:
    """What a node says."""
    return Loader("").construct_document(node)


def _check(text: str) -> None:
    depth = aliases = 0
    for event in yaml.parse(text, Loader):
        # Nodes are built by recursion in C, where deep nesting is a crash; aliases of aliases multiply.
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _DEEPEST or aliases > _ALIASES:
            raise ValueError(f"more than {_DEEPEST} levels or {_ALIASES} aliases")


class Loader(yaml.CSafeLoader):
    """Null, true, false and numbers are more than text, and `<<` merges; every other tag says nothing."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's name and type
    yaml_constructors = {  # noqa: RUF012
        f"tag:yaml.org,2002:{kind}": yaml.CSafeLoader.yaml_constructors[f"tag:yaml.org,2002:{kind}"]
        for kind in ("null", "bool", "float", "str", "seq", "map")
    }


def _integer(loader: Loader, node: yaml.ScalarNode) -> int:
    return int(node.value, {"0o": 8, "0x": 16}.get(node.value[:2], 10))


def _text(loader: Loader, node: yaml.ScalarNode) -> object:
    return loader.construct_scalar(node)


_SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
for _kind, (_pattern, _first) in _SCALARS.items():
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})\Z"), _first)
Loader.add_constructor("tag:yaml.org,2002:int", _integer)
Loader.add_constructor(None, _text)
