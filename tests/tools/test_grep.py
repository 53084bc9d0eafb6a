"""Grep: what it finds and how it shows it, where it does not look, and how its process ends."""

import asyncio
import os
from pathlib import Path

import pytest

from orchestrator.errors import ToolError
from orchestrator.tools import accept, catalog
from orchestrator.tools.grep import Grep

pytestmark = pytest.mark.usefixtures("ripgrep")


def put(agent, name, text="two\n", second=0):
    path = agent.workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1_700_000_000 + second,) * 2)


def grep(agent, pattern, **given):
    return agent.call("Grep", pattern=pattern, **given).text


def content(agent, pattern, **given):
    return grep(agent, pattern, output_mode="content", **given)


# -- what is found


def test_files_are_listed_with_the_one_changed_last_first(agent):
    for second, name in enumerate(("b.js", "sub/a.js", "a.js")):
        put(agent, name, second=second)
    assert grep(agent, "two") == "Found 3 files\na.js\nsub/a.js\nb.js"


def test_what_git_ignores_is_left_out_also_without_a_repository_and_hidden_files_are_searched(agent):
    for name in (".hid/a.js", "node_modules/b.js", "secret.js", "sub/c.log", ".git/d.js"):
        put(agent, name)
    put(agent, ".gitignore", "node_modules/\nsecret.js\n")
    put(agent, "sub/.gitignore", "*.log\n")
    assert grep(agent, "two") == "Found 1 file\n.hid/a.js"
    assert content(agent, "two", path="secret.js") == "1:two"


def test_lines_come_with_numbers_and_as_much_around_them_as_is_asked_for(agent):
    put(agent, "a.js", "one\ntwo\r\nthree\nfour\n")
    assert content(agent, "two") == "a.js:2:two"
    assert content(agent, "TWO", **{"-i": True, "-n": False}) == "a.js:two"
    assert content(agent, "two", **{"-A": 1}) == "a.js:2:two\na.js-3-three"
    assert content(agent, "two", **{"-B": 1}) == "a.js-1-one\na.js:2:two"
    assert content(agent, "three", **{"-C": 1}) == "a.js-2-two\na.js:3:three\na.js-4-four"


def test_a_search_is_narrowed_by_path_glob_and_type(agent):
    for name in ("src/a.js", "src/b.ts", "c.js"):
        put(agent, name)
    assert content(agent, "two", path="src") == "src/a.js:1:two\nsrc/b.ts:1:two"
    assert content(agent, "two", path="/workspace/src/a.js") == "1:two"
    assert content(agent, "two", glob="src/*.{js,py}") == "src/a.js:1:two"
    assert content(agent, "two", glob="!src/**") == "c.js:1:two"
    assert content(agent, "two", type="ts") == "src/b.ts:1:two"
    assert agent.error("Grep", pattern="two", type="nope").startswith("Search failed — ripgrep rejected")


def test_a_match_spans_lines_only_when_asked_to(agent):
    put(agent, "a.js", "one {\n  two\n}\n")
    assert "Search failed" in agent.error("Grep", pattern="one {\n  two")
    assert grep(agent, r"one.*two", multiline=True) == "Found 1 file\na.js"
    assert grep(agent, r"one.*two") == "No files found"


def test_a_search_of_no_files_at_all_finds_nothing(agent):
    assert grep(agent, "two", glob="*.zzz") == "No files found"
    put(agent, "a.js")
    put(agent, ".gitignore", "*\n")
    assert content(agent, "two") == "No matches found"


def test_counts_are_added_up(agent):
    put(agent, "a.js", "two\ntwo two\n")
    put(agent, "b.js")
    said = "a.js:2\nb.js:1\n\nFound 3 total occurrences across 2 files."
    assert grep(agent, "two", output_mode="count") == said
    assert grep(agent, "two", output_mode="count", path="a.js").endswith("Found 2 total occurrences across 1 file.")
    assert grep(agent, "zzz", output_mode="count").startswith("No matches found")


def test_a_pattern_that_looks_like_an_option_is_a_pattern(agent):
    put(agent, "a.js", "--files\n")
    assert content(agent, "--files") == "a.js:1:--files"


# -- how much is shown


def test_a_result_is_paged_by_limit_and_offset_and_says_so(agent):
    put(agent, "a.js", "".join(f"line {number}\n" for number in range(300)))
    lines = content(agent, "line").split("\n")
    assert lines[249:] == ["a.js:250:line 249", "", "[Showing results with pagination = limit: 250]"]
    assert content(agent, "line", offset=298) == (
        "a.js:299:line 298\na.js:300:line 299\n\n[Showing results with pagination = offset: 298]"
    )
    assert len(content(agent, "line", head_limit=0).split("\n")) == 300
    assert content(agent, "line", head_limit=300).endswith("a.js:300:line 299")
    assert content(agent, "line", offset=300).startswith("No matches found")


def test_files_and_counts_are_paged_too_and_counted_whole(agent):
    for name in ("a.js", "b.js", "c.js"):
        put(agent, name)
    note = "\n\n[Showing results with pagination = limit: 1, offset: 1]"
    page = {"head_limit": 1, "offset": 1}
    assert grep(agent, "two", **page) == f"Found 3 files\nb.js{note}"
    said = f"b.js:1\n\nFound 3 total occurrences across 3 files.{note}"
    assert grep(agent, "two", output_mode="count", **page) == said


