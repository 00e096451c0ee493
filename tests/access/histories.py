"""Histories of records that people write, perform and sign: nobody signs what they had a hand in.

    python -m tests.access.histories --size 5000

A Hypothesis state machine drives the rules that every signed transition asks
(`domain.signature.check_duties`, roles and `auth.segregation`) against a model that only remembers
who did what. A history that shows a violation is printed, shortest first.
"""

import argparse

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import SIGNING, Permission, Role
from lotkin.domain.signature import Meaning, Subject, check_duties
from lotkin.errors import Problem

PEOPLE = [f"person-{n}" for n in range(5)]
ROLES = st.frozensets(st.sampled_from(list(Role)), min_size=1, max_size=3)


class Duties(RuleBasedStateMachine):
    """One record with an input; people come and go with any set of roles."""

    def __init__(self) -> None:
        super().__init__()
        self.roles: dict[str, frozenset[Role]] = dict.fromkeys(PEOPLE, frozenset())
        self.authors: set[str] = set()
        self.performers: set[str] = set()
        self.signed: list[tuple[str, frozenset[Role], frozenset[str]]] = []

    @rule(who=st.sampled_from(PEOPLE), roles=ROLES)
    def is_given_roles(self, who: str, roles: frozenset[Role]) -> None:
        self.roles[who] = roles

    @rule(who=st.sampled_from(PEOPLE))
    def writes(self, who: str) -> None:
        if self._holds(who, Permission.CHANGE_RAISE):
            self.authors.add(who)

    @rule(who=st.sampled_from(PEOPLE))
    def performs(self, who: str) -> None:
        if self._holds(who, Permission.EVENT_CAPTURE):
            self.performers.add(who)

    @rule(who=st.sampled_from(PEOPLE))
    def signs(self, who: str) -> None:
        if not self._holds(who, Permission.SIGNATURE_REQUEST):
            return
        before = frozenset(name for name, _, _ in self.signed)
        subject = Subject(
            "lot", 1, "key", 1, {}, frozenset({Meaning.RELEASED}),
            frozenset(self.authors), frozenset(self.performers), before,
        )  # fmt: skip
        try:
            check_duties(subject, who)
        except Problem:
            return
        hands = frozenset(self.authors | self.performers) | before
        self.signed.append((who, self.roles[who], hands))

    @invariant()
    def nobody_signed_with_another_duty(self) -> None:
        for who, roles, hands in self.signed:
            assert who not in hands
            assert roles & SIGNING
            assert Role.ADMINISTRATOR not in roles
            assert not roles & {Role.SUPPLIER, Role.REGULATOR}
            assert Role.AUDITOR not in roles
        assert len({who for who, _, _ in self.signed}) == len(self.signed)

    def _holds(self, who: str, permission: Permission) -> bool:
        return permission in Actor(who, who, None, self.roles[who]).permissions


def check(size: int) -> None:
    """Run `size` histories; raises AssertionError with the history of a violation."""
    run_state_machine_as_test(
        Duties,
        settings=settings(
            max_examples=size,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=5_000)
    given = parser.parse_args()
    check(given.size)
    print(f"{given.size} histories, violations = 0")
