"""Two people release a lot; whatever is wrong is refused with its own code."""

import asyncio
from dataclasses import replace

from sqlalchemy import text

from lotkin.auth.evidence import flaw_of
from lotkin.auth.permissions import Role
from lotkin.domain.change import ChangeKind, Risk
from lotkin.domain.evidence import Finding, Flaw
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.release import HoldKind, LotState
from lotkin.domain.signature import Action, Meaning
from lotkin.domain.status import ItemStatus
from lotkin.journal import read as journal
from lotkin.records import release as release_records
from lotkin.resolvers import (
    change,
    factors,
    holds,
    items,
    quality_checks,  # noqa: F401  (registers its check)
    release,
)
from lotkin.resolvers.change import Draft
from lotkin.resolvers.context import Services
from lotkin.resolvers.lookup import Lookup
from lotkin.resolvers.record_checks import CHECKS
from lotkin.resolvers.signature import export_signatures, verify_signature
from tests.flows.events import lot
from tests.trust.people import RAW, Person, gather, make_lots, person, services_at, tell

RELEASE = Action.RELEASE_LOT


def codes(outcome: object) -> list[str]:
    return [problem.code.value for problem in outcome.problems]  # type: ignore[attr-defined]


async def two(site: Services) -> tuple[Person, Person]:
    return await person(site, "ada").enrol(), await person(site, "ben").enrol()


async def released(site: Services, subject: str) -> tuple[Person, Person]:
    ada, ben = await two(site)
    first = await ada.sign(await ada.challenge(RELEASE, subject, Meaning.REVIEWED))
    assert not first.problems
    second = await ben.sign(await ben.challenge(RELEASE, subject, Meaning.RELEASED, version=2))
    assert not second.problems
    return ada, ben


async def readiness(site: Services, number: str = "FIN") -> release.Readiness:
    return await release.release_readiness(
        person(site, "eva").context(), Lookup(key=lot(2, number))
    )


async def status(site: Services, key: str) -> ItemStatus:
    context = person(site, "eva").context()
    row = await items.item(context, Lookup(key=key))
    assert row is not None
    return (await items.condition(context, row.id)).status


