"""Fifty agents of several processes that change the same ten files: no change is lost.

Each adds a line of its own to every file, in an order of its own: it reads the file, then half of them edit it, and the
others write all of it anew, as it was read and with that line. Who changes a file that is not as it was read is
refused, and reads again: who writes would take the lines of others away.
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
    if not agents.refused:
        broken.append(f"run {number}: nobody was refused, so that nothing is shown")
    claim = "agents change the same ten files, no change is lost"
    return [Result(claim, AGENTS * FILES, "changes", tuple(broken), note=f"{agents.refused:,} stale ones refused")]


class Agents:
    """What they say: what each has done stands in its conversation. Every second one that begins writes whole files."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._orders: dict[str, list[int]] = {}
        self._writers: set[str] = set()
        self.refused = 0

    def say(self, body: bytes, asked: Json) -> tuple[list[Json], dict[str, int]]:
        messages = asked["messages"]
        found = _TASK.search(str(messages[0]["content"][0]["text"]))
        assert found
        name = found[1]
        if name not in self._orders:
            if len(self._orders) % 2:
                self._writers.add(name)
            self._orders[name] = self._random.sample(range(FILES), FILES)
        answers = [_answer(messages, place) for place in range(1, len(messages), 2)]
        last = answers[-1] if answers else ""
        self.refused += "modified since read" in last
        done, usage = sum("has been updated" in answer for answer in answers), {"input_tokens": 1, "output_tokens": 1}
        if messages[-2:-1] and messages[-2]["content"][0].get("input", {}).get("raise_blockers"):
            return [], usage
        if done == FILES:
            return [{"name": "Sync", "input": {"raise_blockers": ["All lines are added"]}}], usage
        path = f"{self._orders[name][done]}.txt"
        sync = {"name": "Sync", "input": {"phase": f"{done} files, {len(messages)} messages"}}
        if not answers or messages[-2]["content"][-1]["name"] != "Read":
            return [sync, {"name": "Read", "input": {"file_path": path}}], usage
        if name in self._writers:
            lines = [line.partition("\t")[2] for line in last.splitlines()]
            write = {"file_path": path, "content": "\n".join([*lines[:-1], name, END])}
            return [sync, {"name": "Write", "input": write}], usage
        edit = {"file_path": path, "old_string": END, "new_string": f"{name}\n{END}"}
        return [sync, {"name": "Edit", "input": edit}], usage


def _answer(messages: list[Json], place: int) -> str:
    """What the last call of that message of the model was answered."""
    call = messages[place]["content"][-1]["id"]
    (block,) = (row for row in messages[place + 1]["content"] if row.get("tool_use_id") == call)
    return str(block["content"][0]["text"])
