"""What a tool call is about to do, and what it really did."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


UNREAD = "unread"
"""In the place of a digest: a large file that nobody read."""


class FileChange(Frozen):
    """A file a call touched: SHA-256 of its bytes before and after, None where there was none. Equal: it was read.

    UNREAD: there was a file, too large to be hashed. `shared`: it may be somebody else's change. A command of another
    task ran at the same time, so that it is in the receipts of both; or it came after the end of a command that
    outlived its worker, before that was looked at.
    """

    path: str = Field(
        description="relative to the workspace, with forward slashes; a byte that is not UTF-8 is U+FFFD and two "
        "hexadecimal digits"
    )
    before: str | None = None
    after: str | None = None
    shared: bool = False


class Receipt(Frozen):
    """What a tool call really did."""

    id: str = Field(description="R1, R2 …: how the model cites it")
    call: str = Field(description="the id of the tool_use block")
    tool: str
    outcome: Literal["ok", "error", "refused", "unknown"]
    command: str | None = None
    exit_code: int | None = None
    files: tuple[FileChange, ...] = ()
    output: str | None = Field(default=None, description="digest of the whole output under outputs/, when it was large")

    @property
    def effectful(self) -> bool:
        """True when the call changed a file or ran a command."""
        ran = self.command is not None and self.outcome != "refused"
        return ran or any(change.before != change.after for change in self.files)


class Delegated(Frozen):
    """A task that a call gives to another agent. `child`: its id, reserved before it exists.

    `verify`: shell commands that must pass before it is done, of a team that a person has written.
    """

    child: str
    agent: str
    description: str
    workstream: str
    after: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()


class Asked(Frozen):
    """A question that a call asks, of the task that gave this one away or of a person."""

    question: str
    to: Literal["parent", "person"]


class Intent(Frozen):
    """What a tool call is about to do: durable with the model's message, before anything runs."""

    call: str
    tool: str
    path: str | None = None
    before: str | None = None
    after: str | None = None
    command: str | None = None
    delegated: Delegated | None = None
    asked: Asked | None = None
