"""The catalogue, its two languages and its page say the same."""

import re
import string
from pathlib import Path

import pytest

from lotkin.errors import TEXTS, ProblemCode, RefusalCode

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in (
    [cell.strip(" `") for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines() if re.match(r"\| `[A-Z_]+` \|", line)
)}  # fmt: skip
CODES: list[ProblemCode | RefusalCode] = [*ProblemCode, *RefusalCode]


def facts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_page_has_a_row_for_every_code_and_for_nothing_else() -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(code.value for code in CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_row_says_when_and_what_to_do(code: ProblemCode | RefusalCode) -> None:
    *_, when, then = ROWS[code.value]
    assert len(when) > 3
    assert len(then) > 3


@pytest.mark.parametrize("code", CODES)
def test_both_languages_tell_the_same_facts(code: ProblemCode | RefusalCode) -> None:
    english, chinese = TEXTS[code]
    assert facts(english) == facts(chinese)
    assert english.endswith(".")
    assert chinese.endswith("。")


def test_every_text_has_a_code() -> None:
    assert set(TEXTS) == set(CODES)
