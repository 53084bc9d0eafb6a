"""The loop: ask the model, commit its message, run its tools, commit their results; until the engine says done.

Two commits a turn. The first makes an interrupted call visible afterwards; the second joins a tool's result with its
effect on the documents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from orchestrator import process, prompts, triggers
from orchestrator.completion import missing
from orchestrator.definitions import GIVING, Agent
from orchestrator.documents import KINDS
from orchestrator.engine import Engine, Lease, Refreshed
from orchestrator.errors import (
    LimitReached,
    ModelError,
    Refused,
    TooLong,
    Unanswered,
)
from orchestrator.events import (
    Commit,
    Event,
    FinishRefused,
    Json,
    Kind,
    MessageAdded,
    ModelReplied,
    SilenceNoticed,
    StuckNoticed,
    SyncAsked,
    TaskCancelled,
    Told,
)
from orchestrator.masking import Mask
from orchestrator.models import Model, Reply, Request
from orchestrator.task import Message, Task
from orchestrator.tools import catalog, describe
from orchestrator.tools.tool import Delegation, Workplace
from orchestrator.worker import listing, notices, others, pulse, stuck
from orchestrator.worker.calls import Calls, Ended, after, texts
from orchestrator.worker.ends import Ends
from orchestrator.worker.ledger import Ledger, Silent
from orchestrator.worker.limits import Exhausted
from orchestrator.worker.moment import Moment
from orchestrator.worker.others import Look
from orchestrator.worker.setting import Setting
from orchestrator.worker.window import Window

MAX_TOKENS = 16_000
"""What one reply may hold."""
CUT = ("max_tokens", "model_context_window_exceeded")
"""Why a reply may end in the middle: none of its calls is run."""
ATTEMPTS = 5
"""So often the model is told what is missing; then the task is blocked."""

Result = TypeVar("Result")


class Worker:
    """One agent at work on one task, until it is archived or stopped. Everything it needs is given to it."""

    def __init__(
        self, engine: Engine, agent: Agent, model: Model, task_id: str, setting: Setting, delegation: Delegation
    ) -> None:
        self._engine = engine
        self._delegation = delegation
        self._agent = agent
        self._model = model
        self._id = task_id
        self._setting = setting
        self._report = setting.report
        self._mask = Mask.from_environment(setting.environment)
        self._environment = self._mask.environment(setting.environment)
        offered = agent.offers(tuple(catalog()))
        self._tools = {name: tool for name, tool in catalog().items() if name in offered}
        self._described = tuple(describe(tool) for tool in self._tools.values())
        self._calls = Calls(self._tools, self._place, self._mask, self._claims, self._cancelled, self._begun)
        self._ledger = Ledger(engine, model, self._commit, setting.silence)
        self._ends = Ends(task_id, self._commit, self._report)
        self._window = Window(model, self._ledger, self._request, setting.names.full)
        self._refusals = 0
        self._silent = False
        self._lease: Lease | None = None

    async def run(self) -> Task:
        """Work until the task is archived.

        Raises LimitReached, TaskIsBlocked or, when the model does not answer, a ModelError, recorded, when it is not;
        Busy when somebody else works on it. Whatever ends it, the task can be resumed; but for TaskIsCancelled,
        which a person has: then it is archived.
        """
        stopped = (await _thread(lambda: self._engine.refresh(self._id))).task
        self._refusals = stopped.finish_refusals
        doing = await _thread(lambda: pulse.doing(self._engine, stopped, self._tools))
        self._lease = await _thread(lambda: self._engine.lease(self._id, doing))
        beating = asyncio.create_task(pulse.beat(self._lease))
        try:
            async with pulse.heeded(self._engine, self._id, stopped.revision):
                await pulse.pause(self._engine, stopped, self._report)
                task = await self._go_ahead(await self._begin(stopped.reason))
                while task.open:
                    task = await self._go_ahead(await self._next(task))
        except Exhausted as exhausted:
            await self._ends.stop(str(exhausted), exhausted.task, exhausted.needed)
        except (LimitReached, Unanswered) as stopped_by:  # this task, or one that it waits for
            if (await _thread(lambda: self._engine.refresh(self._id))).task.status == "in-progress":
                await self._ends.park(stopped_by)
            raise
        except pulse.Heeded:
            raise self._ends.stopped((await _thread(lambda: self._engine.refresh(self._id))).task) from None
        except (ModelError, Refused) as error:
            task = (await _thread(lambda: self._engine.refresh(self._id))).task
            if task.ended != "cancelled":  # else it does not matter any more
                if isinstance(error, ModelError) and task.status == "in-progress":
                    await self._ends.fail(self._mask.text(str(error)))
                raise
        finally:
            beating.cancel()
            try:
                await self._ledger.close(self._id)
            finally:
                self._lease.release()
        task = await _thread(lambda: self._engine.archive(self._id))
        if task.ended == "cancelled":
            raise self._ends.cancelled(task)
        self._report(Moment(task, "done"))
        return task

    async def _cancelled(self, task: Task) -> bool:
        """True when a person has cancelled the task since that state."""
        commits = await _thread(lambda: self._engine.since(self._id, task.revision))
        return any(isinstance(event, TaskCancelled) for commit in commits for event in commit.events)

    async def _begin(self, reason: str | None) -> Task:
        """Bring the conversation to where the model is to speak. `reason`: why the task had stopped, when it had."""
        task = await self._ledger.begin((await _thread(lambda: self._engine.refresh(self._id))).task)
        self._report(Moment(task, "resumed" if task.epoch > 1 else "started"))
        if not task.transcript:
            refreshed, commits, seen = await self._look(task.heard)
            task = refreshed.task
            stands = notices.renewed(task) if task.forked else notices.begin()
            content = [await self._brief(task), stands, *notices.messages(task, commits)]
            return await self._commit(self._message(content, task, self._told(seen, task)))
        last = task.transcript[-1]
        commits = await _thread(lambda: self._engine.since(self._id, task.heard))
        if last.role == "user":
            return await self._hear(task)
        blocks = [block for block in last.content if block["type"] == "tool_use"]
        if (why := _last_reply(commits).stop_reason) in CUT:
            return await self._cut_short(task, blocks, why)
        if not blocks:
            reason = reason or prompts.lines("absent")["reason"]
            return await self._answer(task, [], [notices.text(prompts.render("continue", reason=reason))])
        ended = await self._calls.settle(task, blocks)
        return await self._answer(task, ended, [notices.interrupted((one.block, one.result) for one in ended)])

    async def _hear(self, task: Task) -> Task:
        """Tell the model, before it speaks, what others did since it was told last."""
        refreshed, commits, seen = await self._look(task.heard)
        told = [*notices.news(refreshed.task, commits), *notices.elsewhere(seen)]
        owed = seen.moved and refreshed.task.asked_receipts is None
        return await self._answer(refreshed.task, [], []) if told or owed else refreshed.task

    async def _go_ahead(self, task: Task) -> Task:
        """The task, once no person wants it to wait; raises Interrupted when one has stopped it."""
        if task.status == "stopped":
            raise self._ends.stopped(task)
        after = await pulse.pause(self._engine, task, self._report)
        return await self._hear(after) if after is not task and after.open else after

    async def _next(self, task: Task) -> Task:
        """A turn; or, when nothing happened for too long, the model is to be told, once."""
        try:
            return await self._turn(task)
        except Silent as silent:
            task, told = (await _thread(lambda: self._engine.refresh(self._id))).task, self._silent
            if told or task.transcript[-1].role == "assistant":
                since = "again, though the agent was told" if told else f"for {self._setting.silence:g} s"
                await self._ends.block(f"nothing happened {since}: {silent}")
            self._silent = True
            task = await self._commit(SilenceNoticed(reason=str(silent)))
            return await self._answer(task, [], [notices.silence(self._setting.silence, str(silent))])

    async def _turn(self, task: Task) -> Task:
        """One reply of the model and everything that follows from it."""
        if await self._window.is_full(task):
            task = await self._renew(task, task.transcript)
        self._report(Moment(task, "asking"))
        request = self._request(task)
        try:
            reply = await self._ledger.ask(task, request, lambda text: self._report(Moment(task, "writing", text)))
        except TooLong as error:
            return await self._overflow(task, task.transcript[:-2], str(error))
        blocks = [block for block in reply.content if block["type"] == "tool_use"]
        task = await self._record(task, reply, blocks)
        if reply.stop_reason in CUT:
            return await self._cut_short(task, blocks, reply.stop_reason)
        if not blocks:
            return await self._remind(task, reply)
        return await self._answer(task, await self._calls.run(task, blocks, reply.malformed), [])

    async def _cut_short(self, task: Task, blocks: Sequence[Json], reason: str) -> Task:
        """A message that reached the output limit, or the end of the window: none of its calls is run."""
        if reason == "model_context_window_exceeded":
            return await self._overflow(task, task.transcript[:-1], "the reply reached the end of the model's window")
        return await self._answer(
            task, self._calls.not_run(task, blocks, "cut-short"), [notices.text(prompts.render("cut-short"))]
        )

    async def _record(self, task: Task, reply: Reply, blocks: Sequence[Json]) -> Task:
        """The model's message, durable before any tool runs."""
        runs = [] if reply.stop_reason in CUT else blocks
        intents = await _thread(lambda: self._calls.intents(task, runs, reply.malformed))
        content = tuple(self._mask.json(list(reply.content))) or (notices.text(prompts.lines("absent")["reply"]),)
        replied = ModelReplied(
            content=content,
            stop_reason=reply.stop_reason,
            model=reply.model,
            usage=reply.usage,
            cost=reply.cost,
            intents=intents,
        )
        self._report(Moment(task, "recording"))
        task = await self._commit(replied)
        for block in content:
            if block["type"] == "text":
                self._report(Moment(task, "said", block["text"]))
        return task

    def _begun(self, task: Task, block: Json) -> None:
        self._report(Moment(task, "call", call=block))

    async def _overflow(self, task: Task, summed_up: Sequence[Message], reason: str) -> Task:
        """Begin the conversation anew after it outgrew the window, unless that has not helped."""
        if not self._window.overflowed(task):
            await self._ends.block(f"the conversation does not fit, even begun anew: {reason}")
        return await self._renew(task, summed_up)

    async def _renew(self, task: Task, summed_up: Sequence[Message]) -> Task:
        """Begin the conversation anew: a summary where the server makes one, the brief, and how the task stands."""
        self._report(Moment(task, "renewing"))
        renewed = await self._window.summary(task, summed_up)
        refreshed, commits, seen = await self._look(task.heard)
        task = refreshed.task
        owed = [notices.sync_due(task.asked_triggers)] if task.asked_triggers else []
        news = [*notices.news(task, commits), *notices.elsewhere(seen)]
        content = [await self._brief(task), notices.renewed(task), *news, *owed]
        task = await self._commit(renewed, self._message(content, task, self._told(seen, task)))
        self._report(Moment(task, "renewed", "with a summary" if renewed.summary else "without a summary"))
        return task

    async def _answer(self, task: Task, ended: Sequence[Ended], more: Sequence[Json]) -> Task:
        """Commit the results of calls with their effect, and tell the model what others did and what it owes."""
        self._report(Moment(task, "recording"))
        refreshed, commits, seen = await self._look(task.heard)
        commanded = any(one.receipt.command is not None for one in ended)
        told = notices.news(refreshed.task, commits, refreshed.restored if commanded else ())
        told += notices.elsewhere(seen)
        try:
            task = await self._commit_answer(refreshed.task, ended, [*more, *told], seen)
        except Refused:  # somebody changed the task meanwhile
            ended = await self._calls.again(refreshed.task, ended)
            try:
                task = await self._commit_answer(refreshed.task, ended, [*more, *told], seen)
            except Refused as error:
                ended = self._calls.unrecorded(ended, str(error))
                task = await self._commit_answer(refreshed.task, ended, [*more, *told], seen)
        self._forget_commands()
        for block in told:
            self._report(Moment(task, "told", block["text"]))
        for one in ended:
            self._report(Moment(task, "ended", ended=one))
        if task.open and self._attempts_left(task) <= 0:
            lacks = "; ".join(missing(task)) or "its result was refused"
            await self._ends.block(f"the agent could not finish: {lacks}")
        if task.unmerged is not None and task.open:
            await self._ends.block(task.unmerged.reason)
        if refreshed.task.stuck is not None and (circles := stuck.noticed(refreshed.task, ended)):
            await self._ends.block(f"the agent goes round in circles, though it was told: {circles}")
        return task

    async def _look(self, heard: int) -> tuple[Refreshed, tuple[Commit, ...], Look]:
        """The task as people and commands have left it, the commits after that revision, and what others did."""

        def look() -> tuple[Refreshed, tuple[Commit, ...], Look]:
            refreshed = self._engine.refresh(self._id)
            return refreshed, self._engine.since(self._id, heard), others.look(self._engine, refreshed.task)

        return await _thread(look)

    def _forget_commands(self) -> None:
        """Of calls whose results are durable now, nothing is needed any more."""
        commands = self._engine.folder.commands(self._id)
        for folder in commands.glob("*/"):
            process.forget(commands, folder.name)

    async def _commit_answer(self, task: Task, ended: Sequence[Ended], more: Sequence[Json], seen: Look) -> Task:
        then = after(task, ended)
        events: list[Event] = [event for one in ended for event in one.events]
        events += others.observed(self._engine.folder.temp, then)
        content = [one.content for one in ended] + list(more)
        owed, asked = triggers.due(then, dependency_moved=seen.moved), then.asked_triggers
        if owed and then.open and then.asked_receipts is None:
            events.append(SyncAsked(triggers=owed))
            content.append(notices.sync_due(owed))
            asked = owed
        if then.stuck is None and (circles := stuck.noticed(task, ended)):
            events.append(StuckNoticed(reason=circles))
            content.append(notices.stuck(circles))
        told = self._told(seen, then, moves="dependency-moved" in asked)
        events.append(self._message(content, task, told))
        return await self._commit(*events, documents=texts(ended))

    def _message(self, content: Sequence[Json], task: Task, told: tuple[Told, ...]) -> MessageAdded:
        """What is said to the model, secrets masked; with it, all that happened up to this state is told."""
        return MessageAdded(content=tuple(self._mask.json(content)), heard=task.revision, told=told)

    def _told(self, seen: Look, task: Task, *, moves: bool = False) -> tuple[Told, ...]:
        return others.told(self._engine.folder.temp, seen, task, moves=moves)

    def _attempts_left(self, task: Task) -> int:
        """What was refused to earlier workers does not count: a person has looked at it since."""
        return ATTEMPTS - (task.finish_refusals - self._refusals)

    async def _remind(self, task: Task, reply: Reply) -> Task:
        """The model ended its turn without a call: tell it what is missing, a bounded number of times."""
        if reply.stop_reason == "refusal":
            await self._ends.block("the model refused to go on")
        if blockers := [row.text for row in task.blockers if row.resolution is None]:
            await self._ends.block("; ".join(blockers))
        lacking = missing(task) or (prompts.lines("absent")["finish"],)
        task = await self._commit(FinishRefused(missing=lacking))
        return await self._answer(task, [], [notices.unfinished(lacking, self._attempts_left(task))])

    async def _commit(self, *events: Event, documents: Mapping[Kind, str] | None = None) -> Task:
        assert self._lease is not None
        epoch = self._lease.epoch
        return await _thread(
            lambda: self._engine.commit(self._id, events, actor="worker", epoch=epoch, texts=documents)
        )

    def _request(self, task: Task) -> Request:
        standard = prompts.render("_standard-orchestration")
        system = tuple(notices.text(words) for words in (self._agent.body.strip(), standard) if words)
        return Request(
            model=self._setting.names.full(task.model),
            system=system,
            tools=self._described,
            messages=task.transcript,
            max_tokens=MAX_TOKENS,
        )

    async def _brief(self, task: Task) -> Json:
        gives = not {*GIVING}.isdisjoint(self._tools)
        agents = self._delegation.agents() if gives else {}
        tasks = await _thread(lambda: listing.listed(self._engine, task))
        return notices.brief(task, self._setting.workspace, self._engine.folder.temp, tasks, agents)

    def _place(self, task: Task) -> Workplace:
        folder = self._engine.folder
        return Workplace(
            workspace=self._setting.workspace,
            temp=folder.temp,
            task=task,
            commands=folder.commands(self._id),
            environment=self._environment,
            permit=partial(self._setting.permit, task),
            kinds=KINDS,
            contents=folder.contents,
            delegation=self._delegation,
            deadline=self._ledger.deadline,
            worktree=self._setting.worktree,
            tasks=partial(listing.tasks, self._engine, task),
            keep=lambda data: folder.outputs.keep(self._mask.text(data.decode("utf-8", "replace")).encode()),
        )

    async def _claims(self, task: Task) -> frozenset[tuple[str, str | None]]:
        return await _thread(lambda: others.claims(self._engine, task))


def _last_reply(commits: Sequence[Commit]) -> ModelReplied:
    replies = (event for commit in reversed(commits) for event in commit.events if isinstance(event, ModelReplied))
    return next(replies)


async def _thread(work: Callable[[], Result]) -> Result:
    """Engine calls block on locks and the disk: never on the event loop."""
    return await asyncio.to_thread(work)
