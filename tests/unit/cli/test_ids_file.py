"""Files of instance ids."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.ids_file import read_ids
from cli.problem import Problem


def written(folder: Path, content: bytes) -> str:
    file = folder / "ids.txt"
    file.write_bytes(content)
    return str(file)


@pytest.mark.parametrize(
    "content",
    [
        b"i-one\ni-two\n",
        b"# the shop\r\ni-one  # first\r\n\r\n i-two\r\ni-one\r\n",
        "i-one\n# 网站\ni-two".encode("gb18030"),
        "\ufeffi-one\ni-two".encode("utf-8"),
        "i-one\ni-two\n".encode("utf-16"),
    ],
)
def test_comments_blanks_and_encodings_do_not_matter(tmp_path: Path, content: bytes) -> None:
    assert read_ids(written(tmp_path, content), "--ids-from") == ["i-one", "i-two"]


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Any = io.TextIOWrapper(io.BytesIO(b"i-one\n"))
    monkeypatch.setattr(sys, "stdin", given)
    assert read_ids("-", "--ids-from") == ["i-one"]


def test_every_wrong_line_is_told_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        read_ids(written(tmp_path, b"i-one\nweb-1\n# fine\ni-two,i-three\n" + b"x\n" * 5), "--ids-from")
    assert caught.value.code == "Ids.Invalid"
    assert "line 2: 'web-1' is not an instance id; line 4: 'i-two,i-three' is not an instance id" in caught.value.message
    assert "and 2 more" in caught.value.message


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "Ids.Empty"), (b"# nobody\n", "Ids.Empty"), (b"\xff\xff\xff\x81", "Ids.NotReadable"), (None, "Ids.NotReadable")],
)
def test_a_file_without_ids_is_a_mistake(tmp_path: Path, content: bytes | None, code: str) -> None:
    file = written(tmp_path, content) if content is not None else str(tmp_path / "none")
    with pytest.raises(Problem) as caught:
        read_ids(file, "--ids-from")
    assert (caught.value.code, caught.value.exit_status) == (code, 2)
