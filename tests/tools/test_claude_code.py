"""The texts agents know: calls recorded from Claude Code, replayed in order, where the recording is present."""

import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import ToolError
from orchestrator.tools import catalog

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
RECORDED = CORPUS / "claude-code" / "tools.json"
OURS = {"yes | head -c 60000"}  # we show more of a long output, and name what is kept by its digest


@pytest.mark.skipif(not RECORDED.exists(), reason=f"no recording at {RECORDED}")
def test_recorded_calls_get_the_recorded_texts(agent):
    project = str(agent.workspace)
    calls = json.loads(RECORDED.read_text())
    contents = {call["input"].get("file_path"): call["structured"] for call in calls if call["tool"] == "Read"}
    (agent.workspace / "sub").mkdir()
    (agent.workspace / "sub" / "b.js").write_text("alpha two\nbeta\n")
    (agent.workspace / "bin.dat").write_bytes(bytes(range(256)))
    for name in ("empty.txt", "long.txt", "wide.txt"):
        (agent.workspace / name).write_text(contents[f"/project/{name}"]["file"]["content"])
    (agent.workspace / "a.txt").write_text(calls[0]["structured"]["file"]["content"])
    for call in calls:
        if call["tool"] not in catalog() or call["input"].get("command") in OURS:
            continue
        given = json.loads(json.dumps(call["input"]).replace("/project", project))
        try:
            result = agent.call(call["tool"], **given)
            text, failed = result.text, result.outcome != "ok"
        except ToolError as error:
            text, failed = str(error), True
        assert (text.replace(project, "/project"), failed) == (call["content"], bool(call["is_error"])), given
