"""The tool calls of one message: announced before they run, run in order, settled after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from orchestrator import children, prompts, triggers
from orchestrator.errors import ModelError, Refused, Stopped, ToolError
from orchestrator.events import CallSettled, Event, FileChange, Intent, Json, Kind, Receipt
from orchestrator.masking import Mask
from orchestrator.task import Task
from orchestrator.tools import accept
from orchestrator.tools.tool import Tool, ToolInput, ToolResult, Workplace
from orchestrator.transitions import apply_all


@dataclass(frozen=True)
class Ended:
    """A call that ended, with its receipt. `block` is without secrets."""

    block: Json
    result: ToolResult
    receipt: Receipt

    @property
    def events(self) -> tuple[Event, ...]:
        return (CallSettled(receipt=self.receipt), *self.result.events)

    @property
    def content(self) -> Json:
        """The tool_result block the model gets."""
        words = ((self.result.text,) if self.result.text else ()) + (f"[receipt {self.receipt.id}]",)
        return {
            "type": "tool_result",
            "tool_use_id": self.block["id"],
            "is_error": self.result.outcome != "ok",
            "content": [{"type": "text", "text": part} for part in words],
        }

    def failed(self, reason: str) -> Ended:
        """The same call with nothing of it recorded, for the reason given."""
        result = ToolResult(text=reason, outcome="error")
        return Ended(self.block, result, self.receipt.model_copy(update={"outcome": "error"}))


class Calls:
    """Runs calls with the tools an agent is offered.

    `place` makes the workplace for a state of the task; `claims` names what other tasks wrote meanwhile, otherwise than
    by commands; `cancelled` says whether somebody has cancelled the task since that state: no call that could change
    something is begun then; `begun` is told of each call before it runs.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool],
        place: Callable[[Task], Workplace],
        mask: Mask,
        claims: Callable[[Task], Awaitable[frozenset[tuple[str, str | None]]]],
        cancelled: Callable[[Task], Awaitable[bool]],
        begun: Callable[[Task, Json], None],
    ) -> None:
        self._tools = tools
        self._place = place
        self._mask = mask
        self._claims = claims
        self._cancelled = cancelled
        self._begun = begun

    def intents(self, task: Task, blocks: Sequence[Json], malformed: frozenset[str]) -> tuple[Intent, ...]:
        """What the calls are about to do, as far as they can run at all."""
        overlay: dict[str, bytes | None] = {}
        place = self._place(task)
        found = []
        for block in blocks:
            try:
                tool, given = self._read(block, malformed)
                intent = tool.intent(block["id"], given, place, overlay)
            except ToolError:
                continue
            said = intent.model_dump(include={"command", "delegated", "asked"})
            found.append(Intent.model_validate(intent.model_dump() | self._mask.json(said)))
            place = replace(place, task=children.delegated(place.task, (intent,)))
        return tuple(found)

    async def run(self, task: Task, blocks: Sequence[Json], malformed: frozenset[str] = frozenset()) -> list[Ended]:
        """Run the calls one after another, each on the state the one before it left."""
        return await self._each(task, blocks, malformed, {})

    async def settle(self, task: Task, blocks: Sequence[Json]) -> list[Ended]:
        """Find out what became of calls whose results were never recorded; run those that never ran."""
        return await self._each(task, blocks, frozenset(), {intent.call: intent for intent in task.pending})

    async def again(self, task: Task, ended: Sequence[Ended]) -> list[Ended]:
        """The calls as they end on this state of the task: those that only record something are made once more."""
        found: list[Ended] = []
        for one in ended:
            if self._records(one):
                place = replace(self._place(task), documents=texts(found))
                begun = Intent(call=one.block["id"], tool=one.block["name"])
                result = await self._result(place, one.block, frozenset(), begun)
                [one] = self._ended(task, [(one.block, result)])
            found.append(one)
            task = after(task, found[-1:])
        return found

    def unrecorded(self, ended: Sequence[Ended], reason: str) -> list[Ended]:
        """The calls with nothing recorded, for the reason given; what they did to the workspace stays."""
        return [one.failed(reason) if self._records(one) else one for one in ended]

    def _records(self, one: Ended) -> bool:
        """True when the call's whole effect is what it says of the task."""
        tool = self._tools.get(one.block["name"])
        acts = tool is not None and (tool.effectful or tool.waits)
        return bool(one.result.documents or (one.result.events and not acts))

    async def _each(
        self, task: Task, blocks: Sequence[Json], malformed: frozenset[str], begun: Mapping[str, Intent]
    ) -> list[Ended]:
        ended: list[Ended] = []
        for waiting, group in groupby(blocks, self._waits):
            for some in [list(group)] if waiting else [[block] for block in group]:
                if task.ended == "cancelled" or (ended and self._acts(some[0]) and await self._cancelled(task)):
                    more = self.not_run(task, some, "cancelled")
                else:
                    place = replace(self._place(task), documents=texts(ended))
                    more = await self._together(place, some, malformed, begun)
                ended += more
                task = after(task, more)
        return ended

    async def _together(
        self, place: Workplace, blocks: Sequence[Json], malformed: frozenset[str], begun: Mapping[str, Intent]
    ) -> list[Ended]:
        """Calls side by side, on the same state; they end in their order. What ends the work waits for all of them."""
        for block in blocks:
            self._begun(place.task, self._mask.json(block))
        results = (self._result(place, block, malformed, begun.get(block["id"])) for block in blocks)
        if len(blocks) == 1:
            return self._ended(place.task, [(blocks[0], await next(results))])
        running = [asyncio.ensure_future(result) for result in results]
        await asyncio.gather(*running, return_exceptions=True)
        return self._ended(place.task, [(block, one.result()) for block, one in zip(blocks, running, strict=True)])

    def _waits(self, block: Json) -> bool:
        return block["name"] in self._tools and self._tools[block["name"]].waits

    def _ended(self, task: Task, found: Iterable[tuple[Json, ToolResult]]) -> list[Ended]:
        """Calls with their receipts."""
        ended: list[Ended] = []
        for block, result in found:
            ended.append(Ended(self._mask.json(block), result, _receipt(task, block, result)))
            task = after(task, ended[-1:])
        return ended

    def _acts(self, block: Json) -> bool:
        return block["name"] in self._tools and self._tools[block["name"]].effectful

    def not_run(self, task: Task, blocks: Sequence[Json], why: str) -> list[Ended]:
        """Calls that are not run; `why`: the prompt that says so."""
        return self._ended(task, [(block, ToolResult(prompts.render(why), "refused")) for block in blocks])

    async def _result(
        self, place: Workplace, block: Json, malformed: frozenset[str], begun: Intent | None
    ) -> ToolResult:
        try:
            tool, given = self._read(block, malformed)
            if tool.effectful and triggers.exhausted(place.task):
                result = ToolResult(text=prompts.render("sync-refused"), outcome="refused")
            elif begun is not None:
                result = await tool.settle(begun, given, place)
            else:
                result = await tool.run(block["id"], given, place)
        except (ToolError, Refused) as error:
            result = ToolResult(text=str(error), outcome="error")
        except (ModelError, Stopped):  # nothing the agent could mend: its work ends, and the call has no result yet
            raise
        except Exception as error:  # a fault of ours must not end the agent's work: it is told, and the receipt says so
            result = ToolResult(text=f"{block['name']} failed inside: {type(error).__name__}: {error}", outcome="error")
        result = self._masked(result)
        if result.command:
            result = replace(result, files=await self._own(place.task, result))
        return result

    def _masked(self, result: ToolResult) -> ToolResult:
        """The result without secrets: those that a call shows, and those that the model said itself."""
        return replace(
            result,
            text=self._mask.text(result.text),
            events=tuple(type(event).model_validate(self._mask.json(event.model_dump())) for event in result.events),
            documents={kind: self._mask.text(words) for kind, words in result.documents.items()},
            command=result.command and self._mask.text(result.command),
        )

    async def _own(self, task: Task, result: ToolResult) -> tuple[FileChange, ...]:
        """The changes seen around a command, but for what other tasks wrote meanwhile."""
        if not result.files:
            return ()
        claimed = await self._claims(task)
        return tuple(change for change in result.files if (change.path, change.after) not in claimed)

    def _read(self, block: Json, malformed: frozenset[str]) -> tuple[Tool, ToolInput]:
        if block["name"] not in self._tools:
            raise ToolError(f"<tool_use_error>Error: No such tool available: {block['name']}</tool_use_error>")
        if block["id"] in malformed:
            raise ToolError(prompts.render("malformed"))
        tool = self._tools[block["name"]]
        return tool, accept(tool, block["input"])


def after(task: Task, ended: Sequence[Ended]) -> Task:
    """The task as it will be once these calls are recorded."""
    for one in ended:
        task = apply_all(task, one.events, actor="worker", at=task.updated_at)
    return task


def texts(ended: Sequence[Ended]) -> dict[Kind, str]:
    """The documents the calls wrote, to be read as edits; the last one wins."""
    return {kind: words for one in ended for kind, words in one.result.documents.items()}


def _receipt(task: Task, block: Json, result: ToolResult) -> Receipt:
    return Receipt(
        id=task.fresh_id("R"),
        call=block["id"],
        tool=block["name"],
        outcome=result.outcome,
        command=result.command,
        exit_code=result.exit_code,
        files=result.files,
        output=result.output,
    )
