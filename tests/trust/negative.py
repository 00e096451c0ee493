"""Bad proofs of sixteen classes, each of which must be refused with its own code.

    python -m tests.trust.negative --each 200

starts its own server and prints how many were accepted and how many got another code.
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from lotkin.auth.permissions import Role
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.signature import Action, Meaning
from lotkin.errors import Refusal
from lotkin.records import migrate
from lotkin.records.server import THROWAWAY, embedded_postgres
from lotkin.records.session import Database
from lotkin.resolvers import release, worker
from lotkin.resolvers.context import Services
from lotkin.resolvers.signed import SignOutcome
from tests.flows.events import lot
from tests.trust.authenticator import Authenticator
from tests.trust.people import Person, make_lots, person, services_at, tell

RELEASE, REVIEWED = Action.RELEASE_LOT, Meaning.REVIEWED


@dataclass(slots=True)
class Case:
    """One fresh lot and one fresh signer, with a challenge."""

    site: Services
    number: str
    subject: str
    other: str
    signer: Person


async def _sql(case: Case, statement: str, **values: object) -> None:
    async with case.site.database.transaction() as connection:
        await connection.execute(text(statement), values)


async def expired(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    await _sql(
        case,
        "update signature_challenge set expires_at = clock_timestamp() - interval '1 ms' "
        "where id = :id",
        id=issued.row.id,
    )
    return await case.signer.sign(issued)


async def consumed(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    assert not (await case.signer.sign(issued)).problems
    return await case.signer.sign(issued)


async def revoked(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    return await case.signer.sign(issued)


async def other_user(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    thief = case.signer.but(subject=f"thief-{case.number}")
    return await thief.sign(issued)


async def other_session(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    return await case.signer.but(session="elsewhere").sign(issued)


async def other_key(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    return await case.signer.but(jkt="another").sign(issued)


async def wrong_action(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    id = node_id(NodeType.CHALLENGE, issued.row.id)
    return await release.reject_lot(case.signer.context(), id, case.signer.proof(issued))


async def stale_version(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    await _sql(
        case,
        "insert into lot_disposition (item_id, version) values (:lot, 2)",
        lot=issued.row.entity_id,
    )
    return await case.signer.sign(issued)


async def changed_digest(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    await tell(case.site, "storing", lot(2, case.number), 500)
    return await case.signer.sign(issued)


async def no_right(case: Case) -> object:
    stripped = case.signer.but(roles=frozenset({Role.CHANGE_APPROVER}))
    return await stripped.ask(RELEASE, case.subject, REVIEWED)


async def no_right_any_more(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    return await case.signer.but(roles=frozenset({Role.CHANGE_APPROVER})).sign(issued)


async def other_duty(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    await _sql(
        case,
        "update signature_challenge set signer = 'operator' where id = :id",
        id=issued.row.id,
    )
    await _sql(
        case,
        "update signing_factor set signer = 'operator' where signer = :signer",
        signer=case.signer.actor.subject,
    )
    return await case.signer.but(subject="operator").sign(issued)


async def wrong_password(case: Case) -> object:
    signer = await case.signer.with_password()
    issued = await signer.challenge(RELEASE, case.subject, REVIEWED)
    return await signer.sign(issued, signer.password_proof("guess"))


async def replayed_code(case: Case) -> object:
    signer = await case.signer.with_password()
    issued = await signer.challenge(RELEASE, case.subject, REVIEWED)
    proof = signer.password_proof()
    assert not (await signer.sign(issued, proof)).problems
    again = await signer.challenge(Action.REJECT_LOT, case.other, Meaning.REJECTED)
    return await signer.sign(again, proof)


async def no_user_verification(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    case.signer.key.verifies_user = False
    return await case.signer.sign(issued)


async def wrong_origin(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    case.signer.key.origin = "http://evil.example"
    return await case.signer.sign(issued)


async def count_gone_back(case: Case) -> object:
    issued = await case.signer.challenge(RELEASE, case.subject, REVIEWED)
    await _sql(
        case,
        "update signing_factor set sign_count = 50 where signer = :signer",
        signer=case.signer.actor.subject,
    )
    return await case.signer.sign(issued)


CLASSES: dict[str, tuple[Callable[[Case], Awaitable[object]], str]] = {
    "expired": (expired, "SIG_EXPIRED"),
    "consumed": (consumed, "SIG_CONSUMED"),
    "revoked": (revoked, "SIG_REVOKED"),
    "other user": (other_user, "SIG_NOT_FOUND"),
    "other session": (other_session, "SIG_CONTEXT_CHANGED"),
    "other key": (other_key, "SIG_CONTEXT_CHANGED"),
    "wrong action": (wrong_action, "SIG_NOT_FOUND"),
    "stale version": (stale_version, "SIG_RECORD_CHANGED"),
    "changed digest": (changed_digest, "SIG_RECORD_CHANGED"),
    "no right": (no_right, "SIG_FORBIDDEN"),
    "no right any more": (no_right_any_more, "FORBIDDEN"),
    "other duty": (other_duty, "SIG_SOD_CONFLICT"),
    "wrong password": (wrong_password, "SIG_PROOF_INVALID"),
    "replayed code": (replayed_code, "SIG_PROOF_INVALID"),
    "no user verification": (no_user_verification, "SIG_PROOF_INVALID"),
    "wrong origin": (wrong_origin, "SIG_PROOF_INVALID"),
    "count gone back": (count_gone_back, "SIG_PROOF_INVALID"),
}


async def run(site: Services, *, each: int) -> Counter[tuple[str, str]]:
    """Send `each` bad proofs of every class; return how often each class got which code."""
    found: Counter[tuple[str, str]] = Counter()
    for label, (attack, _) in CLASSES.items():
        tag = label.replace(" ", "-")
        numbers = [f"{tag}-{n}" for n in range(each)]
        lots = await make_lots(site, *numbers, f"{tag}-other")
        for number, subject in zip(numbers, lots, strict=False):
            signer = person(site, f"signer-{number}")
            signer.key = Authenticator()
            case = Case(site, number, subject, lots[-1], await signer.enrol())
            found[label, await _code(attack(case))] += 1
    return found


async def _code(attack: Awaitable[object]) -> str:
    try:
        told = await attack
    except Refusal as refusal:
        return refusal.code.value
    problems = told.problems  # type: ignore[attr-defined]
    if isinstance(told, SignOutcome) and told.signature is not None:
        return "ACCEPTED"
    return str(problems[0].code.value)


async def _main(each: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lotkin-negative-") as folder,
        embedded_postgres(Path(folder) / "pg", THROWAWAY) as url,
    ):
        migrate.upgrade(url)
        database = Database(url)
        task = asyncio.create_task(worker.sequencer(database))
        found = await run(services_at(database, Path(folder) / "state"), each=each)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()
    accepted = sum(n for (_, code), n in found.items() if code == "ACCEPTED")
    wrong = {key: n for key, n in found.items() if CLASSES[key[0]][1] != key[1]}
    print(f"{sum(found.values())} bad proofs, accepted={accepted}, other codes={wrong}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=200)
    asyncio.run(_main(parser.parse_args().each))
