"""The replay itself: what may be left by a cut is among the states it draws, and nothing that may not."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from proof.replay import STALE, Model

DRAWN = 400
SECTOR = 512
OLD, NEW = b"o" * SECTOR, b"n" * SECTOR
ZEROS = bytes(SECTOR)

Files = dict[str, bytes | None]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A disk with a file of two sectors, an empty directory, and a directory with a file."""
    (tmp_path / "old").write_bytes(2 * OLD)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_bytes(NEW)
    return Model(tmp_path)


def drawn(model: Model) -> list[Files]:
    """States by the bytes of their files; each file is one that the model allows, and the certain ones are there."""
    rows = [
        {path: data for path, (_, data) in state.items()} for state in islice(model.states(random.Random(1)), DRAWN)
    ]
    for row in rows:
        assert model.certain() <= row.keys()
        assert all(model.allows(path, data) for path, data in row.items() if data is not None)
    return rows


def contents(model: Model, path: str) -> set[bytes | None]:
    """What the file may hold; None where it may be missing."""
    return {row.get(path) for row in drawn(model)}


def sets(model: Model, *paths: str) -> set[frozenset[str]]:
    """Which of these may be there together."""
    return {frozenset(row.keys() & set(paths)) for row in drawn(model)}


def sectors(data: bytes) -> list[bytes]:
    return [data[start : start + SECTOR] for start in range(0, len(data), SECTOR)]


# -- what a file holds ---------------------------------------------------------


def test_what_was_there_and_what_is_synced_is_sure_whatever_happens_to_the_rest(model: Model) -> None:
    model.create("new")
    model.write("new", 0, NEW + OLD)
    model.sync("new", True)
    model.sync_directory(".", True)
    model.write("old", 0, NEW)
    model.create("other")
    model.move("full/file", "empty/file")
    assert contents(model, "new") == {NEW + OLD}
    assert model.certain() >= {"new", "old"}
    model.sync("old", True)
    assert contents(model, "old") == {NEW + OLD}


def test_a_write_that_was_not_synced_is_there_or_not_or_torn_at_sectors(model: Model) -> None:
    model.write("old", 0, 2 * NEW)
    assert contents(model, "old") == {2 * OLD, NEW + OLD, OLD + NEW, 2 * NEW}


def test_a_file_may_have_grown_without_its_data_then_it_holds_zeros_or_garbage(model: Model) -> None:
    model.write("old", 2 * SECTOR, 2 * NEW)
    found = {data for data in contents(model, "old") if data is not None}
    tails = {data[2 * SECTOR :] for data in found}
    assert {data[: 2 * SECTOR] for data in found} == {2 * OLD}
    assert {len(tail) for tail in tails} == {0, 2 * SECTOR}
    assert tails >= {b"", 2 * NEW, 2 * ZEROS, NEW + ZEROS, ZEROS + NEW}
    assert any(tail.startswith(STALE) for tail in tails)
    garbage = {sector for tail in tails for sector in sectors(tail)} - {NEW, ZEROS}
    assert any(STALE not in sector for sector in garbage)


def test_a_write_is_torn_where_sectors_of_the_disk_end_not_so_far_from_its_beginning(model: Model) -> None:
    model.write("full/file", 100, b"x" * SECTOR)
    found = contents(model, "full/file")
    assert NEW + b"x" * 100 in found
    assert NEW[:100] + b"x" * (SECTOR - 100) + bytes(100) in found
    assert {(data or b"")[:SECTOR] for data in found} == {NEW, NEW[:100] + b"x" * (SECTOR - 100)}


def test_a_file_that_was_cut_short_may_be_as_long_as_it_was(model: Model) -> None:
    model.write("old", SECTOR, None)
    assert contents(model, "old") == {2 * OLD, OLD}
    model.sync("old", True)
    assert contents(model, "old") == {OLD}


def test_of_two_writes_the_later_may_be_there_alone(model: Model) -> None:
    model.write("old", 0, NEW)
    model.write("old", SECTOR, NEW)
    assert contents(model, "old") == {2 * OLD, NEW + OLD, OLD + NEW, 2 * NEW}


