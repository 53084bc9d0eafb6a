"""The guide's example, taken from the guide."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "testing.md"
FILE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_example_in_the_guide_passes_as_it_stands_there(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name, text in FILE.findall(GUIDE.read_text(encoding="utf-8")):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest"],
        cwd=project,
        env={"PATH": programs, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert " 1 passed" in ended.stdout
