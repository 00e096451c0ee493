"""Alerts: what capture and projection found odd, newest first."""

from lotkin.auth.permissions import Permission
from lotkin.records import alerts as records
from lotkin.records.alerts import AlertRow
from lotkin.resolvers.context import Context
from lotkin.resolvers.usecase import usecase


@usecase(Permission.ALERT_READ)
async def alerts(
    context: Context, *, state: str | None, before: int | None, first: int
) -> list[AlertRow]:
    """Return up to `first` alerts older than the id `before`."""
    async with context.database.reading() as connection:
        return await records.page(connection, state=state, before=before, limit=first)


@usecase(Permission.ALERT_READ)
async def alert_count(context: Context, *, state: str | None) -> int:
    """Return how many alerts there are in `state`, or in all."""
    async with context.database.reading() as connection:
        return await records.count(connection, state=state)


@usecase(Permission.ALERT_READ)
async def alert(context: Context, row: int) -> AlertRow | None:
    """Return an alert by its row id; None for an unknown one."""
    async with context.database.reading() as connection:
        return (await records.by_ids(connection, [row])).get(row)
