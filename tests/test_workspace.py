"""Files of the workspace: a path that is turned into a link after it was looked at is refused, not followed."""

from pathlib import Path

import pytest

from orchestrator import workspace
from orchestrator.errors import ToolError


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
