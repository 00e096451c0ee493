"""Holds signatures against the journal entries that tell them, and against their own evidence."""

from collections.abc import AsyncIterator, Iterable, Mapping

import orjson

from lotkin.auth.challenge import base64url, record_digest
from lotkin.auth.evidence import flaw_of
from lotkin.domain.evidence import Finding, Flaw
from lotkin.domain.nodeid import parse_node_id
from lotkin.records import audit, items, signatures
from lotkin.records.session import Connection
from lotkin.records.signatures import SignatureRow
from lotkin.resolvers.context import Services
from lotkin.resolvers.record_checks import check

CHUNK = 500  # some 2 MB of evidence


@check("signature")
async def rows(services: Services, connection: Connection) -> AsyncIterator[Finding]:  # noqa: ARG001
    """Yield signatures that do not hold, or are not those that were journaled."""
    after = 0
    while found := await signatures.after(connection, after, limit=CHUNK):
        after = found[-1].id
        lots = [row.entity_id for row in found if row.entity_type == "lot"]
        keys = {id: item.key for id, item in (await items.rows(connection, lots)).items()}
        entries = await audit.signature_entries(connection, [row.intent_id for row in found])
        for row in found:
            told = entries.get(row.intent_id)
            if told is None:
                detail = "no journal entry tells this signature"
                yield Finding(Flaw.RECORD_UNJOURNALED, "signature", str(row.id), detail)
                continue
            wrong = list(_wrong(row, told[1], told[2], keys))
            if wrong:
                detail = f"{', '.join(wrong)} not as signed or journaled"
                yield Finding(Flaw.RECORD_CHANGED, "signature", str(row.id), detail, told[0])


def _wrong(row: SignatureRow, entry: bytes, body: bytes, lots: Mapping[int, str]) -> Iterable[str]:
    if flaw := flaw_of(row.payload, row.digest, row.evidence):
        yield flaw
    if flaw == "PAYLOAD":
        return
    told, journaled = orjson.loads(entry), orjson.loads(body).get("signature", {})
    if told["sig"] != base64url(row.digest):
        yield "JOURNAL"
    signed = orjson.loads(row.payload)
    subject = signed["ent"]
    same = {
        "signer": (signed["signer"]["sub"], signed["signer"]["name"])
        == (row.signer, row.printed_name),
        "meaning": signed["meaning"] == row.meaning == journaled.get("meaning"),
        "reason": signed["reason"] == row.reason,
        "action": signed["act"] == row.action,
        "subject": (subject["type"], subject["id"]) == (told["ent"]["type"], told["ent"]["id"]),
        "entity_type": subject["type"] == row.entity_type,
        "entity_id": lots.get(row.entity_id) == subject["id"]
        if row.entity_type == "lot"
        else (parse_node_id(subject["id"]) or ("", 0))[1] == row.entity_id,
        "entity_ver": subject["ver"] == row.entity_ver,
        "evidence": record_digest(row.evidence) == journaled.get("evidence"),
    }
    yield from (name for name, fits in same.items() if not fits)
