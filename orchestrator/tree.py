"""Tasks as a tree: each followed by those it gave away, with those that nobody has begun yet. Fast to import."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar


class Given(Protocol):
    """What a task knows of one that it gave away."""

    @property
    def id(self) -> str: ...
    @property
    def agent(self) -> str: ...


class Giver(Given, Protocol):
    @property
    def parent(self) -> str | None: ...
    @property
    def children(self) -> Sequence[Given]: ...


T = TypeVar("T", bound=Giver)


class Branch(NamedTuple, Generic[T]):
    """A task in its place. `task`: None for one that is given away, and is not there to be looked at.

    `top`: the first of its tree. `more`: for each step from there down to it, whether others stand below it on the same
    step.
    """

    id: str
    agent: str
    task: T | None
    parent: str | None
    top: str
    more: tuple[bool, ...] = ()

    @property
    def depth(self) -> int:
        return len(self.more)

    @property
    def lines(self) -> str:
        """What leads to it from above, two columns a step: `│ └ `"""
        *above, own = self.more or (None,)
        return "" if own is None else _rails(above) + ("├ " if own else "└ ")

    def stem(self, goes_on: bool) -> str:
        """The same beneath it, where a task below it may follow."""
        return _rails((*self.more, goes_on))


def _rails(more: Iterable[bool]) -> str:
    return "".join("│ " if one else "  " for one in more)


def grow(tasks: Iterable[T], elsewhere: Container[str] = ()) -> Iterator[Branch[T]]:
    """Each task once, before those it gave away; those whose parent is not among them at the top.

    What a task gave away comes in that order. What is not among the tasks is not begun yet, unless it is `elsewhere`.
    """
    known = {task.id: task for task in tasks}
    below: dict[str | None, list[Given]] = defaultdict(list)
    for task in known.values():
        below[task.parent if task.parent in known else None].append(task)
    for task in known.values():
        order = {child.id: place for place, child in enumerate(task.children)}
        missing = (child for child in task.children if child.id not in known and child.id not in elsewhere)
        below[task.id] = sorted([*below[task.id], *missing], key=lambda row: order.get(row.id, len(order)))
    done: set[str] = set()
    tops: list[Given] = [*below[None], *known.values()]  # documents may say anything: a ring has no top
    for top in tops:
        left: list[tuple[Given, str | None, tuple[bool, ...]]] = [(top, None, ())]
        while left:
            row, parent, more = left.pop()
            if row.id in done:
                continue
            done.add(row.id)
            yield Branch(row.id, row.agent, known.get(row.id), parent, top.id, more)
            rows = below[row.id]
            left += ((child, row.id, (*more, child is not rows[-1])) for child in reversed(rows))


def under(branches: Iterable[Branch[T]], task_ids: Container[str]) -> Iterator[Branch[T]]:
    """These tasks and all below them, of a tree as `grow` yields it."""
    depth: int | None = None
    for branch in branches:
        if depth is not None and branch.depth <= depth:
            depth = None
        if depth is None and branch.id in task_ids:
            depth = branch.depth
        if depth is not None:
            yield branch


def only(branches: Iterable[Branch[T]], task_ids: Container[str]) -> Iterator[Branch[T]]:
    """These tasks, as if there were no others; whatever they are below must be among them."""
    kept = [branch for branch in branches if branch.id in task_ids]
    last = {branch.parent: branch.id for branch in kept}
    more: dict[str | None, tuple[bool, ...]] = {}
    for branch in kept:
        more[branch.id] = () if branch.parent is None else (*more[branch.parent], last[branch.parent] != branch.id)
        yield branch._replace(more=more[branch.id])


def read(look: Callable[[str], T | None], task_ids: Iterable[str]) -> Iterator[T]:
    """These tasks and all they gave away, once each; `look` returns None for what is not there, or cannot be read."""
    left, done = deque(task_ids), set[str]()
    while left:
        if (task_id := left.popleft()) not in done:
            done.add(task_id)
            if (task := look(task_id)) is not None:
                yield task
                left.extend(child.id for child in task.children)
