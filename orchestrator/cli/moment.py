"""A revision or a time, as a person names it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.project import Project
from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_REVISION = re.compile(r"r?([1-9][0-9]{0,17})", re.ASCII)
_FORMS = "2026-11-22T19:40:56, 2026-11-22 (as it began) or 19:40 (today)"
PROPOSED = 20
"""So many revisions, the last ones, a shell proposes."""


class Moment(click.ParamType[int | str]):
    """A time, and unless `revisions` is False a revision: r5 or 5. A time without a zone is local.

    Becomes the number of the revision, or the time as commits have it. A second is meant to its end, as `log` shows it.
    """

    def __init__(self, *, revisions: bool = True) -> None:
        self.name = "REVISION" if revisions else "TIME"
        self._revisions = revisions

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int | str:
        if isinstance(value, int):
            return value
        if self._revisions and (found := _REVISION.fullmatch(value)):
            return int(found[1])
        try:
            moment = _parsed(value).astimezone(UTC)
        except (ValueError, OverflowError):
            wanted = f"a revision, such as r5, nor a time: {_FORMS}" if self._revisions else f"a time: {_FORMS}"
            self.fail(f"{value!r} is {'neither' if self._revisions else 'not'} {wanted}")
        if moment > datetime.now(UTC):
            self.fail(f"{value!r} is still to come")
        if not moment.microsecond:
            moment = moment.replace(microsecond=999_000)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from orchestrator.history import History

        task_id = (
            context.params.get("task_id") or "".join(context.args[:1]).upper()
        )  # after --at, click has not read it
        if not self._revisions:
            return []
        project = Project.find(context.find_root().params.get("project"))
        try:
            last = max((commit["revision"] for commit in History(project.temp, task_id).read()), default=0)
        except OrchestratorError:
            return []
        names = [f"r{number}" for number in range(max(1, last - PROPOSED + 1), last + 1)]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if ":" not in text:
            raise
        return datetime.combine(date.today(), time.fromisoformat(text))
