"""Which facts a question may use: today's, or those known at a record time or a position."""

from sqlalchemy import TextClause, text

from lotkin.domain.genealogy import Known

# What `known(f)` stands for below: the facts f a question may use.
_CURRENT = "f.rec_to is null"
_AT_TIME = """(
    f.rec_from <= 'epoch'::timestamptz + :record_time * interval '1 microsecond' and (
        f.rec_to is null
        or f.rec_to > 'epoch'::timestamptz + :record_time * interval '1 microsecond'))"""
_AT_POSITION = """(
    exists (select from event e join journal j on j.intent_id = e.intent_id
            where e.id = f.event_id and j.seq <= :position)
    and not exists (select from event e join journal j on j.intent_id = e.intent_id
                    where e.id = f.ended_by and j.seq <= :position))"""


# What `ended(f)` stands for: the facts that the asked knowledge holds to be retracted.
_ENDED = "f.rec_to is not null"
_ENDED_BY_TIME = "f.rec_to <= 'epoch'::timestamptz + :record_time * interval '1 microsecond'"
_ENDED_BY_POSITION = """exists (
    select from event e join journal j on j.intent_id = e.intent_id
    where e.id = f.ended_by and j.seq <= :position)"""


def for_known(known: Known, statement: str) -> TextClause:
    """Return the statement with `known(f)` and `ended(f)` meaning what `known` asks for.

    f: an alias with event_id, ended_by, rec_from and rec_to, as every fact table has them.
    """
    if known.position is not None:
        return _told(statement, _AT_POSITION, _ENDED_BY_POSITION).bindparams(
            position=known.position
        )
    if known.record_time is not None:
        return _told(statement, _AT_TIME, _ENDED_BY_TIME).bindparams(record_time=known.record_time)
    return _told(statement, _CURRENT, _ENDED)


def _told(statement: str, known: str, ended: str) -> TextClause:
    return text(statement.replace("known(f)", known).replace("ended(f)", ended))
