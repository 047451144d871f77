"""The line about coverage at the end of `make test` says what the report has."""

from __future__ import annotations

from tests.covered import in_words


def test_the_share_and_the_files_that_lack_most_are_told() -> None:
    files = {name: {"missing_lines": list(range(count))} for name, count in {"a.py": 1, "b.py": 30, "c.py": 0}.items()}
    report = {"summary": {"covered_lines": 969, "missing_lines": 31, "percent_covered": 96.9}, "files": files}
    assert in_words(report).splitlines() == [
        "coverage by unit and contract tests: 96.9 % of 1000 lines; most lines missing in",
        "  b.py: 30 lines",
        "  a.py: 1 lines",
    ]
