"""A sample of what `python -m proof many takeovers` tries."""

from __future__ import annotations

import pytest

from proof import many, takeovers

pytestmark = pytest.mark.skipif(not takeovers.WAITS.exists(), reason="only Linux tells who waits for a lock")


@pytest.mark.parametrize("tasks", [2, many.PROCESSES])
def test_every_commit_of_many_processes_is_there_once_and_in_order(tasks: int) -> None:
    assert [result.violations for result in many.commits(tasks, 5)] == [()]


def test_no_reader_takes_a_mixed_set_of_documents_for_a_whole_one() -> None:
    found = many.reads(1000)
    assert [result.violations for result in found if not result.control] == [()] * 3


def test_a_worker_that_froze_and_was_taken_over_commits_no_more() -> None:
    assert [result.violations for result in takeovers.freezes(0, 6)] == [()] * 7
