"""Our own protocol with a statement taken away is found out: a sample of `python -m proof mutants`."""

from __future__ import annotations

from proof.mutants import SHARPEST, killed, mutants, sharpest


def test_every_statement_of_a_commit_is_taken_away_once_and_swapped_with_the_next() -> None:
    names = {mutant.name.removeprefix("journal/file.py FileJournal.append ") for mutant in mutants()}
    assert {"delete self._mark.write('D')", "swap self._mark.write('D')", "delete self._size += len(line)"} <= names


def test_a_commit_without_its_sync_does_not_survive_a_power_cut() -> None:
    unsynced = next(mutant for mutant in sharpest() if mutant.name.endswith("FileJournal.append delete try: (2)"))
    attempt = SHARPEST[unsynced.name]
    assert "was durable, and is gone" in killed(unsynced, [attempt])
    assert not attempt.problem()
