"""Our own protocol with one statement taken away, or two swapped: what survives the power cuts is argued, or a gap.

`python -m proof.mutants` lists them, `python -m proof.mutants NAME…` says of each whether it lives, and writes it down.
"""

from __future__ import annotations

import ast
import copy
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from itertools import accumulate
from types import CodeType, FunctionType
from typing import NamedTuple

from proof.apart import Ended, Endless, apart
from proof.killer import KINDS, ROOT, SOURCES, Attempt, Ran, attempted, attempts, first_problem, tested
from proof.result import Part, Result

MUTATED = {
    "files.py": "Disk.create Disk._write Disk.rewrite Disk.append Disk.mark Disk.truncate Disk.sync_data "
    "Disk.sync_file Disk.sync_directory Disk.exchange Disk.move Disk.move_new Disk.remove Disk.make_directories "
    "obstacle exchanges exists names read _read read_open untouched settled",
    "renames.py": "exchange move_new _rename",
    "openings.py": "is_being_written has_writer is_open_here_alone _lease",
    "chain.py": "check is_damage _parses",
    "locks.py": "Lock._begin Lock.alone Lock.held Lock._take Lock._has_its_name Lock._stand_first Lock.close _opened "
    "named is_locked",
    "journal/file.py": "FileJournal.__init__ FileJournal.reconciled FileJournal.doubt FileJournal.checkpointed "
    "FileJournal.read FileJournal._lines FileJournal._pending FileJournal._take FileJournal._cut "
    "FileJournal._take_back FileJournal.append FileJournal.move FileJournal.rename FileJournal._reopen "
    "FileJournal._rewrite FileJournal.begun FileJournals.prepare FileJournals.place FileJournals.open "
    "FileJournals.create FileJournals._sync_name FileJournals._removed FileJournals.replace "
    "FileJournals._staged FileJournals.clear",
    "journal/mark.py": "Mark.__init__ Mark.read Mark.begin Mark.write Mark.clean",
    "engine/publisher.py": "Publisher.put Publisher.is_spare Publisher.forget Publisher._stage "
    "Publisher._exchange Publisher.exchanging",
    "engine/shelf.py": "Shelf.reconcile Shelf.publish Shelf.checkpoint Shelf.set_aside Shelf._record "
    "Shelf._record_came_out Shelf._left_in_staging Shelf._put_all",
    "engine/moves.py": "Moves.archive Moves.reopen Moves.rename Moves.fork Moves.take_name Moves.finish "
    "Moves.follow_references Moves._begin Moves._bring Moves._take_private Moves._carry Moves._clear Moves._tell",
    "engine/desk.py": "Desk.create fork Desk.open Desk.catch_up Desk.append Desk.outdated _followed",
    "engine/desks.py": "Desks.open Desks._opened Desks._kept",
    "engine/lease.py": "holder Lease.take Lease.beat Lease.release begin held _died _stale",
    "engine/merge.py": "merge_text _both _beyond _merge _merge_lists _merge_rows _merge_objects",
    "engine/absorption.py": "actor look look_at_last absorb _unseen _overtaken _absorb_one masked _each_text "
    "_refuse_newer _refuse_newer_elsewhere _brought_forward edits _unstamp is_known _is_stale is_cut_off "
    "_in_doubt is_settled",
    "engine/engine.py": "Engine.commit Engine.close Engine.create Engine.adopt Engine.refresh Engine.archive "
    "Engine.cancel Engine.reopen Engine.instruct Engine.rename Engine.fork Engine.lease Engine._transact "
    "Engine._in_step",
    "engine/folder.py": "Folder.prepare",
}
"""The steps of a commit, an opening, a checkpoint, a move and a recovery."""
SHARPEST = {
    "files.py Disk.create delete if sync:": Attempt("cut", "restore", portable=True),
    "files.py Disk.sync_file delete self.sync_data(descriptor, path)": Attempt("cut", "absorb"),
    "files.py Disk.sync_directory delete self.perform('fsync', path, lambda: os.fsync(descriptor))": Attempt(
        "cut", "create"
    ),
    "journal/file.py FileJournal.append delete self._mark.write('D')": Attempt("died", "commit", states=400),
    "journal/file.py FileJournal.append delete try: (2)": Attempt("cut", "commit"),
    "journal/file.py FileJournal._take_back delete self._rewrite()": Attempt("failed", "commit", states=400),
    "journal/file.py FileJournal.read delete if not self._mark.read():": Attempt("died", "commit", states=400),
    "journal/file.py FileJournal.move delete for place in places:": Attempt("cut", "archive"),
    "journal/file.py FileJournals._sync_name delete self.disk.sync_directory(path.parent)": Attempt("cut", "create"),
    "journal/file.py FileJournals.replace delete self.disk.sync_directory(path.parent)": Attempt(
        "failed", "commit", states=400
    ),
    "engine/moves.py Moves._clear delete disk.sync_directory(before)": Attempt("cut", "archive"),
    "engine/moves.py Moves._take_private delete self._folder.disk.sync_directory(target.parent)": Attempt(
        "cut", "rename"
    ),
}
"""A dozen that are tried always, and what finds each."""
PAGE = ROOT / "docs" / "mutants.md"
"""Says of each how it was found out, or why nothing is lost by it: that part is written by hand."""
SECONDS = 1200
"""Of a processor, until a mutant that does not end counts as killed; when so many of a clock are over, nobody knows."""
PROCESSES = 2
WIDEST = 120
FEW, TESTING = 3, 6
"""Attempts of each kind, and seconds of tests, that come first."""


