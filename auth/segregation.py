"""Roles that one person must not hold together (static segregation of duties).

Who may not sign one record because of what they did to it is `domain.signature.check_duties`.
"""

from collections.abc import Collection

from lotkin.auth.permissions import PARTNERS, ROLE_PERMISSIONS, SIGNING, WRITING, Role

# Each pair of sets: nobody holds a role of the one and another of the other.
CONFLICTS: tuple[tuple[str, frozenset[Role], frozenset[Role]], ...] = (
    ("ADMINISTRATOR_SIGNS", frozenset({Role.ADMINISTRATOR}), SIGNING),
    ("PARTNER_INSIDE", PARTNERS, frozenset(Role)),
    (
        "AUDITOR_WRITES",
        frozenset({Role.AUDITOR}),
        frozenset(role for role in Role if ROLE_PERMISSIONS[role] & WRITING),
    ),
)


def conflicts(roles: Collection[Role]) -> list[str]:
    """Return the names of the rules that a set of roles breaks; none for a lawful set."""
    held = frozenset(roles)
    return [
        name
        for name, ones, others in CONFLICTS
        if any(one != other for one in held & ones for other in held & others)
    ]
