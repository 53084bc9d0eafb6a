"""What tasks cost: each by itself, with all below it, by agent, by file. Pure: over tasks and what was committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.events import CallSettled, Commit, ContextRenewed, ModelReplied, TaskForked
from orchestrator.task import Task


@dataclass(frozen=True)
class Cost:
    """Tokens, and US dollars as far as prices are known. `turns`: replies, of a file not counted."""

    turns: int = 0
    tokens: float = 0
    dollars: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.turns + other.turns, self.tokens + other.tokens, self.dollars + other.dollars)

    def share(self, parts: int) -> Cost:
        """What each of so many has of it."""
        return Cost(0, self.tokens / parts, self.dollars / parts)


def own(task: Task) -> Cost:
    return Cost(task.turns, task.usage.total, task.cost or 0.0)


def total(costs: Iterable[Cost]) -> Cost:
    return sum(costs, Cost())


def by_agent(tasks: Iterable[Task]) -> dict[str, Cost]:
    """What the tasks of each agent cost, the dearest first."""
    found: dict[str, Cost] = defaultdict(Cost)
    for task in tasks:
        found[task.agent] += own(task)
    return _dearest_first(found)


def by_file(journals: Iterable[Iterable[Commit]]) -> dict[str, Cost]:
    """What each file cost, the dearest first; under "" what changed none. `journals`: the commits of each task.

    The files that the calls of a reply changed share what it cost.
    """
    found: dict[str, Cost] = defaultdict(Cost)
    for commits in journals:
        for path, cost in _shares(commits):
            found[path] += cost
    return _dearest_first(found)


def _shares(commits: Iterable[Commit]) -> list[tuple[str, Cost]]:
    """What each reply of one task cost each file; of a fork those since it was made."""
    replies: list[tuple[Cost, dict[str, None]]] = []
    for event in [event for commit in commits for event in commit.events]:
        match event:
            case TaskForked():
                replies = []
            case ModelReplied() | ContextRenewed():
                replies.append((Cost(1, event.usage.total, event.cost or 0.0), {}))
            case CallSettled() if replies:
                changed = (change for change in event.receipt.files if change.before != change.after)
                replies[-1][1].update(dict.fromkeys(change.path for change in changed))
    return [(path, cost.share(len(files) or 1)) for cost, files in replies if cost.tokens for path in files or [""]]


def _dearest_first(found: Mapping[str, Cost]) -> dict[str, Cost]:
    return dict(sorted(found.items(), key=lambda row: (-row[1].dollars, -row[1].tokens, row[0])))