class Mutant(NamedTuple):
    """A function as it is not: `lines` are those that were changed."""

    name: str
    module: str
    function: str
    source: str
    lines: frozenset[int]


def mutants() -> Iterator[Mutant]:
    """Each by its place and what was done there; a second one of the same name gets a number."""
    seen: dict[str, int] = {}
    for module, names in MUTATED.items():
        tree = ast.parse((SOURCES / module).read_text())
        for function in names.split():
            for name, lines, changed in _changes(_function(tree, function)):
                full = f"{module} {function} {name}"
                seen[full] = seen.get(full, 0) + 1
                number = f" ({seen[full]})" if seen[full] > 1 else ""
                yield Mutant(full + number, module, function, ast.unparse(changed), lines)


Place = tuple[tuple[str, int], ...]
"""From a function down to a statement in it: the field, and the place in its list."""


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    node: ast.AST = tree
    for word in name.split("."):
        assert isinstance(node, ast.Module | ast.ClassDef)
        node = next(row for row in node.body if getattr(row, "name", "") == word)
    assert isinstance(node, ast.FunctionDef)
    return node


def _changes(function: ast.FunctionDef) -> Iterator[tuple[str, frozenset[int], ast.FunctionDef]]:
    """Each statement of a function deleted, or swapped with the next."""
    beginning = function.name == "__init__"
    for place, field in _lists(function, ()):
        rows: list[ast.stmt] = getattr(_at(function, place), field)
        for number, row in enumerate(rows):
            if _says_nothing(row):
                continue
            words = ast.unparse(row).splitlines()[0]
            deleted = copy.deepcopy(function)
            getattr(_at(deleted, place), field)[number] = ast.Pass()
            yield f"delete {words}", _lines(row), deleted
            if number + 1 < len(rows) and not _independent(row, rows[number + 1], beginning):
                swapped = copy.deepcopy(function)
                list_: list[ast.stmt] = getattr(_at(swapped, place), field)
                list_[number], list_[number + 1] = list_[number + 1], list_[number]
                yield f"swap {words}", _lines(row) | _lines(rows[number + 1]), swapped


def _lines(row: ast.stmt) -> frozenset[int]:
    return frozenset(range(row.lineno, (row.end_lineno or row.lineno) + 1))


