"""What every journal backend does: one suite, run against each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import Conflict, UnknownTask
from orchestrator.events import Commit, PhaseChanged, TaskCreated
from orchestrator.files import Disk
from orchestrator.journal import Journals
from orchestrator.journal.file import FileJournals
from orchestrator.journal.memory import MemoryJournals

AT = "2026-01-01T00:00:00.000Z"
FIRST = Commit(revision=1, at=AT, actor="user", events=(TaskCreated(agent="a", description="d"),), uuid="u")


def commit(revision: int, phase: str = "p", **more: object) -> Commit:
    fields = {"revision": revision, "at": AT, "actor": "worker", "events": (PhaseChanged(phase=phase),), **more}
    return Commit.model_validate(fields)


@pytest.fixture(params=["file", "memory"])
def journals(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journals]:
    if request.param == "memory":
        yield MemoryJournals()
        return
    found = FileJournals(tmp_path, Disk())
    found.prepare()
    yield found


def test_what_was_appended_is_read_by_everybody_in_order(journals: Journals) -> None:
    mine, other = journals.create("K7Q2MX", FIRST), journals.open("K7Q2MX")
    with mine.locked():
        assert mine.read(0) == [FIRST]
        mine.append(commit(2, "é – \u202e\ud800"))
        mine.append(commit(3))
        assert mine.read(3) == []
    with other.locked():
        assert other.read(0) == [FIRST, commit(2, "é – \u202e\ud800"), commit(3)]
        assert list(other.history()) == [FIRST, commit(2, "é – \u202e\ud800"), commit(3)]
    mine.close()
    other.close()


def test_an_append_that_does_not_follow_the_last_revision_is_a_conflict(journals: Journals) -> None:
    mine, other = journals.create("K7Q2MX", FIRST), journals.open("K7Q2MX")
    with mine.locked():
        mine.read(0)
        mine.append(commit(2))
        with pytest.raises(Conflict):
            mine.append(commit(2))
        with pytest.raises(Conflict):
            mine.append(commit(4))
    with other.locked():
        other.read(0)
        other.append(commit(3))
    with mine.locked():
        mine.read(0)
        mine.append(commit(4))
    mine.close()
    other.close()


def test_who_did_not_get_as_far_as_the_journal_is_told_again(journals: Journals) -> None:
    journal = journals.create("K7Q2MX", FIRST)
    with journal.locked():
        assert journal.read(0) == [FIRST]
        journal.append(commit(2))
        journal.append(commit(3))
        assert journal.read(1) == [commit(2), commit(3)]
        assert journal.read(2) == [commit(3)]
        journal.append(commit(4))
    journal.close()


def test_a_digest_once_published_is_known_for_ever(journals: Journals) -> None:
    journal = journals.create("K7Q2MX", FIRST)
    with journal.locked():
        journal.read(0)
        journal.append(commit(2, documents={"plan": "a" * 64}))
        for revision in range(3, 60):
            journal.append(commit(revision))
        assert journal.published("plan", "a" * 64)
        assert not journal.published("checklist", "a" * 64)
        assert not journal.published("plan", "b" * 64)
    journal.close()


def test_ids_are_taken_once_and_found_again(journals: Journals) -> None:
    journals.create("K7Q2MX", FIRST).close()
    journals.create("A2B3C4", FIRST).close()
    with pytest.raises(FileExistsError):
        journals.create("K7Q2MX", FIRST)
    assert journals.ids() == ("A2B3C4", "K7Q2MX")
    with pytest.raises(UnknownTask):
        journals.open("ZZZZZ9")


def test_a_journal_may_begin_among_the_archived_ones(journals: Journals) -> None:
    journals.create("K7Q2MX", FIRST, archived=True).close()
    with pytest.raises(FileExistsError):
        journals.create("K7Q2MX", FIRST)
    journal = journals.open("K7Q2MX")
    with journal.locked():
        assert journal.read(0) == [FIRST]
    journal.close()


def test_an_archived_journal_is_found_read_and_appended_to(journals: Journals) -> None:
    mine, other = journals.create("K7Q2MX", FIRST), journals.open("K7Q2MX")
    with mine.locked():
        mine.read(0)
        mine.move(archived=True)
        mine.move(archived=True)
    with other.locked():
        assert other.read(0) == [FIRST]
        other.append(commit(2))
    with mine.locked():
        assert mine.read(1) == [commit(2)]
    assert journals.ids() == ("K7Q2MX",)
    with pytest.raises(FileExistsError):
        journals.create("K7Q2MX", FIRST)
    mine.close()
    other.close()


def test_a_journal_moves_back_and_takes_another_id_that_is_free(journals: Journals) -> None:
    journals.create("A2B3C4", FIRST).close()
    mine, other = journals.create("K7Q2MX", FIRST), journals.open("K7Q2MX")
    with mine.locked():
        mine.read(0)
        mine.move(archived=True)
        mine.move(archived=False)
        mine.append(commit(2))
        with pytest.raises(FileExistsError):
            mine.rename("A2B3C4")
        mine.append(commit(3))
        mine.rename("N2W3D4")
    assert journals.ids() == ("A2B3C4", "N2W3D4")
    with pytest.raises(UnknownTask):
        journals.open("K7Q2MX")
    with other.locked(), pytest.raises(UnknownTask):
        other.read(0)
    renamed = journals.open("N2W3D4")
    with renamed.locked():
        assert renamed.read(0) == [FIRST, commit(2), commit(3)]
        renamed.append(commit(4))
    for journal in (mine, other, renamed):
        journal.close()
    journals.create("K7Q2MX", FIRST).close()


def test_the_journals_that_mention_a_text_are_found(journals: Journals) -> None:
    journals.create("K7Q2MX", FIRST).close()
    journal = journals.create("A2B3C4", FIRST)
    with journal.locked():
        journal.read(0)
        journal.append(commit(2, "needle"))
    journal.close()
    assert journals.mentioning("needle") == ("A2B3C4",)
    assert b'"phase":"needle"' in journals.raw("A2B3C4")
    with pytest.raises(UnknownTask):
        journals.raw("ZZZZ99")
