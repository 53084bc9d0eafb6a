"""What Write and Edit share: a file, or a document of the task, gets a new text."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from orchestrator import workspace
from orchestrator.errors import ToolError
from orchestrator.events import FileChange, Intent, Kind
from orchestrator.patch import is_binary, patch
from orchestrator.tools.tool import ToolInput, ToolResult, Workplace
from orchestrator.workspace import File, digest, mistake

LONGEST_DIFFERENCE = 4_000
"""Characters of a difference that a refusal shows."""
CURRENT = " (file state is current in your context — no need to Read it back)"


class Change(ABC):
    """A tool whose whole effect is one file's new content, so that hashes tell whether it happened."""

    name: str
    input: type[ToolInput]
    effectful = True
    waits = False
    reads_first: bool

    @abstractmethod
    def altered(self, given: Any, file: File, old: bytes | None) -> bytes:
        """The new content; ToolError when the call does not fit the old one."""

    @abstractmethod
    def said(self, given: Any, created: bool) -> str:
        """What the model is told when it is done."""

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        """The hashes before and after. Without a path: nothing on the disk would change, it may be run again."""
        try:
            file, kind = _target(given, place)
            if kind is not None:
                return Intent(call=call, tool=self.name)
            old = overlay[file.path] if file.path in overlay else file.read()
        except ToolError:
            return Intent(call=call, tool=self.name)
        try:
            new = self.altered(given, file, old)
        except ToolError:
            return Intent(call=call, tool=self.name, path=file.path, before=digest(old))
        overlay[file.path] = new
        return Intent(call=call, tool=self.name, path=file.path, before=digest(old), after=digest(new))

    async def run(self, call: str, given: Any, place: Workplace) -> ToolResult:
        return await asyncio.to_thread(self._run, given, place)

    async def settle(self, intent: Intent, given: Any, place: Workplace) -> ToolResult:
        """Done when the file is what this call, or a later one of the same message, would have made of it."""
        if intent.path is None:
            return await self.run(intent.call, given, place)
        file, _ = _target(given, place)
        now = digest(file.read())
        if now == intent.before and (intent.after is None or now != intent.after):
            return await self.run(intent.call, given, place)
        if intent.after is not None and now in (intent.after, *_later(intent, place)):
            return self._done(given, intent.path, intent.before, intent.after)
        return ToolResult(
            f"The outcome of this call is unknown: the work was interrupted, and {given.file_path} is neither what it "
            "was before the call nor what the call would have made of it. Read it before repeating anything.",
            outcome="unknown",
        )

    def _run(self, given: Any, place: Workplace) -> ToolResult:
        file, kind = _target(given, place)
        if kind is not None:
            old = encoded(place.documents[kind]) if kind in place.documents else file.read()
            text = self.altered(given, file, old).decode("utf-8", "replace")
            return ToolResult(self.said(given, created=old is None), documents={kind: text})
        with workspace.changing(place.temp, file.path):
            old = file.read()
            self._check_seen(file, old, place)
            new = self.altered(given, file, old)
            _retain(place, file, old, new)
            file.write(new)
        return self._done(given, file.path, digest(old), digest(new))

    def _done(self, given: Any, path: str, before: str | None, after: str | None) -> ToolResult:
        change = FileChange(path=path, before=before, after=after)
        return ToolResult(self.said(given, created=before is None), files=(change,))

    def _check_seen(self, file: File, old: bytes | None, place: Workplace) -> None:
        """Refuse to change what the agent does not know."""
        if old is None:
            return
        touched = (change for receipt in place.task.receipts for change in receipt.files if change.path == file.path)
        seen = [change for change in touched if not change.shared]
        if not seen and self.reads_first:
            raise mistake("File has not been read yet. Read it first before writing to it.")
        if seen and seen[-1].after != digest(old):
            raise mistake(
                "File has been modified since read, either by the user or by a linter. "
                f"Read it again before attempting to write it.{_since(file, seen[-1].after, old, place)}"
            )


def encoded(text: str) -> bytes:
    """The bytes of a text; bytes that were not UTF-8 come back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise mistake("The text holds half a surrogate pair, which no file can hold.") from error


def _target(given: Any, place: Workplace) -> tuple[File, Kind | None]:
    file = workspace.locate(place.workspace, place.temp, given.file_path)
    return file, workspace.document(file, place.temp, place.task, place.kinds)


def _retain(place: Workplace, file: File, old: bytes | None, new: bytes) -> None:
    """Keep both contents before the file is touched; the old one, which is nowhere else, durably."""
    try:
        if old is not None:
            place.contents.keep(old, durable=True)
        place.contents.keep(new)
    except OSError as error:
        raise mistake(f"{file.given} was not changed: what it holds could not be kept ({error.strerror}).") from error


def _since(file: File, digest: str | None, now: bytes, place: Workplace) -> str:
    """How a file differs from what the agent knows of it, where that was kept."""
    known = place.contents.read(digest) if digest else None
    if known is None or is_binary(known, now):
        return ""
    difference = (
        patch(file.shown(file.path).removeprefix("/"), known, now).decode("utf-8", "replace").partition("\n")[2]
    )
    rest = "\n…" if len(difference) > LONGEST_DIFFERENCE else ""
    return f"\n\nWhat has changed:\n{difference[:LONGEST_DIFFERENCE]}{rest}"


def _later(intent: Intent, place: Workplace) -> tuple[str | None, ...]:
    """What the calls after this one in the same message would have made of the file."""
    calls = [other.call for other in place.task.pending]
    after = place.task.pending[calls.index(intent.call) + 1 :] if intent.call in calls else ()
    return tuple(other.after for other in after if other.path == intent.path and other.after is not None)
