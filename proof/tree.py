"""A tree of seven agents killed twice, anywhere, and resumed: it ends as one that nobody disturbed.

Killed at a line of any journal (before it is written, or once it is durable), or at any moment; the second time while
it is resumed, as `resume --all` does: every open task at once, in whatever order. The model is asked for nothing twice
but what a worker was waiting for when it was killed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

from orchestrator import demo, overview
from orchestrator.files import Disk
from orchestrator.testing import ScriptedServer
from proof import kills
from proof.result import Part, Result

MOMENTS = 200
SHARES = 12
SAMPLE = 20
"""One of so many is tried by default."""


def parts(full: bool) -> Iterator[Part]:
    for share in range(SHARES):
        yield partial(tried, share, full)


def tried(share: int, full: bool) -> list[Result]:
    """Every share has a server of its own, and an undisturbed run to compare with."""
    with tempfile.TemporaryDirectory() as place, ScriptedServer(demo.screenplay(demo.TEAM)) as server:
        trial = Trial(Path(place), server)
        each = 1 if full else SAMPLE
        stops = range(1 + share * each, trial.stops + 1, SHARES * each)
        moments = range(share, MOMENTS // each, SHARES)
        return [
            Result("a team killed at a journal line, and again, resumed", len(stops), "runs", trial.at_lines(stops)),
            Result("a team killed at any moment, and again, resumed", len(moments), "runs", trial.at_moments(moments)),
        ]


class Trial:
    """Runs of the team in one directory, beside one that is not disturbed."""

    def __init__(self, place: Path, server: ScriptedServer) -> None:
        self._place = place
        self._server = server
        self._directory, environment = kills.workspace(place)
        self._play = partial(play, self._directory, server.url, environment)
        begun = time.monotonic()
        self.stops = kills.killed_at(-1, self._play)
        self._lasts = time.monotonic() - begun
        self._requests = len(server.requests)
        self._expected = self._outcome()
        self._commands = sorted(kills.commands(place))

    def at_lines(self, stops: range) -> tuple[str, ...]:
        broken: list[str] = []
        for stop in stops:
            self._begin()
            kills.killed_at(stop, self._play)
            alive = self._alive()
            kills.killed_at(Random(stop).randint(1, max(self.stops - stop, 1)), self._play)
            broken += (f"killed at line {stop}: {why}" for why in self._judged(alive + self._alive()))
        return tuple(broken)

    def at_moments(self, moments: range) -> tuple[str, ...]:
        broken: list[str] = []
        for moment in moments:
            random = Random(moment)
            self._begin()
            alive, left = 0, self._lasts
            for _ in range(2):
                kills.killed_after(seconds := random.uniform(0, left), self._play)
                left -= seconds
                alive += self._alive()
            broken += (f"killed at moment {moment}: {why}" for why in self._judged(alive))
        return tuple(broken)

    def _begin(self) -> None:
        kills.workspace(self._place)
        self._server.requests.clear()

    def _judged(self, alive: int) -> Iterator[str]:
        """What is otherwise than in the undisturbed run. `alive`: how many workers there were at both kills."""
        if not kills.played(self._play):
            yield "not resumed"
            return
        found = self._outcome()
        differing = sorted(name for name in {*found, *self._expected} if found.get(name) != self._expected.get(name))
        if differing:
            yield f"{', '.join(differing)} are not as in a run that nobody disturbed"
        if (asked := len(self._server.requests)) > self._requests + alive:
            yield f"{asked} requests, {self._requests} undisturbed, and {alive} workers were killed"
        if (ran := sorted(kills.commands(self._place))) != self._commands:
            yield f"commands were run otherwise: {ran}"

    def _alive(self) -> int:
        """How many had a worker when all were killed."""
        return sum(row.text("status") == "in-progress" for row in overview.read(self._directory / ".temp"))

    def _outcome(self) -> dict[str, str]:
        """Ids are drawn, and two tasks are begun in either order: agents' names stand for them."""
        names = {row.id: row.text("agentId").upper() for row in overview.read(self._directory / ".temp")}
        return kills.outcome(self._directory, names)


def play(directory: Path, url: str, environment: dict[str, str], disk: Disk) -> None:
    demo.run(
        directory,
        demo.TEAM,
        model=lambda: kills.model(url),
        clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        disk=disk,
        environment=environment,
    )