def _says_nothing(row: ast.stmt) -> bool:
    return isinstance(row, ast.Pass) or (isinstance(row, ast.Expr) and isinstance(row.value, ast.Constant))


def _independent(one: ast.stmt, other: ast.stmt, beginning: bool) -> bool:
    """True for two assignments whose order is nothing: neither says a name of the other, and at most one calls.

    What is called may raise, so what the other one sets must be gone then: a name, or part of an object at its
    `beginning` that is not given to what is called.
    """
    if not isinstance(one, ast.Assign | ast.AnnAssign) or not isinstance(other, ast.Assign | ast.AnnAssign):
        return False
    if _names(one, ast.Store) & _names(other, ast.Load, ast.Store) or _names(other, ast.Store) & _names(one, ast.Load):
        return False
    calling = [row for row in (one, other) if any(isinstance(node, ast.Call | ast.Subscript) for node in ast.walk(row))]
    if len(calling) != 1:
        return not calling
    set_ = _names(other if calling[0] is one else one, ast.Store)
    assert calling[0].value is not None
    given = {node.id for node in ast.walk(calling[0].value) if isinstance(node, ast.Name)}
    return all("." not in name or (beginning and name.split(".")[0] not in given) for name in set_)


def _names(row: ast.stmt, *how: type[ast.expr_context]) -> set[str]:
    """The names and attributes that are set there, or said."""
    found = (node for node in ast.walk(row) if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, how))
    return {ast.unparse(node) for node in found}


