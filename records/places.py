"""What custody columns do not hold of an item's whereabouts: sightings, parts, new labels, use."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text

from lotkin.domain.custody import Succession
from lotkin.domain.genealogy import ActivityKind, ints
from lotkin.records.session import Connection


class Span(NamedTuple):
    """That what happens to `thing` in [since, until) tells where the item of question `n` is."""

    n: int
    thing: int
    since: int
    until: int


class Inside(NamedTuple):
    """A question for what is in a container at `at`; deep: in what is in it, too."""

    container: int
    at: int
    deep: bool
    after: int = 0
    limit: int = 0


class Sighting(NamedTuple):
    """The place that an event told: where things are afterwards, or only passed."""

    biz_location: int | None
    read_point: int | None


class Use(NamedTuple):
    """The last draw of an item, and whether it was produced again after it or by it."""

    activity: int
    kind: ActivityKind
    at: int
    is_produced_again: bool
    is_lot: bool


async def succession(connection: Connection, items: Collection[int], at: int) -> Succession:
    """Return the labels that `items` were given by renumbering up to `at`, and theirs in turn.

    Only a renumbering of one item into one other says which became which.
    """
    found = await connection.execute(
        text(
            "with recursive step (old, new, at) as ("
            "select d.item_id, p.item_id, p.at from draw d "
            "join activity a on a.id = d.activity_id and a.kind = :renumber "
            "join production p on p.activity_id = a.id and p.rec_to is null and p.at <= :at "
            "where d.item_id = any(:items) and d.rec_to is null and p.item_id <> d.item_id "
            "and (select count(*) from draw where activity_id = a.id and rec_to is null) = 1 "
            "and (select count(*) from production where activity_id = a.id and rec_to is null) = 1 "
            "union select d.item_id, p.item_id, p.at from step "
            "join draw d on d.item_id = step.new and d.rec_to is null "
            "join activity a on a.id = d.activity_id and a.kind = :renumber "
            "join production p on p.activity_id = a.id and p.rec_to is null and p.at <= :at "
            "where p.item_id <> d.item_id "
            "and (select count(*) from draw where activity_id = a.id and rec_to is null) = 1 "
            "and (select count(*) from production where activity_id = a.id and rec_to is null) = 1"
            ") select old, new, at from step order by at, old"
        ),
        {"items": list(items), "at": at, "renumber": int(ActivityKind.RENUMBER)},
    )
    rows = found.all()
    return Succession(*(ints([row[part] for row in rows]) for part in range(3)))


async def devices(
    connection: Connection, parts: Collection[int], at: int
) -> dict[int, tuple[int, int]]:
    """Return (device, fitted since) of each part fitted at `at`, and of the devices in turn."""
    found = await connection.execute(
        text(
            "with recursive fitted (child_id, parent_id, since) as ("
            "select child_id, parent_id, since from stay where child_id = any(:parts) "
            "and is_installation and since <= :at and until > :at and rec_to is null "
            "union select s.child_id, s.parent_id, s.since from fitted f "
            "join stay s on s.child_id = f.parent_id "
            "and s.is_installation and s.since <= :at and s.until > :at and s.rec_to is null"
            ") select child_id, parent_id, since from fitted order by since, parent_id"
        ),
        {"parts": list(parts), "at": at},
    )
    return {child: (parent, since) for child, parent, since in found}


async def sightings(connection: Connection, spans: Sequence[Span]) -> dict[int, Sighting]:
    """Return for each question `n` the place that the latest event of its spans told.

    Events that name no place say nothing of it; retracted ones never happened.
    """
    found = await connection.execute(
        text(
            "select distinct on (n) n, seen.biz_location_id, seen.read_point_id "
            "from unnest(cast(:ns as bigint[]), cast(:things as bigint[]), "
            "cast(:sinces as bigint[]), cast(:untils as bigint[])) span (n, thing, since, until) "
            "cross join lateral (select e.at, e.id, e.biz_location_id, e.read_point_id "
            "from event_item about join event e on e.id = about.event_id "
            "where about.item_id = span.thing and e.at >= span.since and e.at < span.until "
            "and e.retracted_at is null and not e.is_declaration "
            "and coalesce(e.biz_location_id, e.read_point_id) is not null "
            "order by e.at desc, e.id desc limit 1) seen order by n, seen.at desc, seen.id desc"
        ),
        {
            "ns": [span.n for span in spans],
            "things": [span.thing for span in spans],
            "sinces": [span.since for span in spans],
            "untils": [span.until for span in spans],
        },
    )
    return {n: Sighting(location, point) for n, location, point in found}


async def last_uses(connection: Connection, items: Collection[int], at: int) -> dict[int, Use]:
    """Return the last draw up to `at` of each item that was drawn.

    What one activity draws and gives back (rework, sterilisation) is produced again whatever the
    order of the two events.
    """
    found = await connection.execute(
        text(
            "select asked.item, used.activity_id, activity.kind, used.at, exists ("
            "select from production p where p.item_id = asked.item and p.rec_to is null "
            "and p.at <= :at and (p.at > used.at or p.activity_id = used.activity_id)), "
            "item.kind = 0 "
            "from unnest(cast(:items as bigint[])) asked (item) "
            "join item on item.id = asked.item cross join lateral ("
            "select activity_id, at from draw where item_id = asked.item and rec_to is null "
            "and at <= :at order by at desc, id desc limit 1) used "
            "join activity on activity.id = used.activity_id"
        ),
        {"items": list(items), "at": at},
    )
    return {
        item: Use(activity, ActivityKind(kind), drawn, again, is_lot)
        for item, activity, kind, drawn, again, is_lot in found
    }


async def contents(connection: Connection, asked: Sequence[Inside]) -> list[list[int]]:
    """Return what each question asks for: ascending item ids above `after`, at most `limit`.

    Fitted parts are in their device, not in its box.
    """
    found = await connection.execute(
        text(
            "select n, item from unnest(cast(:containers as bigint[]), cast(:ats as bigint[]), "
            "cast(:deeps as boolean[]), cast(:afters as bigint[]), cast(:limits as bigint[])) "
            "with ordinality asked (container, at, deep, after, size, n) cross join lateral ("
            + _CONTENTS
            + " select distinct item from inside where item > asked.after "
            "order by item limit asked.size) found order by n, item"
        ),
        _columns(asked),
    )
    inside: list[list[int]] = [[] for _ in asked]
    for n, item in found:
        inside[n - 1].append(item)
    return inside


async def contents_counts(connection: Connection, asked: Sequence[Inside]) -> list[int]:
    """Return how many things `contents` would list in all."""
    found = await connection.execute(
        text(
            "select n, total from unnest(cast(:containers as bigint[]), cast(:ats as bigint[]), "
            "cast(:deeps as boolean[])) with ordinality asked (container, at, deep, n) "
            "cross join lateral ("
            + _CONTENTS
            + " select count(distinct item) as total from inside) found order by n"
        ),
        _columns(asked),
    )
    return [total for _, total in found]


_CONTENTS = (
    "with recursive inside (item) as ("
    "select child_id from stay where parent_id = asked.container and not is_installation "
    "and since <= asked.at and until > asked.at and rec_to is null "
    "union select s.child_id from inside join stay s on s.parent_id = inside.item "
    "where asked.deep and not s.is_installation "
    "and s.since <= asked.at and s.until > asked.at and s.rec_to is null)"
)


def _columns(asked: Sequence[Inside]) -> dict[str, list[int]]:
    return {
        "containers": [each.container for each in asked],
        "ats": [each.at for each in asked],
        "deeps": [each.deep for each in asked],
        "afters": [each.after for each in asked],
        "limits": [each.limit for each in asked],
    }
