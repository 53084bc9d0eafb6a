"""The demo stopped while each of its commands runs, and at other moments, and resumed: it always comes to its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from orchestrator import demo, overview

COMMANDS = 5
PROGRAM = """\
#!{python} -IS
import os, signal, sys
runs = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(runs, b".")
demo, wrapper = int(os.environ["DEMO"]), os.getsid(0)
match os.fstat(runs).st_size % 3:
    case 1:
        os.kill(demo, signal.SIGINT)
        signal.pause()
    case 2:
        os.kill(demo, signal.SIGKILL)
        os.kill(wrapper, signal.SIGKILL)
        os.killpg(0, signal.SIGKILL)
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""
"""Stands in for a program that the commands call: every first run is ended by Ctrl-C, every second as by a power cut
(nobody is left to note how it ended), every third is the real thing.
"""

MOMENTS = ("Two models, no associations", "On to the tables")


def start(directory: Path, path: str) -> subprocess.Popen[str]:
    """The demo as a person runs it; its commands know its process id as DEMO."""
    return subprocess.Popen(
        [
            *("/bin/sh", "-c", 'export DEMO=$$; exec "$@"', "sh"),
            *(sys.executable, "-m", "orchestrator", "demo", "--keep", str(directory)),
        ],
        env={"PATH": path, "HOME": str(directory.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def assert_finished(directory: Path) -> None:
    rows = overview.read(directory / ".temp")
    assert {row.text("agentId"): (row.archived, row.text("status")) for row in rows} == dict.fromkeys(
        demo.TASKS, (True, "completed")
    )
    check = Path(demo.__file__).parent / "written" / "check.sh"
    checked = subprocess.run(["bash", check], cwd=directory, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_stopped_twice_while_each_command_runs_the_demo_is_finished_all_the_same(tmp_path: Path) -> None:
    programs, log = tmp_path / "bin", tmp_path / "runs"
    programs.mkdir()
    for name in ("node", "awk", "grep"):
        if real := shutil.which(name):
            program = programs / name
            program.write_text(PROGRAM.format(python=sys.executable, log=str(log), real=real))
            program.chmod(0o755)
    for _ in range(COMMANDS):
        for code in (130, -signal.SIGKILL):
            with start(tmp_path / "clinic", f"{programs}:{os.environ['PATH']}") as process:
                found, out = ended(process)
            assert found == code, out
    with start(tmp_path / "clinic", f"{programs}:{os.environ['PATH']}") as process:
        found, out = ended(process)
    assert found == 0, out
    assert log.stat().st_size == COMMANDS * 3
    assert_finished(tmp_path / "clinic")


def test_interrupted_at_other_moments_the_demo_is_finished_all_the_same(tmp_path: Path) -> None:
    for moment in MOMENTS:
        with start(tmp_path / "clinic", os.environ["PATH"]) as process:
            assert process.stdout
            assert any(moment in row for row in process.stdout), moment
            process.send_signal(signal.SIGINT)
            found, out = ended(process)
        assert found == 130, out
    with start(tmp_path / "clinic", os.environ["PATH"]) as process:
        found, out = ended(process)
    assert found == 0, out
    assert_finished(tmp_path / "clinic")
