"""Lives of a folder in which people edit while engines commit and die; `python -m proof people` tries many more."""

from __future__ import annotations

import pytest

from proof.people import WAYS, careless, lives


@pytest.mark.parametrize("way", sorted(set(WAYS)))
def test_what_people_type_while_engines_commit_and_die_is_neither_lost_nor_doubled_nor_changed(way: str) -> None:
    found = lives([f"{way}-test-{number}" for number in range(3)])
    assert sum(result.tried for result in found) > 500
    assert [result.violations for result in found if result.violations] == []


def test_where_names_cannot_be_exchanged_one_instant_is_left_and_the_proof_finds_it() -> None:
    assert careless([f"careless-test-{number}" for number in range(3)]).violations
