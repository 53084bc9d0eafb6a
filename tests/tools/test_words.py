"""What a call names below `/workspace`, as definitions do, is answered in the same words: it can be given back."""

import os
import re

import pytest

pytestmark = pytest.mark.skipif(os.path.exists("/workspace"), reason="/workspace is there")


@pytest.fixture
def files(agent, ripgrep):
    for second, name in enumerate(("a.js", "src/b.js", "src/.hid/c.js"), 1_700_000_000):
        path = agent.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"one\ntwo {agent.workspace}/a.js /workspace/a.js\nthree\n")
        os.utime(path, (second, second))
    return agent


def test_glob_shows_paths_that_can_be_given_back(files):
    for given in ({"pattern": "*.js", "path": "/workspace/src"}, {"pattern": "/workspace/src/**/*.js"}):
        names = files.call("Glob", **given).text.splitlines()
        assert names == ["/workspace/src/b.js", "/workspace/src/.hid/c.js"]
        assert all(files.call("Read", file_path=name).outcome == "ok" for name in names)


def test_grep_shows_paths_that_can_be_given_back_and_the_lines_as_they_are(files):
    def grep(mode, path, **given):
        return files.call("Grep", pattern="two", output_mode=mode, path=path, **given).text

    said = "Found 2 files\n/workspace/src/.hid/c.js\n/workspace/src/b.js"
    assert grep("files_with_matches", "/workspace/src") == said
    assert grep("count", "/workspace", glob="a.js").startswith("/workspace/a.js:1\n")
    line = f"two {files.workspace}/a.js /workspace/a.js"
    assert grep("content", "/workspace", glob="a.js", **{"-C": 1}) == (
        f"/workspace/a.js-1-one\n/workspace/a.js:2:{line}\n/workspace/a.js-3-three"
    )
    assert grep("content", "/workspace/src", **{"-n": False, "-A": 1}).split("\n")[2:] == [
        "--",
        f"/workspace/src/b.js:{line}",
        "/workspace/src/b.js-three",
    ]
    assert grep("content", "/workspace/a.js") == f"2:{line}"


def test_read_write_and_edit_name_what_the_call_named(files):
    a = "/workspace/a.js"
    texts = [
        files.error("Write", file_path=a, content="x"),
        files.call("Read", file_path=a).text,
        files.call("Edit", file_path=a, old_string="one", new_string="1").text,
        files.call("Write", file_path=a, content="x").text,
        files.call("Write", file_path="/workspace/new.js", content="x").text,
    ]
    for text in texts:
        shown = text.replace(f"two {files.workspace}", "")  # what stands in the file
        assert str(files.workspace) not in shown
    assert a in texts[2]
    assert a in texts[3]
    assert "/workspace/new.js" in texts[4]


def test_a_file_that_has_changed_is_named_so_in_the_difference_too(files):
    files.call("Read", file_path="/workspace/src/b.js")
    (files.workspace / "src" / "b.js").write_text("theirs\n")
    refused = files.error("Write", file_path="/workspace/src/b.js", content="mine\n")
    assert re.findall(r"^(?:---|\+\+\+) (.*)$", refused, re.MULTILINE) == [
        "a/workspace/src/b.js",
        "b/workspace/src/b.js",
    ]
    assert "--- a/src/b.js\n" in files.error("Write", file_path="src/b.js", content="mine\n")


@pytest.mark.parametrize("path", ["/workspace/nope", "/workspace/../nope"])
@pytest.mark.parametrize("tool", ["Read", "Edit", "Glob", "Grep"])
def test_what_is_not_there_or_outside_is_said_in_the_same_words(files, tool, path):
    files.call("Bash", command="cd src")
    given = {
        "Read": {"file_path": path},
        "Edit": {"file_path": path, "old_string": "one", "new_string": "1"},
        "Glob": {"pattern": "*", "path": path},
        "Grep": {"pattern": "two", "path": path},
    }
    text = files.error(tool, **given[tool])
    assert str(files.workspace) not in text
    where = "/workspace/src" if tool in ("Glob", "Grep") else "/workspace"
    outside = f"{path} is outside the workspace /workspace. Only files"
    assert (f"current working directory is {where}." if path.endswith("/workspace/nope") else outside) in text