def test_of_two_lines_that_were_appended_the_first_may_be_there_alone(model: Model) -> None:
    model.write("old", 2 * SECTOR, NEW)
    model.write("old", 3 * SECTOR, NEW)
    found = contents(model, "old")
    assert found >= {2 * OLD, 2 * OLD + NEW, 2 * OLD + 2 * NEW}
    assert {len(data or b"") // SECTOR for data in found} == {2, 3, 4}


def test_a_sync_that_failed_leaves_a_write_in_doubt_for_ever_and_no_later_one(model: Model) -> None:
    model.write("old", 0, NEW)
    model.sync("old", False)
    model.write("old", SECTOR, NEW)
    for _ in range(2):
        model.sync("old", True)
        assert contents(model, "old") == {OLD + NEW, 2 * NEW}


def test_what_no_write_left_is_not_allowed(model: Model) -> None:
    model.write("old", 0, 2 * NEW)
    for data in (b"n" * 100 + b"o" * 924, 2 * ZEROS, OLD, 2 * OLD + b"o", b""):
        assert not model.allows("old", data)
    assert not model.allows("nothing", b"")


# -- which names there are -----------------------------------------------------


def test_names_that_were_not_synced_are_there_in_any_selection(model: Model) -> None:
    model.create("a")
    model.create("b")
    assert sets(model, "a", "b") == {frozenset(names) for names in ("", "a", "b", "ab")}
    model.sync_directory("empty", True)
    assert frozenset() in sets(model, "a", "b")
    model.sync_directory(".", True)
    assert sets(model, "a", "b") == {frozenset("ab")}


def test_a_file_in_a_directory_that_is_not_sure_is_not_there_without_it(model: Model) -> None:
    model.create("above", directory=True)
    model.create("above/file")
    model.sync_directory("above", True)
    assert sets(model, "above", "above/file") == {frozenset(), frozenset({"above", "above/file"})}


def test_a_file_that_was_removed_may_be_there_still_until_its_directory_is_synced(model: Model) -> None:
    model.remove("old")
    assert contents(model, "old") == {2 * OLD, None}
    assert "old" not in model.certain()
    model.sync_directory(".", True)
    assert contents(model, "old") == {None}


def test_of_all_that_happened_to_a_name_before_its_directory_is_synced_the_last_is_sure(model: Model) -> None:
    model.create("new")
    model.remove("new")
    assert sets(model, "new") == {frozenset(), frozenset({"new"})}
    model.sync_directory(".", True)
    assert sets(model, "new") == {frozenset()}


def test_a_renaming_within_a_directory_is_never_half_done(model: Model) -> None:
    model.create("new")
    model.write("new", 0, NEW)
    model.sync("new", True)
    model.sync_directory(".", True)
    model.move("new", "old")
    assert {(row.get("new"), row.get("old")) for row in drawn(model)} == {(NEW, 2 * OLD), (None, NEW)}
    model.sync_directory(".", True)
    assert {(row.get("new"), row.get("old")) for row in drawn(model)} == {(None, NEW)}


def test_a_file_that_changed_its_directory_may_have_both_names_until_both_are_synced_and_always_has_one(
    model: Model,
) -> None:
    before, after = "full/file", "empty/file"
    model.move(before, after)
    assert sets(model, before, after) == {frozenset({before}), frozenset({after})}
    model.sync_directory("empty", True)
    assert sets(model, before, after) == {frozenset({after}), frozenset({before, after})}
    model.write(after, 0, OLD)
    both = [state for state in islice(model.states(random.Random(1)), DRAWN) if before in state]
    assert {state[before][1] for state in both} == {NEW, OLD}
    assert all(state[before] == state[after] for state in both), "it is one file"
    model.sync_directory("full", True)
    assert sets(model, before, after) == {frozenset({after})}


def test_the_sync_of_the_directory_that_a_file_left_is_enough_to_find_it_in_the_other_alone(model: Model) -> None:
    model.move("full/file", "empty/file")
    model.sync_directory("full", True)
    assert sets(model, "full/file", "empty/file") == {frozenset({"empty/file"})}


def test_an_exchange_between_two_directories_may_be_seen_in_the_one_that_is_synced(model: Model) -> None:
    model.exchange("old", "full/file")

    def found() -> set[tuple[bytes | None, bytes | None]]:
        return {(row["old"], row["full/file"]) for row in drawn(model)}

    assert found() == {(2 * OLD, NEW), (NEW, 2 * OLD)}
    model.sync_directory(".", True)
    assert found() == {(NEW, NEW), (NEW, 2 * OLD)}
    model.sync_directory("full", True)
    assert found() == {(NEW, 2 * OLD)}


def test_a_sync_of_a_directory_that_failed_leaves_its_names_in_doubt_for_ever_and_no_later_ones(model: Model) -> None:
    model.create("doubtful")
    model.remove("old")
    model.sync_directory(".", False)
    model.create("sure")
    for _ in range(2):
        model.sync_directory(".", True)
        assert sets(model, "doubtful", "sure") == {frozenset({"sure"}), frozenset({"doubtful", "sure"})}
        assert contents(model, "old") == {2 * OLD, None}
    assert model.certain() == {"full/file", "sure"}


def test_a_name_that_is_given_anew_and_synced_ends_the_doubt_of_who_had_it_before(model: Model) -> None:
    model.remove("old")
    model.sync_directory(".", False)
    model.create("old")
    model.sync_directory(".", True)
    assert contents(model, "old") == {b""}