async def test_two_people_release_a_lot(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    before = await readiness(site)
    assert (before.state, before.version, before.blockers) == (LotState.READY, 1, ())
    await released(site, subject)
    after = await readiness(site)
    assert (after.state, after.version) == (LotState.RELEASED, 3)
    assert [each.meaning for each in after.signatures] == ["REVIEWED", "RELEASED"]
    assert await status(site, lot(2, "FIN")) is ItemStatus.RELEASED


async def test_the_reviewer_cannot_release(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await two(site)
    await ada.sign(await ada.challenge(RELEASE, subject, Meaning.REVIEWED))
    told = await ada.ask(RELEASE, subject, Meaning.RELEASED, version=2)
    assert codes(told) == ["SIG_SOD_CONFLICT"]
    assert told.problems[0].facts == {"rule": "SAME_SIGNER"}


async def test_who_made_the_lot_or_its_inputs_cannot_sign_it(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    maker = await person(site, "operator", Role.QA_RELEASER).enrol()
    told = await maker.ask(RELEASE, subject, Meaning.REVIEWED)
    assert told.problems[0].facts == {"rule": "PERFORMER"}


async def test_a_challenge_is_used_once(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await two(site)
    issued = await ada.challenge(RELEASE, subject, Meaning.REVIEWED)
    proof = ada.proof(issued)
    first = await ada.sign(issued, proof)
    again = await ada.sign(issued, proof)
    assert codes(again) == ["SIG_CONSUMED"]
    assert again.problems[0].facts["signatureId"] == node_id(NodeType.SIGNATURE, first.signature)


async def test_a_proof_for_another_lot_is_wrong(site: Services) -> None:
    one, other = await make_lots(site, "FIN", "OTHER")
    ada, _ = await two(site)
    mine = await ada.challenge(RELEASE, one, Meaning.REVIEWED)
    theirs = await ada.challenge(RELEASE, other, Meaning.REVIEWED)
    told = await ada.sign(mine, ada.proof(theirs))
    assert codes(told) == ["SIG_PROOF_INVALID"]
    assert told.problems[0].facts == {"attemptsLeft": 4}


async def test_an_edited_lot_must_be_looked_at_again(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await two(site)
    issued = await ada.challenge(RELEASE, subject, Meaning.REVIEWED)
    await tell(site, "storing", lot(2, "FIN"), 50)
    assert codes(await ada.sign(issued)) == ["SIG_RECORD_CHANGED"]


async def test_a_hold_upstream_blocks_until_another_person_lifts_it(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, ben = await two(site)
    issued = await ada.challenge(RELEASE, subject, Meaning.REVIEWED)
    eva = person(site, "eva", Role.QUALITY_ENGINEER)
    placed = await holds.place_hold(
        eva.context(), Lookup(key=RAW), HoldKind.HOLD, "supplier letter", None
    )
    assert placed.row is not None
    assert await status(site, RAW) is ItemStatus.ON_HOLD
    told = await ada.sign(issued)
    assert codes(told) == ["SIG_PREREQUISITE"]
    assert told.problems[0].facts == {"missing": ["UPSTREAM_HOLD"]}
    assert [each.code for each in (await readiness(site)).blockers] == ["UPSTREAM_HOLD"]
    hold = node_id(NodeType.HOLD, placed.row)
    lifted = await ben.sign(await ben.challenge(Action.LIFT_HOLD, hold, Meaning.APPROVED))
    assert not lifted.problems
    assert not (await ada.sign(issued)).problems


async def test_a_told_hold_and_inspections_block_too(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    key = lot(2, "FIN")
    approver = person(site, "amy", Role.CHANGE_APPROVER)
    row = await items.item(approver.context(), Lookup(key=key))
    assert row is not None
    assert row.class_id is not None
    of_class = node_id(NodeType.ITEM_CLASS, row.class_id)
    await holds.require_inspections(approver.context(), of_class, 1)
    await tell(site, "holding", key, 50)
    found = [each.code for each in (await readiness(site)).blockers]
    assert found == ["HOLD", "INSPECTION_MISSING"]
    await tell(site, "inspecting", key, 51, disposition="non_conformant")
    assert "INSPECTION_FAILED" in [each.code for each in (await readiness(site)).blockers]
    await tell(site, "inspecting", key, 52, disposition="conformant")
    assert (await readiness(site)).blockers == ()
    await released(site, subject)


async def test_a_release_can_be_revoked_and_blocks_what_is_made_of_it(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    await released(site, subject)
    cas = await person(site, "cas").enrol()
    without = await cas.ask(
        Action.REVOKE_RELEASE, subject, Meaning.REJECTED, version=3, reason=None
    )
    assert without.problems[0].facts == {"missing": ["REASON"]}
    issued = await cas.challenge(Action.REVOKE_RELEASE, subject, Meaning.REJECTED, version=3)
    assert not (await cas.sign(issued)).problems
    assert (await readiness(site)).state is LotState.REVOKED
    assert await status(site, lot(2, "FIN")) is ItemStatus.QUARANTINE


async def test_password_and_code_sign_and_a_code_signs_once(site: Services) -> None:
    one, other = await make_lots(site, "FIN", "OTHER")
    ada = await person(site, "ada").with_password()
    issued = await ada.challenge(RELEASE, one, Meaning.REVIEWED)
    proof = ada.password_proof()
    done = await ada.sign(issued, proof)
    assert not done.problems
    again = await ada.challenge(RELEASE, other, Meaning.REVIEWED)
    assert codes(await ada.sign(again, proof)) == ["SIG_PROOF_INVALID"]
    assert codes(await ada.sign(again, ada.password_proof("wrong", steps=1))) == [
        "SIG_PROOF_INVALID"
    ]
    # A code alone is never enough, and neither is a password outside a signing period.
    half = replace(ada.password_proof(steps=1), code="")
    assert codes(await ada.sign(again, half)) == ["SIG_PROOF_INVALID"]


async def test_a_signing_period_takes_one_component_after_a_full_signing(site: Services) -> None:
    within = services_at(site.database, site.settings.state_dir, signing_period=True)
    one, other = await make_lots(site, "FIN", "OTHER")
    ada = await person(within, "ada").with_password()
    half = replace(ada.password_proof(), code="")
    issued = await ada.challenge(RELEASE, one, Meaning.REVIEWED)
    assert codes(await ada.sign(issued, half)) == ["SIG_PROOF_INVALID"]
    assert not (await ada.sign(issued, ada.password_proof())).problems
    assert not (
        await ada.sign(await ada.challenge(RELEASE, other, Meaning.REVIEWED), half)
    ).problems
    elsewhere = ada.but(session="another")
    again = await elsewhere.ask(RELEASE, one, Meaning.RELEASED, version=2)
    assert codes(again) == ["SIG_SOD_CONFLICT"]


async def test_a_change_is_approved_by_as_many_as_its_risk_asks_for(site: Services) -> None:
    author = person(site, "author", Role.CHANGE_APPROVER)
    draft = Draft("New resin", ChangeKind.PROCESS, Risk.HIGH, "Use resin B.\nFrom May on.")
    made = await change.create_change((await author.enrol()).context(), draft)
    assert made.row is not None
    id = node_id(NodeType.CHANGE, made.row)
    await change.submit_change(author.context(), id, 1)
    told = await author.ask(Action.APPROVE_CHANGE, id, Meaning.APPROVED)
    assert told.problems[0].facts == {"rule": "AUTHOR"}
    one = await person(site, "amy", Role.CHANGE_APPROVER).enrol()
    two = await person(site, "bob", Role.CHANGE_APPROVER).enrol()
    await one.sign(await one.challenge(Action.APPROVE_CHANGE, id, Meaning.APPROVED))
    assert (await change.change_of(one.context(), id)).state == "SUBMITTED"
    done = await two.sign(await two.challenge(Action.APPROVE_CHANGE, id, Meaning.APPROVED))
    assert not done.problems
    assert (await change.change_of(one.context(), id)).state == "APPROVED"
    edited = await change.edit_change(
        author.context(), id, 1, replace(draft, content="Use resin C.")
    )
    assert not edited.problems
    now = await change.change_of(one.context(), id)
    assert (now.state, now.version) == ("SUBMITTED", 2)
    assert await change.approvals(one.context(), made.row) == []
    stale = await change.edit_change(author.context(), id, 1, draft)
    assert codes(stale) == ["SIG_RECORD_CHANGED"]


async def test_two_administrators_reset_and_the_person_enrols_again(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await two(site)
    root, toor = (person(site, name, Role.ADMINISTRATOR) for name in ("root", "toor"))
    first = await factors.reset_factor(root.context(), "ada", "key lost")
    assert (first.is_done, first.problems) == (False, ())
    alone = await factors.reset_factor(root.context(), "ada", "key lost")
    assert alone.problems[0].facts == {"rule": "TWO_ADMINISTRATORS"}
    done = await factors.reset_factor(toor.context(), "ada", "key lost")
    assert (done.is_done, done.revoked) == (True, 1)
    told = await ada.ask(RELEASE, subject, Meaning.REVIEWED)
    assert codes(told) == ["SIG_FACTOR_MISSING"]
    again = await person(site, "ada").enrol()
    assert (await again.ask(RELEASE, subject, Meaning.REVIEWED)).issued is not None


async def test_three_challenges_may_wait_and_a_newer_one_takes_the_place(site: Services) -> None:
    lots = await make_lots(site, "A", "B", "C", "D")
    ada, _ = await two(site)
    first = await ada.challenge(RELEASE, lots[0], Meaning.REVIEWED)
    await ada.challenge(RELEASE, lots[0], Meaning.REVIEWED)
    assert codes(await ada.sign(first)) == ["SIG_REVOKED"]
    await ada.challenge(RELEASE, lots[1], Meaning.REVIEWED)
    await ada.challenge(RELEASE, lots[2], Meaning.REVIEWED)
    told = await ada.ask(RELEASE, lots[3], Meaning.REVIEWED)
    assert codes(told) == ["SIG_TOO_MANY_PENDING"]


async def test_an_old_log_in_must_be_renewed(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await two(site)
    old = ada.but(auth_time=ada.actor.auth_time - 13 * 3600)
    told = await old.ask(RELEASE, subject, Meaning.REVIEWED)
    assert codes(told) == ["SIG_STEP_UP_REQUIRED"]
    assert told.problems[0].facts["max_age"] == 12 * 3600


async def test_what_was_signed_verifies_again_and_is_exported(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await released(site, subject)
    lines = await export_signatures(ada.context())
    assert [line["meaning"] for line in lines] == ["REVIEWED", "RELEASED"]
    found = await verify_signature(ada.context(), lines[0]["id"])
    assert found is not None
    assert (found.flaws, found.position is not None) == ((), True)
    row = found.row
    assert flaw_of(row.payload + b" ", row.digest, row.evidence) == "PAYLOAD"
    forged = {**row.evidence, "signature": lines[1]["evidence"]["signature"]}
    assert flaw_of(row.payload, row.digest, forged) == "EVIDENCE"


async def test_every_act_has_its_journal_entry(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    await released(site, subject)
    async with site.database.reading() as connection:
        told = await journal.after(connection, 0, limit=100)
    signed = [body for _, body in told if "signature" in body]
    assert [body["after"]["state"] for body in signed] == ["REVIEWED", "RELEASED"]
    assert all(body["signature"]["printedName"] in {"Ada", "Ben"} for body in signed)


async def test_a_race_of_hold_and_release_has_one_outcome(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada, _ = await two(site)
    issued = await ada.challenge(RELEASE, subject, Meaning.REVIEWED)
    eva = person(site, "eva", Role.QUALITY_ENGINEER)
    await gather(
        ada.sign(issued),
        holds.place_hold(eva.context(), Lookup(key=RAW), HoldKind.HOLD, "letter", None),
    )
    async with site.database.reading() as connection:
        now = await release_records.disposition(connection, issued.row.entity_id)
    assert now.state in {"PENDING", "REVIEWED"}
    assert [each.code for each in (await readiness(site)).blockers] == ["UPSTREAM_HOLD"]


async def test_an_edited_lot_row_is_named_by_the_verification(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    await released(site, subject)
    await asyncio.sleep(0.1)
    assert await findings(site) == []
    async with site.database.transaction() as connection:
        await connection.execute(text("update lot_disposition set state = 'REJECTED'"))
    (found,) = await findings(site)
    assert (found.flaw, found.table) == (Flaw.RECORD_CHANGED, "lot_disposition")


async def findings(site: Services) -> list[Finding]:
    async with site.database.reading() as connection:
        return [each async for each in CHECKS["quality"](site, connection)]
