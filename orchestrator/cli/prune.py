"""prune: free what nothing needs any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from orchestrator.cli import screen
from orchestrator.cli.project import Project, pass_project
from orchestrator.errors import StorageError, UsageError

_KINDS = {
    "contents": "copies of files that no task names",
    "outputs": "large outputs that no task names",
    "commands": "folders of commands whose outcome is recorded",
    "leases": "leases of workers that are gone",
    "worktrees": "worktrees whose work has landed",
    "logs": "what detached workers of archived tasks said",
    "staging": "left by processes that died",
}


@click.command(epilog="JSON: {project, dry_run, bytes, freed: {contents: {count, bytes}, …}}.")
@click.option(
    "--older-than",
    type=click.FloatRange(0),
    metavar="DAYS",
    help="Also what files held around calls of tasks archived before that: what these did can then not be undone.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@pass_project
def command(project: Project, older_than: float | None, dry_run: bool, as_json: bool) -> None:
    """Free the space of what nothing needs any more.

    Also while agents work. Journals and documents stay. What is younger than an hour stays too: a call may be about to
    name it.
    """
    from orchestrator.prune import Prune

    try:
        before = "" if older_than is None else (datetime.now(UTC) - timedelta(days=older_than)).isoformat()
    except (OverflowError, ValueError):
        raise UsageError(f"there was no day {older_than:g} days ago: say fewer") from None
    with project.engine() as engine:
        prune = Prune(engine, dry=dry_run)
        try:
            prune.run(before)
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror}; what was freed before that is gone") from None
    freed = {kind: prune.freed[kind] for kind in _KINDS}
    size = sum(row.size for row in freed.values())
    if as_json:
        rows = {kind: {"count": row.count, "bytes": row.size} for kind, row in freed.items()}
        screen.print_json({"project": str(project.workspace), "dry_run": dry_run, "bytes": size, "freed": rows})
        return
    for kind, row in freed.items():
        if row.count:
            click.echo(f"{row.count:>7,}  {_KINDS[kind]}  {screen.dim(_size(row.size))}")
    verb = "would be freed" if dry_run else "freed"
    click.echo(f"{_size(size)} {verb}" if any(row.count for row in freed.values()) else "nothing to free")


def _size(size: int) -> str:
    """12,345 as 12.3 kB"""
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
