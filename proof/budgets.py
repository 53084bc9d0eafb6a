"""A hundred workers of several processes with one budget, some killed: what the server counts never exceeds it.

Each process works on some of the tasks that one task, or the four it gave its work to, gave away. Replies take as many
tokens as they like, up to what they were allowed; some tasks end early; the server keeps count of its own. Without
kills the ledger says the same as the server, to the token; with kills it never says less.
"""

from __future__ import annotations

import os
import re
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from orchestrator import accounts, budget
from orchestrator.engine import Engine
from orchestrator.events import Delegated, Intent, Json, Limits, ModelReplied, TaskCreated
from orchestrator.task import Task
from proof import kills, workers
from proof.model import answering
from proof.result import Part, Result

WORKERS, PROCESSES, GROUPS = 100, 4, 4
CAP = 6_000_000
"""Tokens: far less than all of them would take."""
BETWEEN = 0.1
"""Up to so much of the budget is used from one kill to the next."""
_TASK = re.compile(r"^Task id: (\w{6})$", re.MULTILINE)


class Plan(NamedTuple):
    """One kind of run. `nested`: four tasks below the first have budgets of their own, which are a third of its.

    `late`: nothing is limited until a sixth of the budget is used up; then half of it may be, and at a third all.
    """

    claim: str
    unit: str = "tokens"
    disturbed: bool = True
    nested: bool = False
    late: bool = False


PLANS = (
    Plan("counted to the token", disturbed=False),
    Plan("of money, killed: it holds", unit="cost"),
    Plan("in four parts, killed: all hold", nested=True),
    Plan("set and raised at work, killed: it holds", late=True),
)


def parts(full: bool) -> Iterator[Part]:
    for number in range(len(PLANS) * (10 if full else 1)):
        yield partial(spent, number)


def spent(number: int) -> Result:
    """One run; every kind has its turn."""
    plan, server = PLANS[number % len(PLANS)], Server(Random(number))
    cap = CAP if plan.unit == "tokens" else dollars(CAP, 0)
    with tempfile.TemporaryDirectory() as place, answering(server.say) as url:
        workspace = Path(place)
        top, groups = begin(workspace, plan, cap)
        ids = [task for group in groups.values() for task in group]
        server.quiet = set(ids[::7])
        person = Person(workspace, top, server, cap) if plan.late else None
        random = Random(number) if plan.disturbed else None
        codes = work(workspace, url, ids, server, random, lambda: server.count(ids, plan.unit) / cap)
        killed = codes.pop(-signal.SIGKILL, 0)
        broken = person.end() if person else []
        broken += (f"{count} processes ended with {code}" for code, count in codes.items() if code)
        if plan.disturbed and not killed:
            broken.append("nobody was killed, so that nothing is shown")
        engine = Engine(workspace / ".temp")
        accounts.settle(engine, engine.refresh(top).task)
        rows = {top: (ids, cap)} | {name: (group, cap / 3) for name, group in groups.items() if name != top}
        for name, (below, most) in rows.items():
            broken += _broken(plan, engine.refresh(name).task, most, server.count(below, plan.unit))
        engine.close()
    claim = f"one budget, {plan.claim}"
    note = f"{server.count(ids, plan.unit) / cap:.0%} of it used" + (f", {killed} killed" if plan.disturbed else "")
    said = tuple(f"run {number}: {words}" for words in broken)
    return Result(claim, WORKERS, "workers", said, note=note)


def _broken(plan: Plan, task: Task, most: float, used: float) -> Iterator[str]:
    told, held = (getattr(amount, plan.unit) for amount in (budget.spent(task), budget.held(task)))
    if used > most + 1e-6:
        yield f"{used:,.2f} {plan.unit} were used, of {most:,.2f}"
    if told + held < used - 1e-6 or (abs(told - used) > 1e-6 and not plan.disturbed):
        yield f"the ledger says {told:,.2f} {plan.unit} and holds {held:,.2f}, the server counted {used:,.2f}"


def dollars(read: float, said: float) -> float:
    return read * 3e-6 + said * 15e-6


