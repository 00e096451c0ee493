"""Who may do what, in golden files and in the documentation; nothing of it is left undecided.

`LOTKIN_WRITE_GOLDEN=1 pytest tests/access/test_matrix.py` writes them anew.
"""

import os
from itertools import combinations
from pathlib import Path

from lotkin import schema
from lotkin.auth.actor import Actor
from lotkin.auth.permissions import (
    PARTNERS,
    ROLE_PERMISSIONS,
    SIGNING,
    WRITING,
    Permission,
    Role,
)
from lotkin.auth.segregation import conflicts
from lotkin.auth.visibility import HIDDEN_ARGUMENTS, INSIDE, ROOTS, SIGHT, is_listed
from lotkin.resolvers.usecase import USE_CASES
from lotkin.resolvers.usecase import WRITING as WRITING_CASES
from tests.access.matrix import fields, matrix, permission_table, sight_table

ROOT = Path(__file__).parents[2]
SCHEMA = schema.build()._schema


def test_the_matrix_of_roles_and_fields_is_the_golden_one() -> None:
    path = ROOT / "tests" / "golden" / "matrix.txt"
    text = matrix(SCHEMA)
    if os.environ.get("LOTKIN_WRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


def test_the_documentation_shows_the_tables_that_are_in_force() -> None:
    path = ROOT / "docs" / "access.md"
    told = path.read_text(encoding="utf-8")
    for name, table in (("permissions", permission_table()), ("fields", sight_table())):
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        head, _, rest = told.partition(begin)
        shown, _, tail = rest.partition(end)
        if os.environ.get("LOTKIN_WRITE_GOLDEN"):
            told = head + begin + table + end + tail
            path.write_text(told, encoding="utf-8")
            shown = table
        assert shown == table, name


def test_somebody_has_decided_of_every_field_who_outside_may_see_it() -> None:
    undecided = [f"{name}.{field}" for name, field in fields(SCHEMA) if not is_listed(name, field)]
    assert undecided == [], "list them in auth/visibility.py; until then they are hidden"


def test_nothing_is_listed_that_is_not_in_the_schema() -> None:
    known = {name for name, _ in fields(SCHEMA)}
    assert set(SIGHT) - known == set()
    assert INSIDE - known == set()
    served = {f"{name}.{field}" for name, field in fields(SCHEMA)}
    listed = {
        f"{name}.{field}" for name, sight in SIGHT.items() for field in " ".join(sight).split()
    }
    assert listed - served == set()
    arguments = {each.partition("(")[0] for each in HIDDEN_ARGUMENTS}
    inputs = {"AsOfInput.position"}
    assert arguments - served - inputs == set()


def test_a_field_is_decided_once() -> None:
    for name, sight in SIGHT.items():
        told = " ".join(sight).split()
        assert len(told) == len(set(told)), name
    assert not set(SIGHT) & (INSIDE | ROOTS)


def test_what_an_interface_hides_its_types_hide() -> None:
    for parent in ("Item", "Node"):
        interface = SCHEMA.get_type(parent)
        for type_ in SCHEMA.get_possible_types(interface):
            if type_.name not in INSIDE:
                for part in ("regulator", "inside"):
                    hidden = set(getattr(SIGHT[parent], part).split())
                    assert hidden <= set(getattr(SIGHT[type_.name], part).split()), type_.name


def test_every_use_case_that_writes_asks_for_a_permission_that_writes() -> None:
    assert {name for name in WRITING_CASES if USE_CASES[name] not in WRITING} == set()


def test_partners_viewers_and_auditors_hold_no_permission_that_writes() -> None:
    for role in (*PARTNERS, Role.VIEWER, Role.AUDITOR):
        assert not ROLE_PERMISSIONS[role] & WRITING, role


def test_an_administrator_signs_nothing_and_reads_no_product() -> None:
    held = ROLE_PERMISSIONS[Role.ADMINISTRATOR]
    assert Permission.SIGNATURE_REQUEST not in held
    assert Permission.ITEM_READ not in held


def test_roles_that_nobody_holds_together_give_no_permission_at_all() -> None:
    lawful = 0
    for pair in combinations(Role, 2):
        roles = frozenset(pair)
        is_forbidden = (
            bool(roles & PARTNERS)
            or (Role.ADMINISTRATOR in roles and bool(roles & SIGNING))
            or (Role.AUDITOR in roles and roles != {Role.AUDITOR, Role.VIEWER})
        )
        assert bool(conflicts(roles)) is is_forbidden, roles
        held = Actor("x", "x", None, roles).permissions
        assert bool(held) is not is_forbidden
        lawful += not is_forbidden
    assert lawful > 10
