"""The checksum of a function's code package: the same number as OSS and Serverless Devs compute."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest

from localcloud.fc import checksum
from localcloud.fc.checksum import checksum_of_code, crc64, crc64_by_table


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0), (b"123456789", 0x995DC9BBDF1939FA)],
    ids=("nothing", "the check value of CRC-64/XZ in the catalogue of CRC algorithms"),
)
def test_known_values(data: bytes, expected: int) -> None:
    assert crc64(data) == crc64_by_table(data) == expected


@pytest.mark.parametrize("size", [1, 7, 8, 1000, 70_000])
def test_the_fast_way_and_the_table_agree(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert crc64(data) == crc64_by_table(data)


def test_a_python_without_lzma_has_the_same_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(data: bytes) -> int:
        raise ImportError("No module named '_lzma'")

    before = crc64(b"replank")
    monkeypatch.setattr(checksum, "_crc64_by_xz", missing)
    assert crc64(b"replank") == before


def test_a_zip_has_the_checksum_of_its_bytes_and_a_new_zip_another(tmp_path: Path) -> None:
    package = tmp_path / "code.zip"
    found = []
    for text in ("one", "three"):
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", text)
        assert checksum_of_code(package) == str(crc64_by_table(package.read_bytes()))
        found.append(checksum_of_code(package))
    assert len(set(found)) == 2


def test_a_folder_has_the_checksum_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    for name, text in (("b.py", "two"), ("a.py", "one"), ("__pycache__/a.pyc", "compiled")):
        (tmp_path / name).write_text(text)
    assert checksum_of_code(tmp_path) == str(crc64_by_table(b"onetwo"))
