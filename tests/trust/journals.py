"""A journal under the hands of a test: events captured, entries placed, checkpoints signed."""

from dataclasses import dataclass
from typing import Any

from lotkin.journal import checkpoint, keys, note, tiles, tree
from lotkin.journal.note import SignerKey
from lotkin.journal.watch import Watched, cosign
from lotkin.records.session import SEQUENCER, Database
from lotkin.resolvers import worker
from lotkin.resolvers.capture import capture
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.verification import Report, Wanted, verification
from tests.flows.events import document
from tests.flows.pump import story


@dataclass(slots=True)
class Log:
    """One journal and who writes it."""

    context: Context

    @property
    def services(self) -> Services:
        return self.context.services

    @property
    def sequencing(self) -> Database:
        """The pool in the role that places and signs."""
        return self.services.database.as_role(SEQUENCER)

    @property
    def key(self) -> SignerKey:
        settings = self.services.settings
        return keys.load_or_make(settings.journal_key(), settings.journal_origin, note.ED25519)

    async def tell(self, *events: dict[str, Any]) -> int:
        """Capture events one document each, place and sign them; return the size."""
        for event in events:
            outcome = await capture(self.context, document(event))
            assert not outcome.problems, outcome.problems
        return await self.settle()

    async def tell_story(self) -> int:
        """Tell a pump maker's week with a checkpoint after every few events."""
        told, size = story(), 0
        for first in range(0, len(told), 4):
            size = await self.tell(*told[first : first + 4])
        return size

    async def settle(self) -> int:
        """Place what is pending and sign it; return the journal's size."""
        while await worker.sequence_once(self.sequencing):
            pass
        await worker.checkpoint_once(self.sequencing, self.services.settings)
        async with self.services.database.reading() as connection:
            last = await checkpoint.latest(connection)
        return 0 if last is None else last.size

    async def verify(self, *witnesses: Watched) -> Report:
        """Verify the whole journal."""
        named = [(f"witness-{number}", each) for number, each in enumerate(witnesses)]
        return await verification(self.services, Wanted(witnesses=named))

    async def show(self, watched: Watched, key: SignerKey) -> str | None:
        """Show a witness the newest checkpoint; return its line."""
        async with self.services.database.reading() as connection:
            last = await checkpoint.latest(connection)
            assert last is not None
            known = watched.last
            old = known.size if known else 0
            proof = (
                await tiles.ask(connection, lambda read: tree.consistency(old, last.size, read))
                if old <= last.size
                else []
            )
        return cosign(watched, last.note, lambda *_: proof, key, time=1_800_000_000)
