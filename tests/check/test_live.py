"""Folders that somebody works in while they are checked."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from orchestrator.check import check
from orchestrator.engine import Engine
from orchestrator.events import DecisionRecorded, ItemAdded, ItemChecked, TaskCreated, WorkstreamAdded


def test_documents_that_are_replaced_one_after_the_other_are_no_contradiction(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    engine = Engine(temp)
    task = engine.create(TaskCreated(agent="clerk", description="Count")).id

    def work() -> None:
        for number in range(1, 31):
            item = ItemAdded(id=f"c{number}", text=f"Count {number}")
            decision = DecisionRecorded(id=f"D{number}", decision=f"{number} is counted")
            more = [WorkstreamAdded(id=f"w{number}", status="in-progress"), decision]
            engine.commit(task, [item, ItemChecked(id=item.id), *more], actor="user")

    worker = Thread(target=work)
    worker.start()
    found = []
    while worker.is_alive():
        found += check(temp).findings
    worker.join()
    engine.close()
    assert found == []
    assert check(temp).tasks[0].items == (30, 30)