class Server:
    """A model that goes on reading, and says as much as it pleases of what it was allowed.

    What it is sent counts as a share of its bytes, another one in each run. `quiet`: the tasks that end after a few.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._share = random.uniform(1 / 8, 1 / 3)
        self._read: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self.quiet: set[str] = set()
        self.still = threading.Lock()
        """Held by who forks, and by who has files open that no forked process may have."""

    def say(self, body: bytes, asked: Json) -> tuple[list[Json], dict[str, int]]:
        found = _TASK.search(str(asked["messages"][0]["content"][0]["text"]))
        assert found
        read, said = int(len(body) * self._share), self._random.randint(1, asked["max_tokens"])
        self._read[found[1]] += read
        self._said[found[1]] += said
        call = {"name": "Read", "input": {"file_path": f"{len(body)}.txt"}}
        if found[1] in self.quiet and len(asked["messages"]) > 4:
            call = {"name": "Sync", "input": {"raise_blockers": ["That is all"]}}
            return [call][len(asked["messages"]) > 6 :], {"input_tokens": read, "output_tokens": said}
        return [call], {"input_tokens": read, "output_tokens": said}

    def count(self, ids: Sequence[str], unit: str = "tokens") -> float:
        """What these tasks took, as it counted."""
        read, said = (sum(row[name] for name in ids) for row in (self._read, self._said))
        return read + said if unit == "tokens" else dollars(read, said)

    @property
    def tokens(self) -> int:
        return sum(self._read.values()) + sum(self._said.values())


class Person(threading.Thread):
    """Limits the work while it goes on, and raises that limit."""

    def __init__(self, workspace: Path, top: str, server: Server, cap: float) -> None:
        super().__init__(daemon=True)
        self._workspace, self._top, self._server, self._cap = workspace, top, server, int(cap)
        self._over = threading.Event()
        self._broken: list[str] = []
        self.start()

    def run(self) -> None:
        self._wait(self._cap / 6)
        task = self._allow(self._cap // 2)
        most = max(self._cap // 2, (budget.spent(task) + budget.held(task)).tokens)  # what is under way may end
        self._wait(self._cap / 3)
        if (used := self._server.tokens) > most:
            self._broken.append(f"{used:,} tokens were used, of {most:,}")
        self._allow(self._cap)

    def _allow(self, tokens: int) -> Task:
        with self._server.still:
            engine = Engine(self._workspace / ".temp")
            task = accounts.allow(engine, self._top, Limits(tokens=tokens))
            engine.close()
        return task

    def _wait(self, tokens: float) -> None:
        while self._server.tokens < tokens and not self._over.wait(0.02):
            pass

    def end(self) -> list[str]:
        self._over.set()
        self.join()
        return self._broken


def begin(workspace: Path, plan: Plan, cap: float) -> tuple[str, dict[str, list[str]]]:
    """A task with a budget, and by task those that it gave away, or that the four did to which it gave its work."""
    workers.agent(workspace)
    engine = Engine(workspace / ".temp")

    def create(below: str | None, description: str, most: float | None) -> str:
        limits = Limits() if most is None else Limits(**{plan.unit: int(most) if plan.unit == "tokens" else most})
        created = TaskCreated(
            agent=workers.NAME, description=description, parent=below, mode="lightweight", limits=limits
        )
        name = engine.create(created).id
        if below is not None:  # as a model's call would have it
            given = Delegated(child=name, agent=workers.NAME, description=description, workstream=name)
            intent = Intent(call=name, tool="Delegate", delegated=given)
            replied = ModelReplied(content=(), stop_reason="tool_use", model="none", intents=(intent,))
            engine.commit(below, [replied], actor="user")
        return name

    top = create(None, "All of it", None if plan.late else cap)
    above = [create(top, "A quarter", cap / 3) for _ in range(GROUPS)] if plan.nested else [top]
    groups = {name: [create(name, "A part", None) for _ in range(WORKERS // len(above))] for name in above}
    engine.close()
    return top, groups


def work(
    workspace: Path, url: str, ids: list[str], server: Server, random: Random | None, used: Callable[[], float]
) -> Counter[int]:
    """All tasks, to their ends; returns with which codes processes ended, and how many with each.

    `random`: when processes are killed, each of which another one takes the place of. That is told by how much of the
    budget is used, not by time alone: on a slow machine too all go on between two kills.
    """
    shares = [ids[number::PROCESSES] for number in range(PROCESSES)]

    def begin_work(share: list[str]) -> int:
        with server.still:
            return kills.forked(partial(workers.run, workspace, url, share, dollars))

    running = {begin_work(share): share for share in shares}
    codes: Counter[int] = Counter()
    due = 0.0
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            share = running.pop(pid)
            codes[os.waitstatus_to_exitcode(status)] += 1
            if os.WIFSIGNALED(status):
                running[begin_work(share)] = share
        elif random is not None and used() >= due:
            time.sleep(random.uniform(0, 0.1))
            os.kill(random.choice(sorted(running)), signal.SIGKILL)
            due = used() + random.uniform(0, BETWEEN)
        else:
            time.sleep(0.01)
    return codes
