"""The demo killed with SIGKILL, from another process, before and after each journal line in turn, and resumed.

Every fourth stop by default, the others with `pytest -m proof`.

A child forked from this preloaded process runs the demo. Its disk stops before each journal line is written and after
it is durable, and says so through a pipe: the parent lets it go on, or kills it there. Ids and clock are given, and the
screenplay answers by what was said, so the resumed run must end byte for byte where the uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from orchestrator import demo
from orchestrator.files import Disk
from orchestrator.testing import ScriptedServer
from proof import kills

IDS = ("ARCH24", "WRKR57")
PARTS = 4


def play(directory: Path, url: str, environment: dict[str, str], disk: Disk) -> None:
    """The demo, in whatever process this is called in; resumes one that was killed."""
    drawn = iter(IDS)
    demo.run(
        directory,
        model=lambda: kills.model(url),
        clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ids=lambda: next(drawn),
        disk=disk,
        environment=environment,
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ScriptedServer(demo.screenplay()) as server:
        yield server.url


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, url: str) -> tuple[Path, dict[str, str], list[str], int]:
    """Where the runs happen, what an uninterrupted one ends with, the commands it ran, its stops."""
    place = tmp_path_factory.mktemp("kill")
    directory, environment = kills.workspace(place)
    stops = kills.killed_at(-1, partial(play, directory, url, environment))
    found = kills.outcome(directory)
    assert {f".temp/completed/checklist-{name}.md" for name in IDS} <= found.keys()
    assert not [name for name in found if name.startswith(".temp/") and "/completed/" not in name]
    return place, found, kills.commands(place), stops


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.proof) for part in range(1, PARTS))])
def test_killed_around_each_journal_line_and_resumed_the_demo_ends_byte_for_byte_the_same(
    part: int, uninterrupted: tuple[Path, dict[str, str], list[str], int], url: str
) -> None:
    place, expected, commands, stops = uninterrupted
    assert stops > 100
    for stop in range(1 + part, stops + 1, PARTS):
        directory, environment = kills.workspace(place)
        again = partial(play, directory, url, environment)
        kills.killed_at(stop, again)
        assert kills.played(again), f"not resumed after stop {stop}"
        assert kills.outcome(directory) == expected, f"killed at stop {stop}"
        assert kills.commands(place) == commands, f"killed at stop {stop}"
