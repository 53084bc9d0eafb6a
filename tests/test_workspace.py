"""Files of the workspace: a path that is turned into a link after it was looked at is refused, not followed."""

import os
import resource
import signal
from pathlib import Path

import pytest

from orchestrator import workspace
from orchestrator.errors import ToolError
from orchestrator.events import FileChange, Receipt
from orchestrator.evidence import flaw, unsupported


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "project" / "sub").mkdir(parents=True)
    (tmp_path / "project" / "sub" / "secret.txt").write_text("mine")
    return tmp_path / "project"


def test_a_directory_swapped_for_a_link_is_refused(root):
    file = workspace.locate(root, root / ".temp", "sub/secret.txt")
    (root / "sub").rename(root / "moved")
    (root / "sub").symlink_to("..")
    assert file.read() is None
    with pytest.raises(ToolError):
        file.write(b"overwritten")
    assert (root.parent / "secret.txt").read_text() == "secret"


def test_a_file_swapped_for_a_link_is_refused_for_reading_and_replaced_by_nothing(root):
    file = workspace.locate(root, root / ".temp", "sub/secret.txt")
    (root / "sub" / "secret.txt").unlink()
    (root / "sub" / "secret.txt").symlink_to("../../secret.txt")
    for act in (file.read, lambda: file.write(b"overwritten")):
        with pytest.raises(ToolError):
            act()
    assert (root.parent / "secret.txt").read_text() == "secret"
    assert [path.name for path in (root / "sub").iterdir()] == ["secret.txt"]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(root):
    (root / "name").write_text("")
    with pytest.raises(ToolError, match="ENOTDIR"):
        workspace.locate(root, root / ".temp", "name/x.txt").write(b"x")
    with pytest.raises(ToolError, match="ENAMETOOLONG"):
        workspace.locate(root, root / ".temp", "sub/" + "x" * 300).write(b"x")
    assert sorted(path.name for path in root.rglob("*")) == ["name", "secret.txt", "sub"]


# -- what definitions call /workspace


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/workspace/src/a.js", "src/a.js"),
        ("/workspace//src/a.js", "src/a.js"),
        ("/workspace", "."),
        ("/workspace/", "."),
        ("/workspace/sub/../src/a.js", "src/a.js"),
        ("workspace/a.js", "workspace/a.js"),
    ],
)
def test_the_workspace_of_definitions_is_the_real_one(root, given, path):
    assert workspace.locate(root, root / ".temp", given).path == path


@pytest.mark.parametrize("given", ["/workspace/../secret.txt", "/workspaces/a.js", "/workspace.txt"])
def test_what_only_looks_like_it_is_outside(root, given):
    with pytest.raises(ToolError, match="outside the workspace"):
        workspace.locate(root, root / ".temp", given)


def test_where_the_real_workspace_is_there_its_paths_mean_what_they_say():
    whole, part = Path("/workspace"), Path("/workspace/project")
    assert workspace.locate(whole, whole / ".temp", "/workspace/src/a.js").path == "src/a.js"
    assert workspace.locate(part, part / ".temp", "/workspace/project/a.js").path == "a.js"
    with pytest.raises(ToolError, match="outside the workspace"):
        workspace.locate(part, part / ".temp", "/workspace/a.js")


def test_items_and_results_that_say_workspace_are_understood():
    change = FileChange(path="src/a.js", before=None, after="1")
    receipt = Receipt(id="R1", call="toolu_1", tool="Write", outcome="ok", files=(change,))
    assert flaw("Create /workspace/src/a.js", 0, ["R1"], [receipt]) is None
    assert flaw("Create `/workspace/src/b.js`", 0, ["R1"], [receipt]) is not None
    assert list(unsupported({"files_created": ["/workspace/src/a.js"]}, [change])) == []


def test_a_process_that_dies_while_it_writes_leaves_nothing_once_that_is_repeated(root: Path) -> None:
    file = workspace.locate(root, root / ".temp", "sub/note.txt")
    if (pid := os.fork()) == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        file.write(b"a whole note")  # the kernel kills it here
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGXFSZ
    assert len(list((root / "sub").iterdir())) == 2
    file.write(b"a whole note")
    assert sorted(path.name for path in (root / "sub").iterdir()) == ["note.txt", "secret.txt"]
