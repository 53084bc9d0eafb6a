"""What a worker shows a person while it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.events import Json
from orchestrator.task import Task
from orchestrator.worker.calls import Ended


@dataclass(frozen=True)
class Moment:
    """Something to show a person: what a worker is doing, or what is durable now. Holds no secrets, but for `writing`.

    `writing` comes with each piece of a reply's text, `call` with the block that is about to run, `ended` with how it
    ended.
    """

    task: Task
    kind: Literal[
        "started",
        "resumed",
        "asking",
        "writing",
        "recording",
        "said",
        "call",
        "ended",
        "told",
        "renewing",
        "renewed",
        "paused",
        "stopped",
        "done",
    ]
    text: str = ""
    call: Json | None = None
    ended: Ended | None = None
