"""Layers and sizes: the house measured."""

from __future__ import annotations

import ast
import graphlib
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "orchestrator"
LAYERS = [
    {"amounts", "locks", "names", "openings", "receipts", "renames"},
    {"usage"},
    {"errors", "files", "system", "shipped", "yaml12", "chain"},
    {"events", "contents", "patch"},
    {"task", "evidence"},
    {"mentions"},
    {"lives", "children", "budget", "costs", "questions"},
    {"transitions", "completion", "triggers", "process", "wrapper", "masking", "permissions", "workspace", "snapshot"},
    {"worktrees", "traces"},
    {
        "documents",
        "journal",
        "models",
        "tools",
        "definitions",
        "prompts",
        "overview",
        "tree",
        "history",
        "undo",
        "testing",
        "settings",
    },
    {"engine", "check", "lookout", "revisions"},
    {"isolation", "accounts"},
    {"worker", "prune"},
    {"report"},
    {"team"},
    {"demo"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LIGHT = ("overview", "tree", "history", "amounts", "chain", "definitions", "errors", "shipped", "settings")
"""Modules that start fast: neither pydantic nor the model client may be imported by them."""

pytestmark = pytest.mark.skipif(not PACKAGE.is_dir(), reason="needs the source tree")
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """The dotted names a module imports from this package, under TYPE_CHECKING too."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("orchestrator"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                known = PACKAGE.parent / inner.replace(".", "/")
                yield inner if known.with_suffix(".py").exists() or known.is_dir() else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("orchestrator"))


def part(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def test_imports_point_downward_and_siblings_do_not_import_each_other() -> None:
    wrong = [
        f"{module(path)} imports {name}"
        for path in SOURCES
        for name in imports(path)
        if part(name) and part(name) != part(module(path)) and part(module(path)) in RANK
        if RANK[part(name)] >= RANK[part(module(path))]
    ]
    assert not wrong


def test_every_module_has_a_layer() -> None:
    assert {part(module(path)) for path in SOURCES} - {"", "__main__"} <= RANK.keys()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module(path): set(imports(path)) - {module(path)} for path in SOURCES}
    list(graphlib.TopologicalSorter(graph).static_order())


def test_files_and_functions_stay_small() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in SOURCES}
    functions = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {str(path): size for path, size in sizes.items() if size > LONGEST_FILE} == {}
    assert {name: size for name, size in functions.items() if size > LONGEST_FUNCTION} == {}
    assert statistics.median(sizes.values()) < 150


def test_names_say_something() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert not [str(path) for path in SOURCES if path.stem in vague]


def test_light_modules_import_nothing_heavy_at_their_head() -> None:
    heavy = {"pydantic", "anthropic", "yaml", "jsonschema"}
    for path in SOURCES:
        if part(module(path)) not in (*LIGHT, "cli"):
            continue
        heads = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name for node in heads if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in heads if isinstance(node, ast.ImportFrom)}
        assert not {name.split(".")[0] for name in names} & heavy, path


def test_only_the_files_module_and_those_that_own_the_workspace_write_to_disk() -> None:
    allowed = {"files", "wrapper", "process", "workspace", "demo", "lease"}
    for path in SOURCES:
        text = path.read_text()
        if not {path.stem, part(module(path))} & allowed:
            assert ".write_text(" not in text, path
            assert ".write_bytes(" not in text, path
            assert "os.replace(" not in text, path


def test_the_readme_names_every_part() -> None:
    drawn = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n    cli   ")[2].partition("\n\n")[0]
    parts = [re.split(r" {3,}", row.strip())[0] for row in drawn.splitlines()[1:]]
    assert RANK.keys() - {"cli", *" ".join(parts).replace(",", " ").split()} == set()


def test_tools_know_neither_engine_nor_journal_and_documents_know_no_disk() -> None:
    for path in SOURCES:
        names = {part(name) for name in imports(path)}
        if part(module(path)) == "tools":
            assert not names & {"engine", "journal", "documents"}, path
        if part(module(path)) == "documents":
            assert not names & {"journal", "files", "engine"}, path
