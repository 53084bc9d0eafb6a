"""The texts agents know: calls recorded from Claude Code, replayed in order, where the recording is present."""

import asyncio
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrator.events import DirectoryChanged
from orchestrator.masking import Mask
from orchestrator.tools import catalog
from orchestrator.worker.calls import Calls, after

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
RECORDED = [CORPUS / "claude-code" / name for name in ("tools.json", "search-tools.json")]
PATHS = "relative paths start at the workspace, also after `cd`, so that Read, Write and Edit take them as shown"
KEPT = sha256(b"y\n" * 30_000).hexdigest()
HALF = "y\n" * 7_500, "\ny" * 7_500
LONG = f"{HALF[0]}\n[29999 characters left out; the whole output is kept as {KEPT}]\n{HALF[1]}"
OURS = {
    23: ("of a long output we show 30,000 characters, and name the whole by its digest, not by a path", LONG),
    27: (PATHS, "sub/.hid/c.txt"),
    29: (PATHS, "sub/b.js"),
    31: (PATHS, "Found 1 file\nsub/.hid/c.txt"),
    32: (PATHS, "sub/.hid/c.txt:1:two"),
    33: (PATHS, "sub/.hid/c.txt:1\n\nFound 1 total occurrence across 1 file."),
}
"""The exceptions: the call's number, why we say something else, and what.

Of paths below `/workspace`, as definitions have them, the recordings say nothing: Read, Write, Edit, Glob and Grep take
them for the workspace's, and answer so; a command is the shell's, so Bash runs it as it is, and names the real path.
"""

pytestmark = [
    pytest.mark.skipif(not all(path.exists() for path in RECORDED), reason=f"no recording at {RECORDED[0].parent}"),
    pytest.mark.usefixtures("ripgrep"),
]


def test_all_52_recorded_calls_get_the_recorded_answers_but_for_the_exceptions(agent):
    first, second = (json.loads(path.read_text()) for path in RECORDED)
    assert (len(first), len(second)) == (41, 11)
    assert len(OURS) <= 8
    begin(agent.workspace, first)
    answers = [answer(agent, call) for call in first]
    begin_again(agent.workspace, second)
    agent.apply(DirectoryChanged(path="."))
    answers += [answer(agent, call) for call in second]
    for number, (call, (text, failed)) in enumerate(zip(first + second, answers, strict=True)):
        assert failed == bool(call["is_error"]), (number, call["input"], text)
        if number not in OURS:
            assert text == call["content"], (number, call["input"])
        else:
            _, said = OURS[number]
            assert text != call["content"], f"{number} is no exception any more"
            assert text == said, number


def answer(agent, call):
    """What the model gets of a call, as the worker runs it, and whether it is an error."""
    project = str(agent.workspace)
    block = {
        "id": f"toolu_{len(agent.task.receipts)}",
        "name": call["tool"],
        "input": json.loads(json.dumps(call["input"]).replace("/project", project)),
    }
    calls = Calls(catalog(), lambda task: agent.place, Mask({}), nobody, never, lambda task, block: None)
    ended = asyncio.run(calls.run(agent.task, [block]))
    agent.task = after(agent.task, ended)
    return ended[0].content["content"][0]["text"].replace(project, "/project"), ended[0].content["is_error"]


async def nobody(task):
    return frozenset()


async def never(task):
    return False


def begin(workspace, calls):
    """The files the first recording began with, as far as its calls see them."""
    reads = [call for call in calls if call["tool"] == "Read" and call["input"].keys() == {"file_path"}]
    contents = {call["input"]["file_path"]: call["structured"] for call in reads}
    for name in ("a.txt", "empty.txt", "long.txt", "wide.txt"):
        put(workspace / name, contents[f"/project/{name}"]["file"]["content"])
    put(workspace / "bin.dat", "\0binary")
    put(workspace / "sub" / "b.js", "alpha two\nbeta\n")
    put(workspace / "sub" / ".hid" / "c.txt", "two\n")
    put(workspace / "ignored.txt", "two\n")
    put(workspace / "node_modules" / "x" / "i.js", "two\n")
    put(workspace / ".gitignore", "ignored.txt\nnode_modules/\n")


def begin_again(workspace, calls):
    """The files of the second one: a repository, with two files as they were, in the order of their last change."""
    for name, text in (("a.txt", "one\ntwo\nthree\n"), ("sub/b.js", "alpha two\nbeta\n")):
        put(workspace / name, text)
    everything = next(call["content"] for call in calls if call["input"]["pattern"] == "*")
    for second, name in enumerate(everything.splitlines(), 1_700_000_000):
        if name.startswith(".git/"):
            put(workspace / name, "two\n")
        os.utime(workspace / name, (second, second))


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
