"""Read, Write and Edit: what they say, what they refuse, what they leave on the disk."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import ToolError
from orchestrator.events import FileChange


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# -- Read


def test_read_numbers_the_lines_and_hashes_the_file(agent):
    (agent.workspace / "a.txt").write_text("one\ntwo\n")
    result = agent.call("Read", file_path=str(agent.workspace / "a.txt"))
    assert result.text == "1\tone\n2\ttwo\n3\t"
    assert result.files == (FileChange(path="a.txt", before=sha("one\ntwo\n"), after=sha("one\ntwo\n")),)


def test_read_takes_a_part_by_offset_and_limit(agent):
    (agent.workspace / "a.txt").write_text("one\ntwo\nthree\n")
    assert agent.call("Read", file_path="a.txt", offset=2, limit=1).text == "2\ttwo"


def test_read_warns_of_an_empty_file_and_of_an_offset_beyond_the_end(agent):
    (agent.workspace / "a.txt").write_text("")
    assert "contents are empty" in agent.call("Read", file_path="a.txt").text
    (agent.workspace / "a.txt").write_text("one\n")
    assert (
        "shorter than the provided offset (9). The file has 2 lines."
        in agent.call("Read", file_path="a.txt", offset=9).text
    )


def test_read_refuses_what_is_not_there_a_directory_and_binary_data(agent):
    (agent.workspace / "sub").mkdir()
    (agent.workspace / "bin.dat").write_bytes(b"a\0b")
    assert agent.error("Read", file_path="nope.txt").startswith("File does not exist.")
    assert agent.error("Read", file_path="sub/a/b.txt").startswith("File does not exist.")
    assert agent.error("Read", file_path="sub").startswith("EISDIR")
    assert "binary .dat file" in agent.error("Read", file_path="bin.dat")


def test_read_refuses_to_flood_the_conversation_and_says_how_to_go_on(agent):
    (agent.workspace / "big.txt").write_text("x" * 99 + "\n" + "y\n" * 60_000)
    assert "Use offset and limit" in agent.error("Read", file_path="big.txt")
    assert agent.call("Read", file_path="big.txt", offset=2, limit=1).text == "2\ty"
    with (agent.workspace / "huge.txt").open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    assert "exceeds maximum allowed size" in agent.error("Read", file_path="huge.txt")


def test_a_fifo_is_refused_and_does_not_hang_the_reader(agent):
    os.mkfifo(agent.workspace / "pipe")
    assert "not a regular file" in agent.error("Read", file_path="pipe")
    assert "not a regular file" in agent.error("Write", file_path="pipe", content="x")


# -- names


@pytest.mark.parametrize("tool", ["Read", "Write"])
@pytest.mark.parametrize("path", ["../secret.txt", "/etc/hostname", "link.txt", "out/secret.txt", "dangling", "a\0b"])
def test_nothing_outside_the_workspace_is_read_or_written(agent, tool, path):
    outside = agent.workspace.parent
    (outside / "secret.txt").write_text("secret")
    (agent.workspace / "link.txt").symlink_to("../secret.txt")
    (agent.workspace / "dangling").symlink_to(outside / "new.txt")
    (agent.workspace / "out").symlink_to(outside)
    text = agent.error(tool, file_path=path, **({"content": "x"} if tool == "Write" else {}))
    assert "outside the workspace" in text or "Not a path" in text
    assert (outside / "secret.txt").read_text() == "secret"
    assert not (outside / "new.txt").exists()


def test_a_link_that_stays_in_the_workspace_works_and_stays_a_link(agent):
    (agent.workspace / "real").mkdir()
    (agent.workspace / "real" / "a.txt").write_text("one")
    (agent.workspace / "link").symlink_to("real")
    (agent.workspace / "b.txt").symlink_to("real/a.txt")
    agent.call("Read", file_path="link/a.txt")
    assert agent.call("Write", file_path="b.txt", content="two").files[0].path == "real/a.txt"
    assert (agent.workspace / "b.txt").is_symlink()
    assert (agent.workspace / "real" / "a.txt").read_text() == "two"


def test_the_engines_own_folder_is_closed_also_by_way_of_a_link(agent):
    own = agent.workspace / ".temp" / ".orchestrator"
    (own / "x").write_text("x")
    (agent.workspace / "link").symlink_to(".temp/.orchestrator")
    for path in (".temp/.orchestrator/x", "link/x", ".temp/../.temp/.orchestrator/x"):
        assert "belongs to the engine" in agent.error("Read", file_path=path)
        assert "belongs to the engine" in agent.error("Write", file_path=path, content="y")


def test_paths_under_the_workspace_of_definitions_mean_the_real_one(agent):
    agent.call("Write", file_path="/workspace/src/a.js", content="one\n")
    assert agent.call("Read", file_path="/workspace/src/a.js").files[0].path == "src/a.js"
    agent.call("Edit", file_path="/workspace/src/a.js", old_string="one", new_string="two")
    assert (agent.workspace / "src" / "a.js").read_text() == "two\n"


# -- Write


def test_write_creates_a_file_with_its_directories(agent):
    result = agent.call("Write", file_path="src/models/user.js", content="x\n")
    assert (agent.workspace / "src/models/user.js").read_text() == "x\n"
    assert result.text.startswith("File created successfully at: src/models/user.js")
    assert result.files == (FileChange(path="src/models/user.js", before=None, after=sha("x\n")),)


def test_write_keeps_the_mode_and_leaves_nothing_beside_the_file(agent):
    script = agent.workspace / "run.sh"
    script.write_text("old")
    script.chmod(0o751)
    agent.call("Read", file_path="run.sh")
    agent.call("Write", file_path="run.sh", content="new")
    assert script.stat().st_mode & 0o777 == 0o751
    assert sorted(os.listdir(agent.workspace)) == [".temp", "run.sh"]


def test_an_existing_file_that_was_never_read_is_not_written(agent):
    (agent.workspace / "a.txt").write_text("theirs")
    assert "has not been read yet" in agent.error("Write", file_path="a.txt", content="mine")
    assert (agent.workspace / "a.txt").read_text() == "theirs"


@pytest.mark.parametrize("given", [("Write", {"content": "x"}), ("Edit", {"old_string": "e", "new_string": "E"})])
def test_a_file_that_changed_since_it_was_read_or_written_is_refused(agent, given):
    tool, fields = given
    agent.call("Write", file_path="a.txt", content="mine")
    (agent.workspace / "a.txt").write_text("theirs")
    refused = agent.error(tool, file_path="a.txt", **fields)
    assert "has been modified since read" in refused
    assert "-mine\n" in refused
    assert "+theirs\n" in refused
    agent.call("Read", file_path="a.txt")
    agent.call(tool, file_path="a.txt", **fields)


def test_text_that_no_file_can_hold_is_refused(agent):
    assert "surrogate" in agent.error("Write", file_path="a.txt", content="\ud800")


# -- Edit


def test_a_file_that_was_never_read_may_be_edited_for_the_old_text_shows_that_it_is_known(agent):
    (agent.workspace / "a.txt").write_text("one\ntwo\n")
    assert "String to replace not found" in agent.error("Edit", file_path="a.txt", old_string="three", new_string="3")
    agent.call("Edit", file_path="a.txt", old_string="two", new_string="2")
    (agent.workspace / "a.txt").write_text("one\n2, and more\n")
    assert "has been modified since read" in agent.error("Edit", file_path="a.txt", old_string="one", new_string="1")


def test_edit_replaces_one_occurrence_and_keeps_bytes_it_does_not_understand(agent):
    (agent.workspace / "a.txt").write_bytes(b"caf\xe9 one\n")
    agent.call("Edit", file_path="a.txt", old_string="one", new_string="two")
    assert (agent.workspace / "a.txt").read_bytes() == b"caf\xe9 two\n"


def test_edit_finds_lines_in_a_file_with_carriage_returns(agent):
    (agent.workspace / "a.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    agent.call("Edit", file_path="a.txt", old_string="one\ntwo", new_string="1\n2")
    assert (agent.workspace / "a.txt").read_bytes() == b"1\r\n2\r\nthree\r\n"


def test_edit_refuses_what_is_missing_ambiguous_or_no_change(agent):
    (agent.workspace / "a.txt").write_text("one one\n")
    edit = {"file_path": "a.txt", "new_string": "x"}
    assert "String to replace not found" in agent.error("Edit", **edit, old_string="two")
    assert "Found 2 matches" in agent.error("Edit", **edit, old_string="one")
    assert "No changes to make" in agent.error("Edit", **edit, old_string="x")
    assert "already exists" in agent.error("Edit", **edit, old_string="")
    assert "does not exist" in agent.error("Edit", **edit | {"file_path": "b.txt"}, old_string="one")
    agent.call("Edit", **edit, old_string="one", replace_all=True)
    assert (agent.workspace / "a.txt").read_text() == "x x\n"


# -- documents


def test_the_tasks_own_document_is_returned_as_an_edit_and_not_written(agent):
    plan = agent.workspace / ".temp" / "plan-K7Q2MX.md"
    plan.write_text("# Plan\n\nold\n")
    result = agent.call("Edit", file_path=".temp/plan-K7Q2MX.md", old_string="old", new_string="new")
    assert result.documents == {"plan": "# Plan\n\nnew\n"}
    status = agent.call("Write", file_path=".temp/task-status-K7Q2MX.json", content="{}")
    assert status.documents == {"task-status": "{}"}
    assert plan.read_text() == "# Plan\n\nold\n"
    assert not (agent.workspace / ".temp" / "task-status-K7Q2MX.json").exists()


def test_a_second_edit_of_a_document_goes_on_from_the_first_one_of_the_message(agent):
    (agent.workspace / ".temp" / "plan-K7Q2MX.md").write_text("a b")
    edit = {"file_path": ".temp/plan-K7Q2MX.md"}
    agent.documents = dict(agent.call("Edit", **edit, old_string="a", new_string="A").documents)
    assert agent.call("Edit", **edit, old_string="b", new_string="B").documents == {"plan": "A B"}


def test_documents_of_other_tasks_are_read_but_not_written(agent):
    other = agent.workspace / ".temp" / "plan-AAAAA2.md"
    other.write_text("theirs")
    assert agent.call("Read", file_path=".temp/plan-AAAAA2.md").text == "1\ttheirs"
    text = agent.error("Write", file_path=".temp/plan-AAAAA2.md", content="mine")
    assert "references" in text
    assert "Sync" in text
    assert other.read_text() == "theirs"


def test_reports_in_temp_are_ordinary_files(agent):
    result = agent.call("Write", file_path=".temp/AGENT-REPORT-K7Q2MX.md", content="x")
    assert result.files[0].path == ".temp/AGENT-REPORT-K7Q2MX.md"
    assert result.documents == {}
    assert agent.call("Write", file_path=".temp/plan-K7Q2MX.json", content="{}").documents == {}


# -- a process that died


def test_two_edits_of_one_message_settle_as_done_when_both_happened(agent):
    (agent.workspace / "a.txt").write_text("a b\n")
    first = {"file_path": "a.txt", "old_string": "a", "new_string": "A"}
    second = {"file_path": "a.txt", "old_string": "b", "new_string": "B"}
    one, two = agent.intend(("Edit", first), ("Edit", second))
    assert two.before == one.after
    done = agent.run(one, first)
    agent.run(two, second)
    assert agent.settle(one, first) == done
    assert agent.settle(two, second).outcome == "ok"
    assert (agent.workspace / "a.txt").read_text() == "A B\n"
    assert [receipt.files[0].after for receipt in agent.task.receipts] == [one.after, two.after]


@pytest.mark.parametrize("ran", [0, 1])
def test_two_edits_of_one_message_settle_by_running_what_did_not_happen(agent, ran):
    (agent.workspace / "a.txt").write_text("a b\n")
    given = [{"file_path": "a.txt", "old_string": old, "new_string": old.upper()} for old in "ab"]
    intents = agent.intend(*(("Edit", fields) for fields in given))
    for intent, fields in list(zip(intents, given, strict=True))[:ran]:
        agent.run(intent, fields)
    assert [agent.settle(*pair).outcome for pair in zip(intents, given, strict=True)] == ["ok", "ok"]
    assert (agent.workspace / "a.txt").read_text() == "A B\n"


def test_there_and_back_in_one_message_settles_right_wherever_it_stopped(agent):
    given = [{"file_path": "a.txt", "content": text} for text in ("B", "A", "B")]
    for ran in range(4):
        (agent.workspace / "a.txt").write_text("A")
        agent.call("Read", file_path="a.txt")
        intents = agent.intend(*(("Write", fields) for fields in given))
        for _, fields in list(zip(intents, given, strict=True))[:ran]:
            (agent.workspace / "a.txt").write_text(fields["content"])
        assert [agent.settle(*pair).outcome for pair in zip(intents, given, strict=True)] == ["ok"] * 3
        assert (agent.workspace / "a.txt").read_text() == "B"


def test_a_file_that_is_neither_before_nor_after_leaves_the_outcome_unknown(agent):
    given = {"file_path": "a.txt", "content": "mine"}
    (intent,) = agent.intend(("Write", given))
    (agent.workspace / "a.txt").write_text("theirs")
    result = agent.settle(intent, given)
    assert result.outcome == "unknown"
    assert "Read it before repeating" in result.text
    assert (agent.workspace / "a.txt").read_text() == "theirs"


def test_a_call_that_had_to_fail_fails_again_unless_the_file_changed_meanwhile(agent):
    given = {"file_path": "a.txt", "old_string": "x", "new_string": "x x"}
    (intent,) = agent.intend(("Edit", given))
    with pytest.raises(ToolError, match="does not exist"):
        agent.settle(intent, given)
    (agent.workspace / "a.txt").write_text("x x")
    assert agent.settle(intent, given).outcome == "unknown"


def test_a_document_edit_is_made_again_for_the_engine_to_absorb(agent):
    (agent.workspace / ".temp" / "plan-K7Q2MX.md").write_text("old")
    given = {"file_path": ".temp/plan-K7Q2MX.md", "old_string": "old", "new_string": "new"}
    (intent,) = agent.intend(("Edit", given))
    assert agent.settle(intent, given).documents == {"plan": "new"}


# -- several agents at once

COUNT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.tools.conftest import AT, Agent
from orchestrator.errors import ToolError
from orchestrator.events import TaskCreated, WorkerStarted
from orchestrator.transitions import apply_all, create

task = create(TaskCreated(agent="a", description="Count"), task_id="K7Q2MX", uuid="1", at=AT)
agent = Agent(Path(sys.argv[1]), apply_all(task, [WorkerStarted(epoch=1, holder="test")], actor="engine", at=AT))
for _ in range(20):
    while True:
        number = int(agent.call("Read", file_path="count.txt").text.split("\\t")[1])
        try:
            agent.call("Write", file_path="count.txt", content=str(number + 1))
            break
        except ToolError as error:
            assert "modified since read" in str(error), error
"""


def test_agents_of_several_processes_lose_no_update_of_one_file(agent):
    (agent.workspace / "count.txt").write_text("0")
    words = [sys.executable, "-c", COUNT, str(agent.workspace), str(Path(__file__).parents[2])]
    counting = [subprocess.Popen(words) for _ in range(3)]
    assert [process.wait() for process in counting] == [0, 0, 0]
    assert (agent.workspace / "count.txt").read_text() == "60"
