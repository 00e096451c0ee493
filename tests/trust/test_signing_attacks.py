"""Races, bad proofs, swapped contents, guesses: small here, in full as programs of this folder."""

import copy
import json
import random
from typing import Any

import pytest
from sqlalchemy import text

from lotkin.auth.challenge import base64url, digest_of, from_base64url
from lotkin.auth.evidence import flaw_of
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.signature import Action, Factor, Meaning
from lotkin.errors import Refusal
from lotkin.records import signatures as records
from lotkin.resolvers import release
from lotkin.resolvers.context import Services
from lotkin.resolvers.proofs import Proof
from tests.trust import negative
from tests.trust.people import gather, make_lots, person
from tests.trust.race import race

RELEASE, REVIEWED = Action.RELEASE_LOT, Meaning.REVIEWED


async def test_of_many_racers_exactly_one_signs(site: Services) -> None:
    assert await race(site, challenges=6, racers=16) == {1: 6}


async def test_every_class_of_bad_proof_is_refused_with_its_own_code(site: Services) -> None:
    found = await negative.run(site, each=1)
    assert found == {(label, code): 1 for label, (_, code) in negative.CLASSES.items()}


def mutations(value: Any, chance: random.Random, count: int) -> list[Any]:
    """Other values for one field of a payload."""
    found: list[Any] = []
    while len(found) < count:
        if isinstance(value, str):
            at = chance.randrange(len(value) + 1)
            other: Any = value[:at] + chr(chance.randrange(33, 0x2FF)) + value[at + 1 :]
        elif isinstance(value, list):
            other = [*value, f"signature-{len(found)}"]
        elif isinstance(value, dict):
            other = copy.deepcopy(value)
            key = chance.choice(sorted(other))
            other[key] = mutations(other[key], chance, 1)[0]
        elif isinstance(value, int):
            other = value + chance.randrange(1, 1000)
        else:
            other = f"was-null-{len(found)}"
        if other != value:
            found.append(other)
    return found


async def test_no_field_of_what_was_signed_can_be_substituted(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada = await person(site, "ada").enrol()
    issued = await ada.challenge(RELEASE, subject, REVIEWED)
    done = await ada.sign(issued)
    assert done.signature is not None
    async with site.database.reading() as connection:
        row = (await records.by_ids(connection, [done.signature]))[done.signature]
    assert flaw_of(row.payload, row.digest, row.evidence) is None
    chance, told = random.Random(7), json.loads(row.payload)
    accepted = 0
    for field, value in told.items():
        for other in mutations(value, chance, 50):
            forged = json.dumps(
                told | {field: other}, ensure_ascii=False, separators=(",", ":"), sort_keys=True
            ).encode()
            # Neither with its own digest nor with that of what was signed.
            for digest in (row.digest, digest_of(forged)):
                accepted += flaw_of(forged, digest, row.evidence) is None
    assert accepted == 0


async def test_a_flipped_bit_of_the_evidence_shows(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada = await person(site, "ada").with_password()
    done = await ada.sign(await ada.challenge(RELEASE, subject, REVIEWED), ada.password_proof())
    ben = await person(site, "ben").enrol()
    second = await ben.sign(await ben.challenge(RELEASE, subject, Meaning.RELEASED, version=2))
    chance = random.Random(8)
    async with site.database.reading() as connection:
        rows = await records.by_ids(connection, [done.signature, second.signature])
    for row in rows.values():
        names = [name for name in row.evidence if name not in {"factor", "factors", "rpId"}]
        for _ in range(300):
            name = chance.choice(names)
            raw = bytearray(
                row.evidence[name].encode() if name == "kid" else from_base64url(row.evidence[name])
            )
            at = chance.randrange(len(raw))
            raw[at] ^= 1 << chance.randrange(7 if name == "kid" else 8)
            other = raw.decode() if name == "kid" else base64url(bytes(raw))
            assert flaw_of(row.payload, row.digest, {**row.evidence, name: other}) == "EVIDENCE"


async def test_at_most_five_guesses_are_looked_at_and_an_alert_is_raised(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada = await person(site, "ada").with_password()
    issued = await ada.challenge(RELEASE, subject, REVIEWED)
    guesses = (ada.sign(issued, ada.password_proof(f"guess-{n}")) for n in range(40))
    told = [each.problems[0].code.value for each in await gather(*guesses)]
    assert told.count("SIG_PROOF_INVALID") == 5
    assert told.count("SIG_LOCKED") == 35
    right = await ada.sign(issued, ada.password_proof())
    assert right.problems[0].code.value == "SIG_LOCKED"
    assert 0 < right.problems[0].facts["retryAfter"] <= 901
    async with site.database.reading() as connection:
        raised = await connection.execute(
            text("select count(*) from alert where code = 'SIG_LOCKED'")
        )
        assert raised.scalar_one() == 1


async def test_aliases_of_one_operation_are_one_try(site: Services) -> None:
    (subject,) = await make_lots(site, "FIN")
    ada = await person(site, "ada").with_password()
    issued = await ada.challenge(RELEASE, subject, REVIEWED)
    id, request = node_id(NodeType.CHALLENGE, issued.row.id), ada.context()
    first = await release.release_lot(request, id, ada.password_proof("guess"))
    assert first.problems[0].code.value == "SIG_PROOF_INVALID"
    with pytest.raises(Refusal, match="BAD_INPUT"):
        await release.release_lot(request, id, ada.password_proof("another"))


async def test_an_empty_proof_and_an_unknown_challenge_are_refused(site: Services) -> None:
    ada = await person(site, "ada").enrol()
    for id in ("nonsense", node_id(NodeType.CHALLENGE, 999), node_id(NodeType.ITEM, 1)):
        told = await release.release_lot(ada.context(), id, Proof(Factor.WEBAUTHN))
        assert told.problems[0].code.value == "SIG_NOT_FOUND"
