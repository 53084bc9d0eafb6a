"""Fifty agents of several processes that change the same ten files: no change is lost.

Each adds a line of its own to every file, in an order of its own: it reads the file and edits what it has read. An edit
of a file that is not as it was read is refused, and the agent reads again.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

from orchestrator.engine import Engine
from orchestrator.events import Json, Limits, TaskCreated
from proof import kills, workers
from proof.model import answering
from proof.result import Part, Result

AGENTS, FILES, PROCESSES = 50, 10, 4
END = "the end"
_TASK = re.compile(r"^Task id: (\w{6})$", re.MULTILINE)


def parts(full: bool) -> Iterator[Part]:
    for number in range(10 if full else 1):
        yield partial(changed, number)


def changed(number: int) -> list[Result]:
    agents = Agents(Random(number))
    with tempfile.TemporaryDirectory() as place, answering(agents.say) as url:
        workspace = Path(place)
        workers.agent(workspace)
        for file in range(FILES):
            (workspace / f"{file}.txt").write_text(END)
        engine = Engine(workspace / ".temp")
        created = TaskCreated(
            agent=workers.NAME, description="Add your line", mode="lightweight", limits=Limits(turns=10_000)
        )
        ids = [engine.create(created).id for _ in range(AGENTS)]
        engine.close()
        shares = [ids[share::PROCESSES] for share in range(PROCESSES)]
        pids = [kills.forked(partial(workers.run, workspace, url, share)) for share in shares]
        failed = [pid for pid in pids if os.waitpid(pid, 0)[1] != 0]
        broken = [f"run {number}: a process failed" for _ in failed]
        for file in range(FILES):
            said = (workspace / f"{file}.txt").read_text().splitlines()
            lost = sorted({*ids, END} - {*said})
            if lost or len(said) != len(ids) + 1:
                broken.append(f"run {number}: {file}.txt has {len(said)} lines, without those of {lost}")
    claim = "agents change the same ten files, no change is lost"
    return [Result(claim, AGENTS * FILES, "changes", tuple(broken), note=f"{agents.refused:,} stale ones refused")]


class Agents:
    """What they say: what each has done stands in its conversation."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._orders: dict[str, list[int]] = {}
        self.refused = 0

    def say(self, body: bytes, asked: Json) -> tuple[list[Json], dict[str, int]]:
        messages = asked["messages"]
        found = _TASK.search(str(messages[0]["content"][0]["text"]))
        assert found
        order = self._orders.setdefault(found[1], self._random.sample(range(FILES), FILES))
        made = [self._went_well(messages[place + 1], message) for place, message in _edits(messages)]
        self.refused += bool(made) and _edits(messages)[-1][0] == len(messages) - 2 and not made[-1]
        done, usage = sum(made), {"input_tokens": 1, "output_tokens": 1}
        if messages[-2:-1] and messages[-2]["content"][0].get("input", {}).get("raise_blockers"):
            return [], usage
        if done == FILES:
            return [{"name": "Sync", "input": {"raise_blockers": ["All lines are added"]}}], usage
        path = f"{order[done]}.txt"
        sync = {"name": "Sync", "input": {"phase": f"{done} files, {len(messages)} messages"}}
        if len(messages) > 1 and messages[-2]["content"][-1]["name"] == "Read":
            edit = {"file_path": path, "old_string": END, "new_string": f"{found[1]}\n{END}"}
            return [sync, {"name": "Edit", "input": edit}], usage
        return [sync, {"name": "Read", "input": {"file_path": path}}], usage

    def _went_well(self, answer: Json, message: Json) -> bool:
        call = message["content"][-1]["id"]
        (block,) = (row for row in answer["content"] if row.get("tool_use_id") == call)
        return "has been updated" in str(block["content"])


def _edits(messages: list[Json]) -> list[tuple[int, Json]]:
    return [
        (place, message)
        for place, message in enumerate(messages)
        if message["role"] == "assistant" and message["content"][-1].get("name") == "Edit"
    ]
