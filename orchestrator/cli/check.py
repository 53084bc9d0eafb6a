"""check: what does not fit together in the documents, with the lines that prove it."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project, pass_project
from orchestrator.errors import OrchestratorError, UsageError

if TYPE_CHECKING:
    from orchestrator.check import Facts, Finding, Report
    from orchestrator.engine import Engine

_MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "note": ("·", None)}


@click.command(
    epilog="JSON: {folder, ok, findings: [{rule, severity, task, says, witnesses: [{path, line}], fix}], fixed, "
    "tasks}, see docs/cli.md."
)
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--fix", is_flag=True, help="Mend what needs no person, in the tasks that orchestrator keeps.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with what each task's documents say.")
@pass_project
def command(project: Project, path: Path | None, fix: bool, as_json: bool) -> int:
    """Look for contradictions in the documents of tasks.

    Those kept by hand are looked at, too. PATH is a folder like .temp, else it is this project's. Exit code 1 when
    something is found that is more than a note. Without --fix it only reads.
    """
    from orchestrator.check import check

    temp = project.temp if path is None else path
    if path is None:
        project.expect()
    if fix and path is not None:
        raise UsageError("--fix works in a project: give that with --project, not a PATH")
    shown = ".temp" if path is None else str(path)
    report = check(temp, shown)
    asked: dict[Key, Finding] = {}
    while fix and (new := {_key(one): one for one in report.findings if one.fix and _key(one) not in asked}):
        _fix(project, list(new.values()))
        asked |= new
        report = check(temp, shown)
    left = {_key(one) for one in report.findings}
    fixed = [one for key, one in asked.items() if key not in left]
    if as_json:
        screen.print_json(_json(temp, report, fixed))
    else:
        _show(report, fixed, tried=fix)
    return 0 if report.ok else 1


Key = tuple[str, str, str]


def _key(finding: Finding) -> Key:
    """What makes it the same finding after its lines have moved."""
    return finding.task, finding.rule, finding.says


def _fix(project: Project, asked: list[Finding]) -> None:
    """Do what the findings ask for, task by task; what keeps it from being done is said, and the others go on."""
    tasks = groupby(sorted(asked, key=lambda one: one.task), key=lambda one: one.task)
    with project.engine() as engine:
        for task_id, findings in tasks:
            try:
                _fix_task(engine, task_id, list(findings))
            except OrchestratorError as error:
                screen.complain(f"{task_id} was left as it is: {error}")


def _fix_task(engine: Engine, task_id: str, findings: list[Finding]) -> None:
    from orchestrator.errors import Busy
    from orchestrator.events import ReferenceAdded

    if holder := engine.at_work(task_id):
        raise Busy(task_id, screen.who(holder))
    task = engine.refresh(task_id).task
    known = {task_id, *(row.task for row in task.references)}
    if missing := sorted({one.about for one in findings if one.fix == "refer" and one.about} - known):
        engine.commit(task_id, [ReferenceAdded(task=name, document="task-status") for name in missing], actor="user")
        engine.refresh(task_id)
    if any(one.fix == "archive" for one in findings):
        engine.archive(task_id)


def _show(report: Report, fixed: list[Finding], *, tried: bool) -> None:
    for finding in fixed:
        click.echo(screen.fit(f"fixed: {finding.task}: {finding.rule}: {finding.says}", screen.columns()))
    for task_id, findings in groupby(report.findings, key=lambda finding: finding.task):
        screen.title(task_id)
        for finding in findings:
            _show_finding(finding)
    if fixed or report.findings:
        click.echo()
    click.echo("\n".join(screen.wrap(_summary(report, tried), screen.columns())))


def _show_finding(finding: Finding) -> None:
    mark, colour = _MARKS[finding.severity]
    rows = screen.wrap(f"{finding.rule}: {screen.line(finding.says)}", screen.columns() - 4)
    click.echo(f"  {click.style(mark, fg=colour)} {rows[0]}")
    for row in rows[1:]:
        click.echo(f"    {row}")
    one, other = (screen.line(str(witness)) for witness in finding.witnesses)
    if one == other:
        click.echo(f"    {screen.dim(one)}")
    elif screen.measure(f"{one} ↔ {other}") <= screen.columns() - 4:
        click.echo(f"    {screen.dim(f'{one} ↔ {other}')}")
    else:
        click.echo(f"    {screen.dim(one)}\n  {screen.dim(f'↔ {other}')}")


def _summary(report: Report, tried: bool) -> str:
    tasks, found = screen.count(len(report.tasks), "task"), report.findings
    if not found:
        return f"{tasks}, no contradictions"
    by_hand = {task.id for task in report.tasks if not task.ours}
    counts = {noun: sum(finding.severity == noun for finding in found) for noun in _MARKS}
    said = ", ".join(screen.count(number, noun) for noun, number in counts.items() if number)
    said += f" in {len({finding.task for finding in found})} of {tasks}"
    if not tried and any(finding.fix for finding in found):
        said += "; --fix mends what needs no person"
    if any(finding.task in by_hand for finding in found):
        said += "; `orchestrator adopt` takes in what is kept by hand"
    return said


def _json(temp: Path, report: Report, fixed: list[Finding]) -> dict[str, Any]:
    return {
        "folder": str(temp.resolve()),
        "ok": report.ok,
        "findings": [_finding(finding) for finding in report.findings],
        "fixed": [_finding(finding) for finding in fixed],
        "tasks": [_facts(task) for task in report.tasks],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "task": finding.task,
        "says": finding.says,
        "witnesses": [{"path": witness.path, "line": witness.line} for witness in finding.witnesses],
        "fix": finding.fix,
    }


def _facts(task: Facts) -> dict[str, Any]:
    return {
        "task": task.id,
        "archived": task.archived,
        "by_hand": not task.ours,
        "workstreams": task.workstreams,
        "items": task.items and {"done": task.items[0], "total": task.items[1]},
        "progress": task.progress,
        "summary": task.summary,
    }
