"""Finish: the agent says that it is done, and the record decides."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from orchestrator import completion, process
from orchestrator.errors import WorktreeError
from orchestrator.events import Event, FinishRefused, Intent, Json, MergeRefused, TaskCompleted, WorkLanded
from orchestrator.process import Command, Ending, Fate
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.worktrees import Worktree

_SECONDS = 600
_TAIL = 2_000
_UNHEARD = ToolResult(
    "The task is not done yet: you were told something meanwhile. Heed it, then call Finish again.", "error"
)


class FinishInput(ToolInput):
    """Say that the task is done.

    It is done when every checklist item is checked with evidence or dropped with a reason, every workstream is
    completed, every blocker resolved, the last actions recorded with Sync, and the task's verification commands pass.
    Otherwise the result lists what is missing: mend it, and call Finish again.
    """

    summary: str = Field(
        min_length=1,
        description="What was done, for people and for the agents that go on: what exists now, how it was verified, "
        "what is left to know. Markdown; it becomes the completion summary",
    )
    result: Json | None = Field(
        default=None,
        description="The result this task declares, when it declares one. Files it names as created or modified must "
        "be ones that calls of this task created or modified",
    )


class Finish:
    name = "Finish"
    input: type[ToolInput] = FinishInput
    effectful = False  # what its verification commands do is the doing of the person who declared them
    waits = False

    def intent(self, call: str, given: Any, place: Workplace, overlay: dict[str, bytes | None]) -> Intent:
        return Intent(call=call, tool=self.name)

    async def run(self, call: str, given: FinishInput, place: Workplace) -> ToolResult:
        return await self._finish(given, place, lambda number: _verify(call, number, place))

    async def settle(self, intent: Intent, given: FinishInput, place: Workplace) -> ToolResult:
        if place.worktree is None:
            return await self._finish(given, place, lambda number: _settled(intent.call, number, place))
        for number, _ in enumerate(place.task.verify, 1):  # what passed then says nothing of what is gathered now
            await process.settle(process.folder(place.commands, _name(intent.call, number)))
        return await self.run(intent.call, given, place)

    async def _finish(
        self, given: FinishInput, place: Workplace, verify: Callable[[int], Awaitable[Fate]]
    ) -> ToolResult:
        missing = [*completion.missing(place.task), *completion.unfit(place.task, given.result)]
        landed: tuple[Event, ...] = ()
        if not missing and await place.delegation.is_told(place.task):
            return _UNHEARD
        while not landed:
            if place.worktree is not None and not missing and (refused := await _gathered(place.worktree)):
                return ToolResult(f"{refused.reason}\n\n{refused.difference}".rstrip(), "error", events=(refused,))
            for number, command in enumerate(place.task.verify, 1):
                flaw = _flaw(await verify(number))
                missing += [f"verification `{command}` {flaw}"] if flaw else []
            if not missing and await place.delegation.is_told(place.task):
                return _UNHEARD
            if missing or place.worktree is None:
                break
            ended = await _landed(place.worktree)
            if isinstance(ended, MergeRefused):
                return ToolResult(ended.reason, "error", events=(ended,))
            landed = () if ended is None else (ended,)
        if missing:
            text = "The task is not done. What is missing:\n" + "\n".join(f"- {line}" for line in missing)
            return ToolResult(text, outcome="error", events=(FinishRefused(missing=tuple(missing)),))
        passed = "".join(f"\nVerified: `{command}`" for command in place.task.verify)
        done = TaskCompleted(summary=given.summary, result=given.result, heard=place.task.heard)
        return ToolResult(f"Task {place.task.id} is done.{passed}", events=(*landed, done))


async def _gathered(worktree: Worktree) -> MergeRefused | None:
    """The work with what landed meanwhile; or why the two do not go together."""
    try:
        conflict = await asyncio.to_thread(worktree.gather)
    except WorktreeError as error:
        return MergeRefused(reason=str(error))
    if conflict is None:
        return None
    ways = []
    if conflict.marked:
        ways.append("the marks of the conflict are in these files, to be resolved there")
    for name, how in conflict.bare.items():
        ways.append(
            f"{name} has no marks ({how}): write it as it is to be, remove it, or keep what is there with "
            f"`git add {shlex.quote(name)}`"
        )
    return MergeRefused(
        reason=f"what landed meanwhile contradicts it in {', '.join([*conflict.marked, *conflict.bare])}: "
        f"in {worktree.workspace} {'; '.join(ways)}",
        difference=conflict.difference,
    )


async def _landed(worktree: Worktree) -> WorkLanded | MergeRefused | None:
    """The work is where it belongs; None, when others landed first; or why it cannot get there."""
    try:
        commit = await asyncio.to_thread(worktree.land)
    except WorktreeError as error:
        return MergeRefused(reason=f"{worktree.target} cannot take it: {error}")
    return None if commit is None else WorkLanded(commit=commit)


async def _verify(call: str, number: int, place: Workplace) -> Fate:
    """Run a verification command. Nobody is asked: a person declared it."""
    arguments = (*process.SHELL, place.task.verify[number - 1])
    folder, seconds = process.fresh(place.commands, _name(call, number)), place.seconds(_SECONDS)
    try:
        return await process.run(Command(folder, arguments, place.workspace, place.environment, seconds))
    except OSError:
        return "never started"


async def _settled(call: str, number: int, place: Workplace) -> Fate:
    fate = await process.settle(process.folder(place.commands, _name(call, number)))
    return await _verify(call, number, place) if fate == "never started" else fate


def _name(call: str, number: int) -> str:
    return f"{call}-verify-{number}"


def _flaw(fate: Fate) -> str | None:
    """Why a verification did not pass, None when it did."""
    if fate == "never started":
        return "could not be started"
    if not isinstance(fate, Ending):
        return "was interrupted, and how it ended is unknown: call Finish again"
    if fate.exit_code == 0 and fate.reason is None:
        return None
    output = fate.output.decode("utf-8", "replace").rstrip()
    ended = f"was ended: {fate.reason}" if fate.reason else f"failed with exit code {fate.exit_code}"
    return f"{ended}\n{output[-_TAIL:]}".rstrip()


TOOL: Tool = Finish()
