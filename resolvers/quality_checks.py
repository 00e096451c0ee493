"""Holds dispositions, holds and changes against the journal entries that tell them."""

from collections.abc import AsyncIterator

import orjson

from lotkin.domain.evidence import Finding, Flaw
from lotkin.records import audit
from lotkin.records import decided as records
from lotkin.records.session import Connection
from lotkin.resolvers.context import Services
from lotkin.resolvers.record_checks import check

CHUNK = 1_000


@check("quality")
async def rows(services: Services, connection: Connection) -> AsyncIterator[Finding]:  # noqa: ARG001
    """Yield rows of quality that do not say what their last journal entry says."""
    for table in records.TABLES:
        after = 0
        while found := await records.after(connection, table, after, limit=CHUNK):
            after = found[-1].id
            intents = [row.intent for row in found if row.intent is not None]
            entries = await audit.signature_entries(connection, intents)
            for row in found:
                told = None if row.intent is None else entries.get(row.intent)
                if told is None:
                    if not row.is_untouched:
                        detail = "no journal entry tells what was decided"
                        yield Finding(Flaw.RECORD_UNJOURNALED, table, str(row.id), detail)
                    continue
                journaled = orjson.loads(told[2])["after"]
                wrong = sorted(
                    name for name, value in row.told.items() if journaled.get(name) != value
                )
                if wrong:
                    detail = f"{', '.join(wrong)} not as journaled"
                    yield Finding(Flaw.RECORD_CHANGED, table, str(row.id), detail, told[0])
