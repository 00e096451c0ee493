"""Wherever a signature shows - printed, exported, in GraphQL - it says name, time, zone, meaning.

`LOTKIN_RECORDS=1000 pytest tests/trust/test_manifest.py` looks at as many signed records.
"""

import json
import os
import random

from lotkin import schema
from lotkin.auth.challenge import manifest
from lotkin.auth.permissions import Role
from lotkin.domain.change import ChangeKind, Risk
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.signature import Action, Meaning
from lotkin.resolvers import change
from lotkin.resolvers.change import Draft
from lotkin.resolvers.context import Services
from lotkin.resolvers.signature import exported, signature
from tests.trust.people import Person, person, services_at

RECORDS = int(os.environ.get("LOTKIN_RECORDS", "8"))
NAMES = ("Ana María Núñez", "李雷", "O'Neil, Síle", "Zoë Åström", "محمد علي", "Ada")
ZONES = ("UTC", "Asia/Shanghai", "Europe/Zurich", "America/St_Johns")
QUERY = """query($id: ID!) { node(id: $id) { ... on Signature { printedName signedAt zone meaning
  reason manifest assurance subjectVersion subject { id } voidedAt } } }"""


async def signed(site: Services, chance: random.Random, n: int) -> tuple[Person, int]:
    author = person(site, f"author-{n}", Role.QUALITY_ENGINEER)
    draft = Draft(f"Change {n}", chance.choice([*ChangeKind]), Risk.LOW, "Do it.")
    made = await change.create_change(author.context(), draft)
    assert made.row is not None
    id = node_id(NodeType.CHANGE, made.row)
    await change.submit_change(author.context(), id, 1)
    signer = person(site, f"signer-{n}", Role.CHANGE_APPROVER).but(name=chance.choice(NAMES))
    await signer.enrol()
    issued = await signer.challenge(
        Action.APPROVE_CHANGE, id, Meaning.APPROVED, reason=chance.choice(["fits", "因为合适"])
    )
    done = await signer.sign(issued)
    assert done.signature is not None, done.problems
    return signer, done.signature


async def test_every_form_of_a_signature_carries_name_time_zone_and_meaning(
    site: Services,
) -> None:
    chance, served = random.Random(9), schema.build()
    for n in range(RECORDS):
        zone = chance.choice(ZONES)
        place = services_at(site.database, site.settings.state_dir, site_zone=zone)
        signer, row_id = await signed(place, chance, n)
        row = await signature(signer.context(), row_id)
        assert row is not None
        printed = manifest(row.payload, row.signed_at, "zh" if n % 2 else "en")
        assert all(part in printed for part in (signer.actor.name, zone, row.meaning)), printed
        line = json.dumps(exported(row), ensure_ascii=False)
        assert all(part in line for part in (signer.actor.name, zone, row.meaning, "signedAt"))
        answer = await served.execute(
            QUERY, {"id": node_id(NodeType.SIGNATURE, row_id)}, signer.context()
        )
        assert not answer.errors, answer.errors
        told = answer.data["node"]
        assert (told["printedName"], told["zone"]) == (signer.actor.name, zone)
        assert (told["meaning"], told["reason"]) == (row.meaning, row.reason)
        assert told["signedAt"].endswith("Z")
        assert told["manifest"].startswith(signer.actor.name)
        assert told["subject"]["id"] == node_id(NodeType.CHANGE, row.entity_id)
