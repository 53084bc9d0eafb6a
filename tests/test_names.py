"""Names of files that are not UTF-8, as text."""

from __future__ import annotations

import pytest

from orchestrator import names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"src/a b.txt", "src/a b.txt"),
        ("é/\ufffd".encode(), "é/\ufffd"),
        (b"caf\xe9/\xff\xc3", "caf\ufffde9/\ufffdff\ufffdc3"),
        ("\ufffdff \ufffdfx".encode(), "\ufffdef\ufffdbf\ufffdbdff \ufffdfx"),
    ],
)
def test_a_name_is_text_and_nothing_of_it_is_lost(name: bytes, path: str) -> None:
    assert names.written(name) == path
    assert names.meant(path) == name
