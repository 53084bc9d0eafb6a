"""The guide's example, taken from the guide."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.testing import Screenplay

GUIDE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_screenplay_in_the_guide_can_be_played(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / "greeting.yaml").write_text(found[1], encoding="utf-8")
    (tmp_path / "hello.txt").write_text("hello\n", encoding="utf-8")
    play = Screenplay.load(tmp_path / "greeting.yaml")
    opening = {"role": "user", "content": "Workspace: /w"}
    message = play.answer({"model": "m", "system": "You are the greeter.", "messages": [opening]}).message
    assert message["content"][2]["input"] == {"file_path": "/w/greeting.txt", "content": "hello\n"}
