"""Puts hand-made genealogies into PostgreSQL and gives the same as journal entries.

Every body (`{"graph": {...}}` without the wrapper) is one event: entry k becomes event k, journal
position k, and record time START + k seconds. The tables are derived from the bodies, so that both
engines are fed from one telling.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from lotkin.domain.genealogy import OPEN
from lotkin.tests.emptying import EMPTY

Body = dict[str, Any]
Row = tuple[Any, ...]

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000

FLOW = (
    "id, item_id, activity_id, at, quality, uncertainty, pieces, event_id, rec_from, rec_to,"
    " ended_by"
)
INTERVAL = (
    "id, child_id, parent_id, since, since_quality, since_uncertainty, until, until_quality,"
    " until_uncertainty, is_installation, event_id, rec_from, rec_to, ended_by"
)
MOVEMENT = (
    "id, item_id, kind, at, quality, uncertainty, sender_id, receiver_id, event_id,"
    " rec_from, rec_to, ended_by"
)
FACTS = ("draws", "productions", "memberships", "installations", "stays", "movements")


def at_record(seq: int) -> datetime:
    """Return the record time of entry `seq`."""
    return START + timedelta(seconds=seq)


async def empty(engine: AsyncEngine) -> None:
    """Remove every genealogy and journal row."""
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("set local role none")
        await raw.execute(EMPTY)
        await raw.commit()


async def load(
    engine: AsyncEngine, bodies: Sequence[Body], *, sequenced: int | None = None
) -> list[tuple[int, Body]]:
    """Write `bodies` as the only content of the database; return the entries to project.

    Only the first `sequenced` entries have a journal position (all, if left out).
    """
    await empty(engine)
    return await append(engine, list(enumerate(bodies, 1)), sequenced=sequenced)


async def append(
    engine: AsyncEngine, entries: Sequence[tuple[int, Body]], *, sequenced: int | None = None
) -> list[tuple[int, Body]]:
    """Write further entries, which name no item, class, party or activity of earlier ones."""
    head = entries[-1][0] if sequenced is None else sequenced
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("set local role none")  # the log-in's own role may COPY
        for table, columns, rows in _tables(entries, head):
            statement = f"copy {table} ({columns}) from stdin"
            async with raw.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    await copy.write_row(row)
        await raw.execute("update journal_head set size = %s", [head])
        await raw.commit()
        if len(entries) > 1000:  # what autovacuum would do soon
            await raw.set_autocommit(True)
            await raw.execute("set role none")
            await raw.execute("vacuum analyze")
            await raw.execute("reset role")
            await raw.set_autocommit(False)
    return [(seq, {"graph": body}) for seq, body in entries if seq <= head]


def _tables(
    entries: Sequence[tuple[int, Body]], head: int
) -> Iterable[tuple[str, str, Iterable[Row]]]:
    items = {row[0]: row for _, body in entries for row in body.get("items", ())}
    activities = {row[0]: row for _, body in entries for row in body.get("activities", ())}
    classes = {row[3] for row in items.values()} - {-1}
    parties = {
        party for _, body in entries for row in body.get("movements", ()) for party in row[6:8]
    } - {-1}
    yield "party", "id, key", ((party, f"party-{party}") for party in parties)
    yield "item_class", "id, key", ((item_class, f"class-{item_class}") for item_class in classes)
    yield (
        "item",
        "id, key, kind, class_id, org_id, site_id",
        (
            (i, key, kind, None if c == -1 else c, "org", "site")
            for i, key, kind, c in items.values()
        ),
    )
    yield (
        "activity",
        "id, key, kind",
        ((i, f"activity-{i}", kind) for i, kind in activities.values()),
    )
    yield (
        "event",
        "id, event_id, is_declaration, digest, type, at, quality, uncertainty, zone, record_time,"
        " org_id, site_id, actor, document, intent_id",
        (_event(seq) for seq, _ in entries),
    )
    yield "journal_intent", "id, entry, body, salt", (_intent(seq, body) for seq, body in entries)
    yield (
        "journal",
        "seq, leaf, intent_id",
        (
            (seq, hashlib.sha256(b"%d" % seq).digest(), UUID(int=seq))
            for seq, _ in entries
            if seq <= head
        ),
    )
    yield "draw", FLOW, (row[:7] + rec for row, rec in _facts(entries, "draws"))
    yield "production", FLOW, (row[:7] + rec for row, rec in _facts(entries, "productions"))
    yield (
        "membership",
        "id, lot_id, serial_id, event_id, rec_from, rec_to, ended_by",
        (row[:3] + rec for row, rec in _facts(entries, "memberships")),
    )
    yield (
        "stay",
        INTERVAL,
        ((*row[:9], True, *rec) for row, rec in _facts(entries, "installations")),
    )
    yield "stay", INTERVAL, ((*row[:9], False, *rec) for row, rec in _facts(entries, "stays"))
    yield (
        "movement",
        MOVEMENT,
        (
            (*row[:6], *(None if party == -1 else party for party in row[6:8]), row[8], *rec[1:])
            for row, rec in _facts(entries, "movements")
        ),
    )


def _facts(entries: Sequence[tuple[int, Body]], kind: str) -> Iterable[tuple[Row, Row]]:
    ended = {row[0]: seq for seq, body in entries for row in body.get("ended", {}).get(kind, ())}
    for seq, body in entries:
        for row in body.get(kind, ()):
            end = ended.get(row[0])
            until = None if end is None else at_record(end)
            yield tuple(row), (seq, at_record(seq), until, end)


def _event(seq: int) -> Row:
    digest = hashlib.sha256(b"event %d" % seq).digest()
    rest = (0, 0, 0, "+00:00", at_record(seq), "org", "site", "tester", "{}", UUID(int=seq))
    return (seq, f"event-{seq}", False, digest, "ObjectEvent", *rest)


def _intent(seq: int, body: Body) -> Row:
    return (UUID(int=seq), b"{}", orjson.dumps({"graph": body}), bytes(32))


class Telling:
    """Tells a genealogy fact by fact; ids are handed out in order, times are hours."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self._last = dict.fromkeys(("item", "activity", "fact"), 0)

    def _next(self, what: str) -> int:
        self._last[what] += 1
        return self._last[what]

    def entry(self) -> Body:
        """Begin the next journal entry; the facts that follow belong to it."""
        self.bodies.append({})
        return self.bodies[-1]

    def _add(self, kind: str, row: list[Any]) -> list[Any]:
        body = self.bodies[-1] if self.bodies else self.entry()
        body.setdefault(kind, []).append(row)
        return row

    def item(self, kind: int = 0, item_class: int = -1) -> int:
        """Tell a new item; return its id."""
        item = self._next("item")
        self._add("items", [item, f"item-{item}", kind, item_class])
        return item

    def activity(
        self, inputs: Iterable[int], outputs: Iterable[int], *, kind: int = 0, hour: int = 0
    ) -> int:
        """Tell an activity that draws `inputs` and produces `outputs` at `hour`; return its id."""
        activity = self._next("activity")
        self._add("activities", [activity, kind])
        for item in inputs:
            self.draw(item, activity, hour=hour)
        for item in outputs:
            self.production(item, activity, hour=hour)
        return activity

    def draw(self, item: int, activity: int, *, hour: int = 0) -> list[Any]:
        """Tell a draw; return its row."""
        row = [self._next("fact"), item, activity, hour * HOUR, 0, 0, 1]
        return self._add("draws", row)

    def production(self, item: int, activity: int, *, hour: int = 0) -> list[Any]:
        """Tell a production; return its row."""
        row = [self._next("fact"), item, activity, hour * HOUR, 1, 0, 1]
        return self._add("productions", row)

    def member(self, lot: int, serial: int) -> list[Any]:
        """Tell that `serial` is one of `lot`; return its row."""
        return self._add("memberships", [self._next("fact"), lot, serial])

    def install(
        self, part: int, device: int, since: int = 0, until: int | None = None
    ) -> list[Any]:
        """Tell that `part` is fitted in `device` over hours; return its row."""
        return self._add("installations", self._interval(part, device, since, until))

    def pack(self, child: int, parent: int, since: int = 0, until: int | None = None) -> list[Any]:
        """Tell that `child` is packed in `parent` over hours; return its row."""
        return self._add("stays", self._interval(child, parent, since, until))

    def _interval(self, child: int, parent: int, since: int, until: int | None) -> list[Any]:
        end = OPEN if until is None else until * HOUR
        return [self._next("fact"), child, parent, since * HOUR, 0, 5, end, 1, 0]

    def move(self, item: int, kind: int, sender: int, receiver: int, hour: int = 0) -> list[Any]:
        """Tell a movement; return its row."""
        seq = max(len(self.bodies), 1)
        row = [self._next("fact"), item, kind, hour * HOUR, 0, 0, sender, receiver, seq]
        return self._add("movements", row)

    def end(self, kind: str, row: list[Any]) -> None:
        """Tell that a fact of an earlier entry no longer holds."""
        body = self.bodies[-1]
        body.setdefault("ended", {}).setdefault(kind, []).append(row)