def _lists(node: ast.AST, place: Place) -> Iterator[tuple[Place, str]]:
    """Every list of statements below a node: whose it is, and in which field."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        rows = getattr(node, field, None)
        if not isinstance(rows, list):
            continue
        if rows and field != "handlers":
            yield place, field
        for number, row in enumerate(rows):
            yield from _lists(row, (*place, (field, number)))


def _at(node: ast.AST, place: Place) -> ast.AST:
    for field, number in place:
        node = getattr(node, field)[number]
    return node


def parts(full: bool) -> Iterator[Part]:
    if full:
        for mutant, ways in _with_ways(mutants()):
            yield partial(tried, mutant, ways)
    else:
        yield from (partial(tried, mutant, [SHARPEST[mutant.name]]) for mutant in sharpest())


def sharpest() -> list[Mutant]:
    """Raises KeyError where the function that one is made of has changed."""
    known = {mutant.name: mutant for mutant in mutants()}
    return [known[name] for name in SHARPEST]


def tried(mutant: Mutant, ways: Sequence[Attempt | str]) -> Result:
    try:
        lives = not killed(mutant, ways) and not argued().get(mutant.name)
        problems = (mutant.name,) if lives else ()
    except Endless:
        problems = (f"{mutant.name}: not known after {SECONDS} seconds",)
    return Result("mutants of our own protocol, killed or argued", 1, "mutants", problems)


def killed(mutant: Mutant, ways: Sequence[Attempt | str]) -> str:
    """How it broke, empty when it lives. Raises Endless when the clock ran out before that was known."""

    def act() -> str:
        _become(mutant)
        return first_problem(ways)

    try:
        return _shortened(apart(act, SECONDS))
    except Ended:
        return "it takes all there is"


def _shortened(problem: str) -> str:
    """One line that is the same each time."""
    said = re.sub(r"(/[\w.-]+)*/tmp\w+/(pytest-of-\w+/pytest-\d+/)?|by pid \d+ \(.*?\) on [\w.-]+", "", problem)
    said = said.replace(f"{ROOT}/", "")
    line = " ".join(said.replace("`", "'").split())
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 2]} …"


def _become(mutant: Mutant) -> None:
    """From now on the function in this process is the mutant."""
    place: object = import_module(f"orchestrator.{mutant.module[:-3].replace('/', '.')}")
    for word in mutant.function.split("."):
        place = inspect.getattr_static(place, word)
    function: object = getattr(place, "__func__", None) or getattr(place, "func", place)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    assert isinstance(function, FunctionType)
    code = compile(mutant.source, f"<{mutant.name}>", "exec")
    function.__code__ = next(part for part in code.co_consts if isinstance(part, CodeType))


def _with_ways(mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, list[Attempt | str]]]:
    """For each the attempts and tests that run through what was changed: the short ones of each kind first."""
    modules = tuple(MUTATED)
    with ProcessPoolExecutor(PROCESSES) as pool:
        tests = pool.submit(apart, partial(tested, modules), 20 * SECONDS)
        ran = [pool.submit(attempted, attempt, modules) for attempt in attempts()]
        tried, sought = [row.result() for row in ran], tests.result()
    for mutant in mutants:
        yield mutant, list(_ways(_through(tried, mutant), _through(sought, mutant)))


def _through(rows: Iterable[Ran], mutant: Mutant) -> list[Ran]:
    return sorted((row for row in rows if row.lines[mutant.module] & mutant.lines), key=lambda row: row.seconds)


def _ways(tried: list[Ran], tests: list[Ran]) -> Iterator[Attempt | str]:
    first = [row for kind in KINDS for row in [row for row in tried if row.what[0] == kind][:FEW]]
    yield from (row.what for row in first)
    count = sum(by_then < TESTING for by_then in accumulate(row.seconds for row in tests))
    yield from (row.what for row in tests[:count])
    yield from (row.what for row in tried if row not in first)
    yield from (row.what for row in tests[count:])


def argued() -> dict[str, str]:
    """Why nothing is lost by those that live, as the page says it; empty where it does not."""
    return _rows(1)


def found_out() -> dict[str, str]:
    """How the others broke, as the page says it."""
    return _rows(2)


def _rows(section: int) -> dict[str, str]:
    return dict(re.findall(r"(?m)^- `(.+)`: ?(.*)$", _sections()[section]))


def _sections() -> list[str]:
    """Of the page: how it begins, those that live, the others."""
    return re.split(r"(?m)^(?=## )", PAGE.read_text())


def page(judged: dict[str, str]) -> str:
    """With what became of these, else what it says already; what is written by hand stays as it is."""
    known, found = argued(), {**found_out(), **judged}
    names = [mutant.name for mutant in mutants()]
    broken = {name: how for name in names if (how := found.get(name))}
    living = {name: known.get(name, "") for name in names if name not in broken and name in {**known, **judged}}
    return "\n".join(
        [
            _sections()[0] + f"## {len(living)} that live\n",
            *(f"- `{name}`: {reason}".rstrip() for name, reason in living.items()),
            f"\n## {len(broken)} that are found out\n",
            *(f"- `{name}`: {how}" for name, how in broken.items()),
            "",
        ]
    )


def main(words: list[str]) -> int:
    """`all`, `new` or names say what becomes of those, and write it on the page; `new` are those that it lacks."""
    if not words:
        print(*(mutant.name for mutant in mutants()), sep="\n")
        return 0
    known = {**argued(), **found_out()}
    names = {mutant.name for mutant in mutants()}
    wanted = {"all": names, "new": names - known.keys()}.get(words[0], {*words})
    chosen = list(_with_ways(mutant for mutant in mutants() if mutant.name in wanted))
    judged: dict[str, str] = {}
    with ProcessPoolExecutor(PROCESSES) as pool:
        shares = [pool.submit(killed, mutant, ways) for mutant, ways in chosen]
        for (mutant, _), share in zip(chosen, shares, strict=True):
            try:
                judged[mutant.name] = share.result()
            except Endless:
                print(mutant.name, "not known", sep="\t", flush=True)
                continue
            print(mutant.name, judged[mutant.name] or "lives", sep="\t", flush=True)
            PAGE.write_text(page(judged))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
