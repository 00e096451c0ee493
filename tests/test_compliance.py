"""The clause table names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_test_named_beside_a_clause_exists() -> None:
    text = (ROOT / "docs" / "compliance.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    known = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named - known == set()
    assert len(named) > 40


def test_every_row_names_a_test() -> None:
    text = (ROOT / "docs" / "compliance.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert [row for row in rows if "`test_" not in row and "| tests |" not in row] == []