def test_a_flood_is_cut_at_a_line_from_which_one_can_go_on(agent):
    put(agent, "a.js", "two and more\n" * 50_000)
    first, _, note = content(agent, "two", head_limit=0).rpartition("\n\n")
    shown = len(first.split("\n"))
    assert len(first) <= 30_000
    assert note == f"[Showing results with pagination = limit: {shown}]"
    assert content(agent, "two", offset=shown, head_limit=1).startswith(f"a.js:{shown + 1}:")


def test_a_very_long_line_is_shortened(agent):
    put(agent, "a.min.js", "two" + "x" * 100_000 + "\n")
    assert len(content(agent, "two")) < 700


# -- where it does not look


def test_neither_the_engines_own_nor_what_links_lead_to_is_searched(agent):
    put(agent, ".temp/.orchestrator/journal/K7Q2MX.jsonl")
    put(agent, ".temp/plan-K7Q2MX.md")
    (agent.workspace.parent / "secret.txt").write_text("two\n")
    (agent.workspace / "link.txt").symlink_to("../secret.txt")
    (agent.workspace / "out").symlink_to("..")
    for given in ({}, {"path": ".temp"}, {"glob": "**/*"}, {"glob": ".temp/.orchestrator/**"}):
        assert set(grep(agent, "two", **given).split("\n")[1:]) <= {".temp/plan-K7Q2MX.md"}
    for path in ("..", "/etc", "link.txt", "out/secret.txt", ".temp/.orchestrator"):
        text = agent.error("Grep", pattern="two", path=path)
        assert "outside the workspace" in text or "belongs to the engine" in text


def test_what_is_neither_file_nor_directory_is_refused(agent):
    os.mkfifo(agent.workspace / "pipe")
    assert "Neither a file nor a directory" in agent.error("Grep", pattern="two", path="pipe")
    assert agent.error("Grep", pattern="two", path="nope").startswith("Path does not exist: nope.")


def test_a_persons_own_ripgrep_settings_do_not_matter(agent):
    (agent.workspace.parent / "config").write_text("--files-without-match\n")
    agent.environment["RIPGREP_CONFIG_PATH"] = str(agent.workspace.parent / "config")
    put(agent, "a.js")
    assert grep(agent, "two") == "Found 1 file\na.js"


def test_a_receipt_of_a_search_names_no_file_and_no_command(agent):
    put(agent, "a.js")
    result = agent.call("Grep", pattern="two", output_mode="content")
    assert (result.files, result.command, result.outcome) == ((), None, "ok")


# -- its process


def program(agent, script):
    """Another `rg` first on the agent's PATH."""
    path = agent.workspace.parent / "bin" / "rg"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    agent.environment["PATH"] = f"{path.parent}:{agent.environment['PATH']}"


@pytest.mark.parametrize("tool", ["Glob", "Grep"])
def test_without_ripgrep_the_call_says_what_to_install_and_what_to_do_instead(agent, tmp_path, tool):
    agent.environment["PATH"] = str(tmp_path)
    text = agent.error(tool, pattern="two")
    assert "ripgrep is missing" in text
    assert "pip install ripgrep" in text
    assert "Bash" in text


def test_a_search_that_finds_too_much_is_ended(agent):
    program(agent, "exec yes")
    assert "more than 16777216 bytes" in agent.error("Grep", pattern="two")


def test_a_search_that_takes_too_long_is_ended(agent):
    program(agent, "exec sleep 600")
    hasty = Grep(seconds=0.1)
    with pytest.raises(ToolError, match=r"took more than 0\.1 seconds"):
        asyncio.run(hasty.run("toolu_1", accept(hasty, {"pattern": "two"}), agent.place))


def test_a_search_that_fails_by_itself_is_not_taken_for_an_answer(agent):
    program(agent, "kill -9 $$")
    assert "ended with -9" in agent.error("Grep", pattern="two")


def test_a_file_that_cannot_be_read_does_not_hide_the_others(agent):
    program(agent, "printf 'a.js\\0'; exit 2")
    assert grep(agent, "two") == "Found 1 file\na.js"


def test_a_cancelled_search_leaves_no_process(agent):
    told = agent.workspace.parent / "told"
    os.mkfifo(told)
    program(agent, f"echo $$ > '{told}'; exec sleep 600")

    async def cancelled() -> int:
        grep = catalog()["Grep"]
        search = asyncio.create_task(grep.run("toolu_1", accept(grep, {"pattern": "two"}), agent.place))
        process = int(await asyncio.to_thread(Path.read_text, told))
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search
        return process

    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(cancelled()), 0)


def test_inputs_that_claude_code_refuses_are_refused(agent):
    for given in ({}, {"pattern": "a", "after": 1}, {"pattern": "a", "output_mode": "x"}, {"pattern": "a", "-A": -1}):
        with pytest.raises(ToolError, match="InputValidationError: Grep"):
            accept(catalog()["Grep"], given)
