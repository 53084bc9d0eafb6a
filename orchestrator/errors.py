"""Every error this package raises.

OrchestratorError                 has `exit_code`; its message says what to do next
|-- UsageError                    what was asked for cannot be (exit 2)
|   |-- UnknownTask               no task of that id here
|   |-- UnknownAgent              no definition of that name; says near matches
|   |-- MalformedKey              a key that no request can carry
|   |-- BadSettings               a settings file or variable that cannot be obeyed
|   `-- BadDefinition             an agent file that cannot be read
|-- StorageError                  the disk or the folder says no
|   |-- Damaged                   a journal with a bad line before a whole one: read-only
|   |   |-- Empty                 a journal without a whole line
|   |   `-- Newer                 a whole line that a newer orchestrator wrote: read-only for this one
|   |-- Unsynced                  a sync failed: the commit may not be durable
|   `-- UnsupportedFileSystem     a network file system, not allowed
|-- WorktreeError                 git would not do what a worktree needs
|-- Refused                       an event the task's state does not allow
|-- Conflict                      somebody else committed first, or took the task over
|   |-- Busy                      another worker has the lease
|   `-- Fenced                    this worker's epoch is over
|-- ModelError                    the model did not answer; knows whether a retry may help
|   |-- BadKey                    401 or 403
|   |-- BadRequest                the API refused what we sent
|   |   `-- TooLong               it does not fit the model's context window
|   |-- RateLimited               429; knows `retry_after`
|   |-- Overloaded                500, 503, 529
|   |-- Unreachable               no connection
|   `-- BrokenStream              cut, dropped, stalled or garbled
|-- Stopped                       a run that ended before it was done
|   |-- LimitReached              turns, tokens, time or money (exit 4)
|   |-- TaskIsBlocked             the agent cannot go on (exit 3)
|   |   `-- Unanswered            a question that nobody could be asked: `answer` (exit 3)
|   `-- Interrupted               Ctrl-C: resumable (exit 130)
|-- TaskIsCancelled               a person wants it no more: it is archived (exit 5)
|-- ScreenplayError               a screenplay that cannot be read, or that was not played as written
`-- ToolError                     for the model, never for the person
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from orchestrator.usage import Limits


class OrchestratorError(Exception):
    """The root. `str(error)` is one line for a person."""

    exit_code = 1


class UsageError(OrchestratorError):
    exit_code = 2


class MalformedKey(UsageError):
    pass


class UnknownTask(UsageError):
    def __init__(self, task_id: str, folder: str) -> None:
        self.task_id = task_id
        self.folder = folder
        super().__init__(f"no task {task_id} in {folder}: `orchestrator status` lists the tasks there are")


class UnknownAgent(UsageError):
    """`known`: the names there are."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        import difflib

        self.name = name
        known = sorted(known)
        near = difflib.get_close_matches(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known) or 'none'}."
        super().__init__(f"no agent named {name!r}: {hint} A person can define it, in .claude/agents/{name}.md")


class BadDefinition(UsageError):
    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: not an agent definition: {reason}")


