"""Our own protocol with one statement taken away, or two swapped: what survives the power cuts is argued, or a gap.

`python -m proof.mutants` lists them, `python -m proof.mutants NAME…` says of each whether it lives.
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from proof.result import Part, Result

ROOT = Path(__file__).resolve().parent.parent
MUTATED = (
    "files.py",
    "journal/file.py",
    "engine/publisher.py",
    "engine/shelf.py",
    "engine/moves.py",
)
"""Where the steps of a commit, an opening, a checkpoint and a move are."""
SHARPEST = (
    "files.py Disk.create delete self.sync_data(descriptor, path)",
    "files.py Disk.make_directories delete self.sync_directory(directory.parent)",
)
LONGEST = 120
"""Seconds until a mutant that does not come to an end counts as killed."""


@dataclass(frozen=True)
class Mutant:
    module: str
    name: str
    source: str


def mutants() -> Iterator[Mutant]:
    """Each by its place and what was done there; a second one of the same name gets a number."""
    seen: dict[str, int] = {}
    for module in MUTATED:
        tree = ast.parse((ROOT / "orchestrator" / module).read_text())
        for function, path in _functions(tree):
            for name, changed in _changes(tree, path):
                full = f"{module} {function} {name}"
                seen[full] = seen.get(full, 0) + 1
                number = f" ({seen[full]})" if seen[full] > 1 else ""
                yield Mutant(module, full + number, ast.unparse(changed))


Path_ = tuple[tuple[str, int], ...]
"""From the module down to a node: the field, and the place in its list."""


def _functions(tree: ast.Module) -> Iterator[tuple[str, Path_]]:
    for number, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef):
            yield node.name, (("body", number),)
        elif isinstance(node, ast.ClassDef):
            for inner, method in enumerate(node.body):
                if isinstance(method, ast.FunctionDef):
                    yield f"{node.name}.{method.name}", (("body", number), ("body", inner))


def _changes(tree: ast.Module, path: Path_) -> Iterator[tuple[str, ast.Module]]:
    """Each statement of a function deleted, or swapped with the next."""
    for place in _lists(_at(tree, path), path):
        *above, (field, _) = place
        rows: list[ast.stmt] = getattr(_at(tree, tuple(above)), field)
        for number, row in enumerate(rows):
            if _says_nothing(row):
                continue
            words = ast.unparse(row).splitlines()[0]
            deleted = copy.deepcopy(tree)
            getattr(_at(deleted, tuple(above)), field)[number] = ast.Pass()
            yield f"delete {words}", deleted
            if number + 1 < len(rows):
                swapped = copy.deepcopy(tree)
                list_: list[ast.stmt] = getattr(_at(swapped, tuple(above)), field)
                list_[number], list_[number + 1] = list_[number + 1], list_[number]
                yield f"swap {words}", swapped


def _says_nothing(row: ast.stmt) -> bool:
    return isinstance(row, ast.Expr) and isinstance(row.value, ast.Constant)


def _lists(node: ast.AST, path: Path_) -> Iterator[Path_]:
    """Every list of statements below a node, as the path of its first."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        rows = getattr(node, field, None)
        if not isinstance(rows, list):
            continue
        if rows and field != "handlers":
            yield (*path, (field, 0))
        for number, row in enumerate(rows):
            yield from _lists(row, (*path, (field, number)))


def _at(tree: ast.AST, path: Path_) -> ast.AST:
    for field, number in path:
        tree = getattr(tree, field)[number]
    return tree


def parts(full: bool) -> Iterator[Part]:
    for mutant in mutants():
        if full or mutant.name in SHARPEST:
            yield partial(tried, mutant)


def tried(mutant: Mutant) -> Result:
    survived = () if killed(mutant) else (mutant.name,)
    return Result("mutants of our own protocol that survive", 1, "mutants", survived)


def killed(mutant: Mutant) -> str:
    """How it broke, empty when it lives."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(ROOT / "orchestrator", Path(place) / "orchestrator")
        (Path(place) / "orchestrator" / mutant.module).write_text(mutant.source)
        environment = {**os.environ, "PYTHONPATH": f"{place}{os.pathsep}{ROOT}"}
        words = [sys.executable, "-m", "proof.killer"]
        try:
            ended = subprocess.run(
                words, cwd=place, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return "it does not end"
    said = (ended.stdout.strip() or ended.stderr.strip()).splitlines()
    return said[-1] if ended.returncode and said else "it ended" if ended.returncode else ""


def main(names: list[str]) -> int:
    for mutant in mutants():
        if not names:
            print(mutant.name)
        elif mutant.name in names:
            print(f"{mutant.name}: {killed(mutant) or 'lives'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
