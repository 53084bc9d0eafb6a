"""A hundred workers of several processes with one budget, some killed: what the server counts never exceeds it.

Each process works on some of the tasks that one task gave away. Replies take as many tokens as they like, up to what
they were allowed; the server keeps count of its own. Without kills the ledger says the same as the server, to the
token; with kills it never says less.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from orchestrator import budget
from orchestrator.engine import Engine
from orchestrator.events import Json, Limits, TaskCreated
from proof import kills, workers
from proof.model import answering
from proof.result import Part, Result

WORKERS, PROCESSES = 100, 4
CAP = 6_000_000
"""Tokens: far less than all of them would take."""
RUNS = 4


def parts(full: bool) -> Iterator[Part]:
    for number in range(RUNS * (10 if full else 1)):
        yield partial(spent, number)


def spent(number: int) -> Result:
    """One run: the first of four is not disturbed."""
    random, disturbed = Random(number), number % RUNS != 0
    counter = Counter(random)
    with tempfile.TemporaryDirectory() as place, answering(counter.say) as url:
        workspace = Path(place)
        top, ids = begin(workspace)
        work(workspace, url, ids, counter, Random(number) if disturbed else None)
        engine = Engine(workspace / ".temp")
        task = engine.refresh(top).task
        engine.close()
    told, held, used = budget.spent(task).tokens, budget.held(task).tokens, counter.tokens
    broken = []
    if used > CAP:
        broken.append(f"run {number}: {used:,} tokens were used, of {CAP:,}")
    if told + held < used or (told != used and not disturbed):
        broken.append(f"run {number}: the ledger says {told:,} and holds {held:,}, the server counted {used:,}")
    claim = "killed: it is never exceeded" if disturbed else "undisturbed: counted to the token"
    return Result(
        f"workers with one budget, {claim}", WORKERS, "workers", tuple(broken), note=f"{used / CAP:.0%} of it used"
    )


class Counter:
    """A model that goes on reading, and says as much as it pleases of what it was allowed.

    What it is sent counts as a share of its bytes, another one in each run.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._share = random.uniform(1 / 8, 1 / 3)
        self.tokens = 0

    def say(self, body: bytes, asked: Json) -> tuple[list[Json], dict[str, int]]:
        read, said = int(len(body) * self._share), self._random.randint(1, asked["max_tokens"])
        self.tokens += read + said
        call = {"name": "Read", "input": {"file_path": f"{len(body)}.txt"}}
        return [call], {"input_tokens": read, "output_tokens": said}


def begin(workspace: Path) -> tuple[str, list[str]]:
    """A task with a budget, and those it gave away."""
    workers.agent(workspace)
    engine = Engine(workspace / ".temp")
    top = engine.create(TaskCreated(agent=workers.NAME, description="All of it", limits=Limits(tokens=CAP))).id
    part = TaskCreated(agent=workers.NAME, description="A part", parent=top, mode="lightweight")
    ids = [engine.create(part).id for _ in range(WORKERS)]
    engine.close()
    return top, ids


def work(workspace: Path, url: str, ids: list[str], counter: Counter, random: Random | None) -> None:
    """All tasks, to their ends. `random`: when processes are killed, each of which another one takes the place of."""
    shares = [ids[number::PROCESSES] for number in range(PROCESSES)]
    running = {kills.forked(partial(workers.run, workspace, url, share)): share for share in shares}
    while running:
        if random is not None and random.random() < 0.5 and counter.tokens < CAP / 2:
            time.sleep(random.uniform(0, 0.4))
            with suppress(ProcessLookupError):
                os.kill(random.choice(sorted(running)), signal.SIGKILL)
        pid, status = os.wait()
        share = running.pop(pid)
        if os.WIFSIGNALED(status):
            running[kills.forked(partial(workers.run, workspace, url, share))] = share
