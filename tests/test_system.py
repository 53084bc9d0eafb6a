"""What the system says of itself, read as it says it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator import system


@pytest.mark.parametrize("name", ["share", "a share", "données", "back\\slash"])
def test_a_folder_on_a_network_is_told_by_where_it_really_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share, home, mounts = tmp_path / name, tmp_path / "home", tmp_path / "mountinfo"
    for folder in (share, home):
        folder.mkdir()
    escaped = os.fsencode(share).replace(b"\\", b"\\134").replace(b" ", b"\\040")
    mounts.write_bytes(
        b"22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
        b"99 22 0:50 / " + escaped + b" rw,relatime shared:1 - nfs4 server:/share rw\n"
        b"98 22 0:51 / /mnt/caf\xe9 rw - tmpfs tmpfs rw\n"
    )
    (home / ".temp").symlink_to(share)
    (share / "back").symlink_to(home)
    monkeypatch.setattr(system, "MOUNTS", mounts)
    assert system.network_file_system(home / ".temp" / "deeper") == "nfs4"
    assert system.network_file_system(share) == "nfs4"
    assert system.network_file_system(share / "back" / "deeper") is None
    assert system.network_file_system(tmp_path / f"{name}-beside") is None
