"""What tasks cost, by agent and by file."""

from __future__ import annotations

from orchestrator import costs
from orchestrator.costs import Cost
from orchestrator.events import (
    CallSettled,
    Commit,
    ContextRenewed,
    Event,
    FileChange,
    ModelReplied,
    Receipt,
    TaskCreated,
    TaskForked,
    Usage,
)
from orchestrator.transitions import fold


def replied(tokens: int, cost: float | None = None) -> ModelReplied:
    return ModelReplied(content=(), stop_reason="tool_use", model="a", usage=Usage(input_tokens=tokens), cost=cost)


def settled(number: int, *paths: str, before: str | None = None) -> CallSettled:
    files = tuple(FileChange(path=path, before=before, after="x") for path in paths)
    return CallSettled(receipt=Receipt(id=f"R{number}", call=str(number), tool="Bash", outcome="ok", files=files))


def journal(*events: Event, agent: str = "clerk") -> list[Commit]:
    every = (TaskCreated(agent=agent, description="Do it"), *events)
    at = "2026-01-01T00:00:00.000Z"
    return [Commit(revision=n, at=at, actor="worker", events=(event,), uuid="u") for n, event in enumerate(every, 1)]


def test_the_files_that_the_calls_of_a_reply_changed_share_what_it_cost() -> None:
    first = (replied(100, 1.0), settled(1, "a", "b"), settled(2, "a"))
    one = journal(*first, replied(50, 0.5), settled(3, "a", before="x"))
    two = journal(replied(30), settled(1, "b"), ContextRenewed(usage=Usage(output_tokens=7), cost=0.25))
    assert costs.by_file([one, two]) == {
        "": Cost(0, 57, 0.75),
        "a": Cost(0, 50, 0.5),
        "b": Cost(0, 80, 0.5),
    }
    assert list(costs.by_file([one, two])) == ["", "b", "a"]


def test_every_token_is_some_file_s_or_none_s_and_some_agent_s() -> None:
    journals = [journal(replied(100, 1.0), settled(1, "a", "b", "c"), replied(11, 0.1), agent=name) for name in "xyx"]
    tasks = [task for row in journals if (task := fold(row, "K7Q2MX"))]
    whole = costs.total(map(costs.own, tasks))
    assert (whole.turns, whole.tokens) == (6, 333)
    agents = costs.by_agent(tasks)
    assert list(agents) == ["x", "y"]
    assert costs.total(agents.values()) == whole
    assert round(costs.total(costs.by_file(journals).values()).tokens) == 333


def test_a_fork_costs_what_came_of_it_since() -> None:
    spent = replied(100, 1.0), settled(1, "a")
    forked = TaskForked(task="K7Q2MX", previous="K7Q2MX", id="N2W3D4", revision=3)
    commits = journal(*spent, forked, settled(2, "a"), replied(30, 0.5), settled(3, "b"))
    assert costs.by_file([commits]) == {"b": Cost(0, 30, 0.5)}
    assert costs.by_file([journal(*spent, forked)]) == {}
    task = fold(commits, "K7Q2MX")
    assert task is not None
    assert costs.own(task) == Cost(1, 30, 0.5)
