"""Death and every error that fits, at every system call on a path under `.temp` of every command.

A death between two calls that change nothing leaves what the one before left: deaths, and errors that stay, are tried
at those that change something. Of the calls that only look, each error that fits is tried once at a place of the
program: by the same line, for the same callers. `--full` tries all these. Of the errors that strike the commands in
which an agent is at work, a sample is tried, in full a larger one. What a fault leaves is judged once where others
leave the same, but for times and digests.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path

from orchestrator.errors import OrchestratorError, ScreenplayError
from orchestrator.models import connect
from orchestrator.testing import Screenplay, ScriptedServer
from orchestrator.tools import catalog
from proof import trace
from proof.commands import COMMANDS, PLAY, Command
from proof.fault import Fault, lacking, preloaded
from proof.folder import MEMORY
from proof.project import Project
from proof.result import Part, Result
from proof.trial import Trial

SHARES = 2
"""The processes among which the calls of a command with an agent are dealt out."""
STRIDES = {"run": 199, "resume": 199, "continue": 199, "demo": 3999}
"""Of their errors every so many are tried, and of what plays for seconds of its deaths; in full ten times as many."""
EACH = "each that changes something"
SAMPLE, LARGER = f"a sample of looks and of {', '.join(STRIDES)}", f"of {', '.join(STRIDES)} a sample"
COMPARED = ("show", "archive", "undo")
"""The commands of which strace is asked too: all of what they do, they do themselves."""
KILLED = "SIGKILL at a call on a path under .temp"
LEAST = {KILLED: 1_000, "EIO at a call on a path under .temp": 2_500}
WHOLE = "calls that strace sees, and the library that breaks them"
REAL = 397
"""Every so many faults one strikes a process as a person starts it."""


def parts(full: bool) -> Iterator[Part]:
    if missing := lacking():
        yield partial(Result, "a fault at each system call of each command", 0, "faults", skipped=missing)
        return
    for command in reversed(COMMANDS):  # the long ones first
        shares = SHARES if command.works else 1
        for share in range(shares):
            yield partial(tried_elsewhere, command.name, share, shares, full)


def tried_elsewhere(name: str, share: int, shares: int, full: bool) -> list[Result]:
    """`tried` in a process with the library; the model is played in this one."""
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as place,
        suppress(ScreenplayError),  # for the turns that nobody came to
        ScriptedServer(Screenplay.parse(PLAY)) as server,
    ):
        command = [sys.executable, "-m", "proof.calls", *(name, str(share), str(shares), str(int(full)), place)]
        model = {"ANTHROPIC_API_KEY": "scripted", "ANTHROPIC_BASE_URL": server.url}
        kept = {"PATH": os.environ["PATH"], "HOME": place, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        kept["SSL_CERT_DIR"] = place  # no certificates, which take longer to read than the rest of a run
        environment = {**kept, **model, **preloaded(Path(place))}
        said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return [Result(**{**row, "violations": tuple(row["violations"])}) for row in json.loads(said.stdout)]


def tried(name: str, share: int, shares: int, full: bool, place: Path) -> list[Result]:
    """Every so many faults of a command, one result for each error."""
    command = next(command for command in COMMANDS if command.name == name)
    warm(command)
    gc.collect()
    gc.freeze()
    trial = Trial(command, Project(place / "tried"), full, -(-STRIDES.get(name, 1) // (10 if full else 1)))
    counts: Counter[str] = Counter()
    violations: dict[str, list[str]] = {}
    for number, fault in enumerate(islice(trial.faults(), share, None, shares)):
        what = claim(fault)
        counts[what] += 1
        try:
            trial.judge(fault, real=number % REAL == REAL - 1)
        except (AssertionError, OrchestratorError, OSError) as error:
            reason = " ".join(str(error).split())
            violations.setdefault(what, []).append(f"{name}: {fault} ({trial.struck}): {reason}")
    notes = {what: LARGER if full else EACH if what == KILLED else SAMPLE for what in counts}
    found = [
        Result(what, count, "calls", tuple(violations.get(what, ())), note=notes[what], least=LEAST.get(what, 0))
        for what, count in counts.items()
    ]
    return [*found, compared(trial)] if share == 0 and name in COMPARED else found


def warm(command: Command) -> None:
    """Imports what every child would import."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        project = Project(Path(place))
        project.workspace.mkdir()
        command.before(project)
        for module in project.imported(*command.words):
            with suppress(ImportError):
                import_module(module)
    if command.works:
        connect("messages")
        catalog()


def compared(trial: Trial) -> Result:
    """One run of the command as strace sees it and as the library does."""
    if missing := trace.lacking():
        return Result(WHOLE, 0, "calls", skipped=missing)
    seen, noted = trial.seen()
    names = [name for name in trace.NAMES if seen[name] != noted[name]]
    told = (f"{trial.name}: {name}: {seen[name]}, {noted[name]}" for name in names)
    return Result(WHOLE, seen.total(), "calls", tuple(told))


def claim(fault: Fault) -> str:
    if not fault.error:
        return KILLED
    return f"{fault.what} at a call on a path under .temp{', and from then on' * fault.lasting}"


if __name__ == "__main__":
    name, share, shares, full, place = sys.argv[1:]
    print(json.dumps([asdict(result) for result in tried(name, int(share), int(shares), full == "1", Path(place))]))
