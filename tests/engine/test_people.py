"""Lives of a folder in which people edit while engines commit and die; `python -m proof people` tries many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engine import Engine
from orchestrator.events import Kind, PhaseChanged
from proof.folder import ID, assert_in_step, path_of, text_of
from proof.people import WAYS, careless, lives


@pytest.mark.parametrize("way", sorted(set(WAYS)))
def test_what_people_type_while_engines_commit_and_die_is_neither_lost_nor_doubled_nor_changed(way: str) -> None:
    found = lives([f"{way}-test-{number}" for number in range(3)])
    assert sum(result.tried for result in found) > 500
    assert [result.violations for result in found if result.violations] == []


def test_where_names_cannot_be_exchanged_one_instant_is_left_and_the_proof_finds_it() -> None:
    assert careless([f"careless-test-{number}" for number in range(3)]).violations


@pytest.mark.parametrize("kind", ["plan", "checklist", "progress", "architecture-notes"])
def test_a_line_of_a_megabyte_stays_as_it_was_typed(engine: Engine, temp: Path, kind: Kind) -> None:
    line = "long " * 200_000 + "end"
    with path_of(temp, kind).open("a") as file:
        file.write(line + "\n")
    task = engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    assert f"\n{line}\n" in text_of(temp, kind)
    assert task.set_aside == ()
    assert_in_step(temp, task)
