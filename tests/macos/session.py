"""A task's whole life, in a process that takes itself for one on macOS: `python session.py TEMP`."""

import fcntl
import os
import sys
from pathlib import Path

from orchestrator import system
from orchestrator.engine import Engine
from orchestrator.events import PhaseChanged, TaskCancelled, TaskCreated

sys.platform = "darwin"  # only now: the standard library looks for files of its own by it
fcntl.F_FULLFSYNC = 51  # type: ignore[attr-defined]
for module, name in ((os, "fdatasync"), (fcntl, "F_OFD_SETLKW"), (fcntl, "F_SETLEASE")):
    delattr(module, name)  # macOS has none of them

LOG = Path(os.environ["STANDIN_LOG"])
temp = Path(sys.argv[1])

engine = Engine(temp)
task = engine.create(TaskCreated(agent="clerk", description="Write a note"))
engine.commit(task.id, [PhaseChanged(phase="one")], actor="user")
before = LOG.read_text().count("F_FULLFSYNC")
engine.commit(task.id, [PhaseChanged(phase="two")], actor="user")
print("syncs of a commit:", LOG.read_text().count("F_FULLFSYNC") - before)
plan = temp / f"plan-{task.id}.md"
plan.write_text(plan.read_text().replace("two", "two, by hand") + "A line by hand\n")
os.utime(plan, (1, 1))
engine.close()

engine = Engine(temp)
task = engine.refresh(task.id).task
print("phase:", task.phase)
print("edited:", "A line by hand" in plan.read_text())
engine.commit(task.id, [TaskCancelled(reason="over")], actor="user")
print("archived:", engine.archive(task.id).archived)
engine.close()
print("boot:", system.boot(), system.boot_time())
print("mark:", (temp / ".orchestrator" / "locks" / f"{task.id}.lock").read_text().split()[1])
