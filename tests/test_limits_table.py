"""The table of limits in docs/security.md is made from the source.

`LOTKIN_WRITE_GOLDEN=1 pytest tests/test_limits_table.py` writes it anew.
"""

import ast
import os
import re
from pathlib import Path

from lotkin.settings import INTERNAL, RoleLimits

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "security.md"
MODULES = (
    "portal/listening.py", "auth/middleware.py", "schema/request.py",
    "schema/limits.py", "schema/cost.py", "schema/problem.py", "schema/endpoint.py",
    "schema/socket.py", "resolvers/metering.py", "resolvers/items.py", "resolvers/entities.py",
    "resolvers/watching.py",
)  # fmt: skip
LIMIT = re.compile(r"(_MAX|_S|SECONDS|_MIN)$|^(PAGE|WALK|EDGES|OBJECT|INTROSPECTION|LIST_ENTRIES)$")
TABLE = re.compile(r"(?<=<!-- limits -->\n).*?(?=\n<!-- /limits -->)", re.DOTALL)


def constants(module: str) -> list[tuple[str, str, str]]:
    """Name, value and reason of each limit of a module."""
    source = (ROOT / module).read_text(encoding="utf-8")
    lines = source.splitlines()
    found = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name.startswith("_") or not LIMIT.search(name):
            continue
        line = lines[node.lineno - 1]
        reason = line.partition("  # ")[2] or _above(lines, node.lineno - 2)
        assert reason, f"{module}: say why {name} is what it is"
        found.append((name, ast.unparse(node.value), reason))
    return found


def _above(lines: list[str], index: int) -> str:
    told: list[str] = []
    while lines[index].startswith("# "):
        told.insert(0, lines[index][2:])
        index -= 1
    return " ".join(told)


def table() -> str:
    """The table as the page shows it."""
    rows = ["| limit | value | why |", "|---|---|---|"]
    source = (ROOT / "settings.py").read_text(encoding="utf-8")
    for name in RoleLimits.model_fields:
        line = next(each for each in source.splitlines() if re.match(rf"    {name}: ", each))
        reason = line.partition("  # ")[2]
        partner, ours = getattr(RoleLimits(), name), getattr(INTERNAL, name)
        value = f"{partner:,}" if partner == ours else f"{partner:,}; the site's own: {ours:,}"
        rows.append(f"| `{name}` of a role | {value} | {reason} |")
    for module in MODULES:
        for name, value, reason in constants(module):
            rows.append(f"| `{name}` ({module}) | {value} | {reason} |")
    return "\n".join(rows)


def test_the_table_of_limits_is_the_source() -> None:
    page = PAGE.read_text(encoding="utf-8")
    made = table()
    if os.environ.get("LOTKIN_WRITE_GOLDEN"):
        PAGE.write_text(TABLE.sub(lambda _: made, page), encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
    found = TABLE.search(page)
    assert found is not None
    assert found[0] == made, "the table of limits differs; see this file's docstring"


def test_every_test_that_the_page_names_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    assert named
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []
