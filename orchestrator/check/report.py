"""All rules applied to a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from orchestrator.check.agreement import disagreement, workstream_rows
from orchestrator.check.artifacts import shared_artifact
from orchestrator.check.decisions import lone_decision
from orchestrator.check.finding import Finding
from orchestrator.check.listing import Listing
from orchestrator.check.percentages import percentage
from orchestrator.check.places import archived_open, not_archived, same_name, two_journals, two_places
from orchestrator.check.reading import damaged, half_renamed, missing, no_journal, unreadable
from orchestrator.check.references import references, tasks
from orchestrator.check.task_files import Facts, TaskFiles
from orchestrator.check.times import times
from orchestrator.locks import is_locked

OF_ONE: tuple[Callable[[TaskFiles], Iterator[Finding]], ...] = (
    unreadable,
    missing,
    no_journal,
    half_renamed,
    damaged,
    two_journals,
    two_places,
    disagreement,
    workstream_rows,
    percentage,
    times,
    lone_decision,
    references,
    tasks,
    archived_open,
    not_archived,
)
OF_ALL: tuple[Callable[[Sequence[Facts]], Iterator[Finding]], ...] = (same_name, shared_artifact)

_LOOKS, _PAUSE = 100, 0.01
"""How often, and after how many seconds, a task is looked at again that changes while it is read."""


@dataclass(frozen=True, slots=True)
class Report:
    """Tasks by their id; findings by task, and each task's in the order of the rules, notes last."""

    tasks: tuple[Facts, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True when there is nothing but notes."""
        return all(finding.severity == "note" for finding in self.findings)


def check(temp: Path, shown: str = ".temp") -> Report:
    """Look at every task of the folder; `shown` is how its path is written. Raises StorageError."""
    listing = Listing(temp, shown)
    facts, found = [], []
    for task_id in sorted({*listing.documents, *listing.journals}):
        task = TaskFiles(task_id, listing)
        findings = _of_one(task)
        if findings and task.kept:
            task, findings = _settled(task, findings)
        found += findings
        facts.append(task.facts())
    for finding in chain.from_iterable(rule(facts) for rule in OF_ALL):
        found.append(TaskFiles(finding.task, listing).offered(finding) if finding.fix else finding)
    return Report(tuple(facts), tuple(sorted(found, key=lambda one: (one.task, one.severity == "note"))))


def _settled(task: TaskFiles, findings: list[Finding]) -> tuple[TaskFiles, list[Finding]]:
    """What is found twice in a row with no commit going on: one replaces the documents one after the other."""
    lock = task.listing.temp / ".orchestrator" / "locks" / f"{task.id}.lock"
    for _ in range(_LOOKS):
        if is_locked(lock):
            time.sleep(_PAUSE)
            continue
        before, task = findings, TaskFiles(task.id, task.listing)
        findings = _of_one(task)
        if findings == before or not findings:
            break
    return task, findings


def _of_one(task: TaskFiles) -> list[Finding]:
    return [finding for rule in OF_ONE for finding in rule(task)]
