"""Signatures as the domain knows them: what is signed, what it means, who may not sign."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lotkin.errors import Problem, ProblemCode, Refusal, RefusalCode

TEXT_CHARS_MAX = 500


class Meaning(StrEnum):
    """What a signature says about the record (21 CFR 11.50)."""

    AUTHORED = "AUTHORED"
    REVIEWED = "REVIEWED"
    APPROVED = "APPROVED"
    RELEASED = "RELEASED"
    REJECTED = "REJECTED"
    VERIFIED = "VERIFIED"
    WITNESSED = "WITNESSED"


class Action(StrEnum):
    """What a signature lets happen."""

    RELEASE_LOT = "RELEASE_LOT"
    REJECT_LOT = "REJECT_LOT"
    REVOKE_RELEASE = "REVOKE_RELEASE"
    LIFT_HOLD = "LIFT_HOLD"
    APPROVE_CHANGE = "APPROVE_CHANGE"
    MAKE_CHANGE_EFFECTIVE = "MAKE_CHANGE_EFFECTIVE"
    APPROVE_CAPA_PLAN = "APPROVE_CAPA_PLAN"
    CLOSE_CAPA = "CLOSE_CAPA"
    GRANT_CONCESSION = "GRANT_CONCESSION"
    APPROVE_DOCUMENT = "APPROVE_DOCUMENT"
    APPROVE_RECALL = "APPROVE_RECALL"
    FREEZE_RECALL_SCOPE = "FREEZE_RECALL_SCOPE"
    CLOSE_RECALL = "CLOSE_RECALL"


class Factor(StrEnum):
    """How a person proves that it is they who sign."""

    WEBAUTHN = "WEBAUTHN"
    ID_TOKEN = "ID_TOKEN"  # noqa: S105
    PASSWORD_TOTP = "PASSWORD_TOTP"  # noqa: S105


class Assurance(StrEnum):
    """Whose key stands behind the evidence."""

    USER_KEY = "USER_KEY"
    IDP_ATTESTED = "IDP_ATTESTED"
    SERVER_ATTESTED = "SERVER_ATTESTED"


ASSURANCE = {
    Factor.WEBAUTHN: Assurance.USER_KEY,
    Factor.ID_TOKEN: Assurance.IDP_ATTESTED,
    Factor.PASSWORD_TOTP: Assurance.SERVER_ATTESTED,
}


class Rule(StrEnum):
    """Segregation of duties: who may not sign."""

    AUTHOR = "AUTHOR"
    PERFORMER = "PERFORMER"
    SAME_SIGNER = "SAME_SIGNER"
    TWO_ADMINISTRATORS = "TWO_ADMINISTRATORS"


@dataclass(frozen=True, slots=True)
class Subject:
    """A record as it is shown to who signs it.

    type, row, key: what it is, its row id, its public key. version: of the record.
    record: what the digest is taken of; strings, integers, booleans, lists and objects only.
    authors, performers: subjects of the people who may not sign it. signed: who signed this
    stage already. missing: codes of what must happen first.
    """

    type: str
    row: int
    key: str
    version: int
    record: dict[str, Any]
    meanings: frozenset[Meaning]
    authors: frozenset[str] = frozenset()
    performers: frozenset[str] = frozenset()
    signed: frozenset[str] = frozenset()
    prior: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    needs_reason: bool = False


def check_duties(subject: Subject, signer: str) -> None:
    """Do nothing if `signer` has no other duty in `subject`.

    Raises: Problem SIG_SOD_CONFLICT with the rule.
    """
    for people, rule in (
        (subject.authors, Rule.AUTHOR),
        (subject.performers, Rule.PERFORMER),
        (subject.signed, Rule.SAME_SIGNER),
    ):
        if signer in people:
            raise Problem(ProblemCode.SIG_SOD_CONFLICT, rule=rule.value)


def check_prerequisites(subject: Subject, meaning: Meaning, reason: str | None) -> None:
    """Do nothing if all that must come before the signature is there.

    Raises: Problem SIG_PREREQUISITE with what is missing.
    """
    missing = list(subject.missing)
    if meaning not in subject.meanings:
        # Signed in this order: what may be signed now is what is missing.
        missing += sorted(each.value for each in subject.meanings) or ["STATE"]
    if subject.needs_reason and not reason:
        missing.append("REASON")
    if missing:
        raise Problem(ProblemCode.SIG_PREREQUISITE, missing=missing)


def clean_text(text: str | None, name: str) -> str | None:
    """Return `text` in normal form C, None for nothing.

    Bounds: TEXT_CHARS_MAX. Raises: Refusal BAD_INPUT, for control characters too: a text that
    shows differently than it reads could hide what is signed.
    """
    if text is None or not text.strip():
        return None
    normal = unicodedata.normalize("NFC", text)
    if len(normal) > TEXT_CHARS_MAX:
        raise Refusal(
            RefusalCode.BAD_INPUT, reason=f"{name} has more than {TEXT_CHARS_MAX} characters"
        )
    if any(
        unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in normal
    ):
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"{name} holds a character that does not show")
    return normal


def people(*groups: Collection[str] | Sequence[str]) -> frozenset[str]:
    """Return all members of all groups."""
    return frozenset().union(*groups)
