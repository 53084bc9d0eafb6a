"""Where the files of tasks lie: archived or not, in one place or in two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from orchestrator.check.finding import Finding, Fix, Witness
from orchestrator.check.task_files import Facts, TaskFiles, quoted


def archived_open(task: TaskFiles) -> Iterator[Finding]:
    """A task in `completed/` most of whose documents say that it is open."""
    left = [claim for claim in task.claims if not claim.done]
    if task.archived and left and not task.finished:
        says = f"it is archived, but {left[0].says}"
        yield task.finding("archived-open", "error", says, left[0].witness, task.home)


def not_archived(task: TaskFiles) -> Iterator[Finding]:
    """A task that is done and not in `completed/`."""
    done = [claim for claim in task.claims if claim.done]
    if not task.archived and done and task.finished and not (task.kept and task.life != "completed"):
        other = done[1].witness if len(done) > 1 else task.home
        says = f"it is not archived, but {done[0].says}"
        fix: Fix | None = "archive" if len(done) == len(task.claims) else None
        yield task.finding("not-archived", "warning", says, done[0].witness, other, fix=fix)


def two_places(task: TaskFiles) -> Iterator[Finding]:
    """Documents of one id in both places: two tasks that took the same id, or one that is half archived."""
    if not task.elsewhere or not task.texts:
        return
    again = next((kind for kind in task.elsewhere if kind in task.texts), None)
    if again:
        rule, says = "same-id", f"there is a {again} of {task.id} in both places: of two tasks, or a copy to take away"
    else:
        rule, says = "half-archived", "some of its documents are in completed/, and some are not"
    there = task.elsewhere[again or next(iter(task.elsewhere))]
    here = task.texts[again or next(iter(task.texts))]
    yield task.finding(rule, "error", says, there.at_line(0), here.at_line(0))


def two_journals(task: TaskFiles) -> Iterator[Finding]:
    """Two journals of one id: two machines drew it, or a copy came back."""
    journals = task.listing.journals.get(task.id, [])
    if len(journals) > 1:
        says = f"there are two journals of {task.id}: take one away, with its documents, and give that task another id"
        yield task.finding("same-id", "error", says, Witness(journals[0], 1), Witness(journals[1], 1), fix=None)


def same_name(tasks: Sequence[Facts]) -> Iterator[Finding]:
    """Two status documents with the same `taskId`: one was copied from the other."""
    named: dict[str, list[Facts]] = defaultdict(list)
    for task in tasks:
        if task.name is not None:
            named[task.name].append(task)
    for said, those in named.items():
        first, *others = sorted(those, key=lambda one: (one.id not in said, one.id))
        for task in others:
            says = f"its taskId is {quoted(said)}, and so is that of {first.id}"
            yield Finding("same-id", "error", task.id, says, (task.at("taskId"), first.at("taskId")), "refresh")
