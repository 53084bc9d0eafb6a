"""What macOS has in place of Linux's calls, against a stand-in of its C library: no test here has run on macOS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SESSION = "1B2C3D4E-0000-4000-8000-123456789ABC"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the stand-in is written for Linux"),
    pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler"),
]


def test_a_task_lives_by_the_calls_that_macos_documents(tmp_path: Path) -> None:
    library, log = tmp_path / "standin.so", tmp_path / "log"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, HERE / "standin.c"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "STANDIN_LOG": str(log)}
    command = [sys.executable, HERE / "session.py", tmp_path / ".temp"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "syncs of a commit: 1",
        "phase: two, by hand",
        "edited: True",
        "archived: True",
        f"boot: {SESSION} 1790000000.5",
        f"mark: {SESSION}",
    ]
    called = set(log.read_text().split())
    assert called == {"F_FULLFSYNC", "RENAME_SWAP", "RENAME_EXCL", "kern.bootsessionuuid", "kern.boottime"}
