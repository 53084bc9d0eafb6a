"""Glob: which files it finds, in which order, and where it does not look."""

import os

import pytest

pytestmark = pytest.mark.usefixtures("ripgrep")


def put(agent, *names):
    """Files, each changed a second after the one before."""
    for second, name in enumerate(names, 1_700_000_000):
        path = agent.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        os.utime(path, (second, second))


def found(agent, pattern, **given):
    return agent.call("Glob", pattern=pattern, **given).text.splitlines()


def test_hidden_and_ignored_files_are_found_and_the_one_changed_last_comes_last(agent):
    put(agent, "z.js", ".hid/b.js", "node_modules/c.js", "sub/a.js", "a.txt")
    (agent.workspace / ".gitignore").write_text("node_modules/\nz.js\n")
    assert found(agent, "**/*.js") == ["z.js", ".hid/b.js", "node_modules/c.js", "sub/a.js"]
    assert found(agent, "*.js") == found(agent, "**/*.js")


def test_patterns_know_directories_and_alternatives(agent):
    put(agent, "src/models/user.js", "src/user-schema.ts", "src/user.txt", "test/user.js")
    assert found(agent, "src/**/*{model,schema}*") == ["src/user-schema.ts"]
    assert found(agent, "src/**/*.{js,ts}") == ["src/models/user.js", "src/user-schema.ts"]
    assert found(agent, "./src/*.txt") == ["src/user.txt"]
    assert found(agent, "*.py") == ["No files found"]


def test_paths_are_shown_as_read_takes_them_wherever_the_search_starts(agent):
    put(agent, "src/models/user.js", "user.js")
    agent.call("Bash", command="cd src")
    for given in ({}, {"path": "src"}, {"path": str(agent.workspace / "src")}):
        assert found(agent, "*.js", **given) == ["src/models/user.js"]
    assert found(agent, "models/*.js", path="src") == ["src/models/user.js"]
    assert agent.call("Read", file_path=found(agent, "*.js")[0]).outcome == "ok"


def test_an_absolute_pattern_starts_where_it_says(agent):
    put(agent, "src/a.js", "src/sub/b.js", "a.js")
    root = agent.workspace
    assert found(agent, f"{root}/src/*.js") == ["src/a.js"]
    assert found(agent, f"{root}/**/*.js") == ["src/a.js", "src/sub/b.js", "a.js"]
    assert found(agent, f"{root}/src/a.js") == ["src/a.js"]


def test_of_many_files_those_changed_last_are_shown_and_all_are_counted(agent):
    put(agent, *(f"{number}.txt" for number in range(130)))
    lines = found(agent, "*.txt")
    assert lines[:-1] == [f"{number}.txt" for number in range(30, 130)]
    assert "of 130" in lines[-1]


def test_a_path_that_is_no_directory_is_refused(agent):
    put(agent, "a.txt")
    text = agent.error("Glob", pattern="*", path="nope")
    assert text == f"Directory does not exist: nope. Note: your current working directory is {agent.workspace}."
    assert "Not a directory" in agent.error("Glob", pattern="*", path="a.txt")


def test_when_the_working_directory_is_gone_the_workspace_is_searched(agent):
    put(agent, "src/a.js", "b.js")
    agent.call("Bash", command="cd src")
    (agent.workspace / "src" / "a.js").unlink()
    (agent.workspace / "src").rmdir()
    assert found(agent, "*.js") == ["b.js"]


@pytest.mark.parametrize("path", ["..", "/etc", "out", ".temp/.orchestrator", "link"])
def test_nothing_outside_the_workspace_and_nothing_of_the_engines_is_searched(agent, path):
    (agent.workspace / "out").symlink_to("/etc")
    (agent.workspace / "link").symlink_to(".temp/.orchestrator")
    text = agent.error("Glob", pattern="*", path=path)
    assert "outside the workspace" in text or "belongs to the engine" in text
    assert "outside the workspace" in agent.error("Glob", pattern="/etc/*")


@pytest.mark.parametrize(
    "pattern", ["*", "**", ".temp/**", ".temp/.orchestrator/**", "**/.orchestrator/**", "out/**", "../**"]
)
def test_links_are_not_followed_and_the_engines_own_is_not_shown(agent, pattern):
    put(agent, ".temp/.orchestrator/journal/K7Q2MX.jsonl", ".temp/plan-K7Q2MX.md")
    (agent.workspace.parent / "outside").mkdir()
    (agent.workspace.parent / "outside" / "secret.txt").write_text("")
    (agent.workspace / "out").symlink_to("../outside")
    assert set(found(agent, pattern)) <= {".temp/plan-K7Q2MX.md", "No files found"}
    assert found(agent, "*", path=".temp") == [".temp/plan-K7Q2MX.md"]


def test_names_that_are_no_text_and_patterns_that_no_command_can_take_are_survived(agent):
    (agent.workspace / os.fsdecode(b"caf\xe9.txt")).write_text("")
    (agent.workspace / "two\nlines.txt").write_text("")
    assert sorted(agent.call("Glob", pattern="*.txt").text.split("\n")) == ["caf\ufffd.txt", "lines.txt", "two"]
    assert "could not be started" in agent.error("Glob", pattern="a\0b")
    assert agent.error("Glob", pattern="{a").startswith("Search failed")


def test_a_call_that_was_interrupted_is_made_again(agent):
    put(agent, "a.js")
    (intent,) = agent.intend(("Glob", {"pattern": "*.js"}))
    assert agent.settle(intent, {"pattern": "*.js"}).text == "a.js"


def test_to_have_seen_a_files_name_is_not_to_have_read_it(agent):
    put(agent, "a.js")
    assert agent.call("Glob", pattern="*.js").files == ()
    assert "has not been read yet" in agent.error("Write", file_path="a.js", content="x")