class BadSettings(UsageError):
    """`where`: the file, and the key where it is one key's fault; or the variable."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(f"{where}: {reason}")


class StorageError(OrchestratorError):
    pass


class Damaged(StorageError):
    says = "damaged ({reason}); task {task_id} is read-only until this line is mended from a backup"
    otherwise = "; without one, `orchestrator fork {task_id} --at r{before}` goes on from before it"
    """What there is beside that, where a line before it is whole."""

    def __init__(self, task_id: str, path: str, line: int, reason: str) -> None:
        self.task_id = task_id
        self.path = path
        self.line = line
        self.reason = reason
        said = self.says + (self.otherwise if line > 1 else "")
        self.said = said.format(reason=reason, task_id=task_id, before=line - 1)
        super().__init__(f"{path}:{line}: {self.said}")


class Newer(Damaged):
    says = "written by a newer orchestrator ({reason}); task {task_id} is read-only until you update yours"
    otherwise = ""


class Empty(Damaged):
    says = (
        "damaged ({reason}); bring it back from a backup, or take it away: "
        "then `orchestrator adopt` takes the documents of {task_id} over, from revision 1"
    )

    def __init__(self, task_id: str, path: str) -> None:
        super().__init__(task_id, path, 1, "no whole line")


class Unsynced(StorageError):
    """`in_doubt`: what was not made durable could not be taken back either, and may turn out to be committed."""

    def __init__(self, path: str, reason: str, *, in_doubt: bool = False) -> None:
        self.path = path
        self.reason = reason
        self.in_doubt = in_doubt
        outcome = "whether the last commit was made is in doubt" if in_doubt else "this change was not committed"
        super().__init__(f"{path}: could not be made durable ({reason}); {outcome}: free the disk and resume")


class UnsupportedFileSystem(StorageError):
    def __init__(self, path: str, kind: str) -> None:
        self.path = path
        self.kind = kind
        super().__init__(
            f"{path} is on {kind}, where locks cannot be trusted: use a local folder, "
            "or set ORCHESTRATOR_ALLOW_NETWORK_FS=1 if only one machine uses it"
        )


class WorktreeError(OrchestratorError):
    def __init__(self, command: str, place: object, reason: str) -> None:
        self.reason = reason
        super().__init__(f"git {command} in {place}: {reason}")


class Refused(OrchestratorError):
    """`apply` does not allow the event. Nothing was recorded."""

    def __init__(self, event: str, reason: str) -> None:
        self.event = event
        self.reason = reason
        super().__init__(f"{event} refused: {reason}")


class Conflict(OrchestratorError):
    pass


ORPHAN = "a command that outlived its worker"
"""Who has a task, where it is no worker: `wait` waits for none."""


class Busy(Conflict):
    def __init__(self, task_id: str, holder: str) -> None:
        self.task_id = task_id
        self.holder = holder
        waits = "" if holder == ORPHAN else f"`orchestrator wait {task_id}` waits for it, "
        super().__init__(f"task {task_id} is being worked on by {holder}: {waits}`orchestrator stop {task_id}` ends it")


class Fenced(Conflict):
    def __init__(self, task_id: str, mine: int, current: int) -> None:
        self.task_id = task_id
        self.mine = mine
        self.current = current
        super().__init__(f"task {task_id} was taken over (epoch {current}, mine is {mine}): this worker stops")


class ModelError(OrchestratorError):
    retryable = False
    charged = False
    """True when the server may have counted tokens for the request."""
    crowded = False
    """True when the server has too much to do: it is to be left alone for a while, by everybody."""
    retry_after: float | None = None
    """Seconds for which it asked, where it did."""


class BadKey(ModelError):
    pass


class BadRequest(ModelError):
    pass


class TooLong(BadRequest):
    pass


class RateLimited(ModelError):
    retryable = True
    crowded = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Overloaded(ModelError):
    retryable = True

    def __init__(self, message: str, retry_after: float | None = None, crowded: bool = False) -> None:
        self.retry_after = retry_after
        self.crowded = crowded
        super().__init__(message)


class Unreachable(ModelError):
    retryable = True
    charged = True


class BrokenStream(ModelError):
    retryable = True
    charged = True


class Stopped(OrchestratorError):
    pass


class LimitReached(Stopped):
    """`task`: the id of the one whose limit it was: the stopped task, or one above it; `needed` as in TaskStopped."""

    exit_code = 4

    def __init__(self, message: str, task: str, reason: str, needed: Limits | None) -> None:
        self.task = task
        self.reason = reason
        self.needed = needed
        super().__init__(message)


class TaskIsBlocked(Stopped):
    exit_code = 3


class Unanswered(TaskIsBlocked):
    """`task`: the id of the one that asks."""

    def __init__(self, task: str, question: str) -> None:
        self.task = task
        self.question = question
        super().__init__(f"task {task} asks: {question}")


class Interrupted(Stopped):
    exit_code = 130


class TaskIsCancelled(OrchestratorError):
    exit_code = 5


class ScreenplayError(OrchestratorError):
    pass


class ToolError(OrchestratorError):
    """What a tool call did wrong, in words for the model."""
