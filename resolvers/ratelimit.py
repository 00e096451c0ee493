"""What is left to the caller this minute."""

from lotkin.auth.permissions import Permission
from lotkin.resolvers.context import Context
from lotkin.resolvers.metering import Standing, limits_of, principal
from lotkin.resolvers.usecase import usecase


@usecase(Permission.VIEWER_READ)
async def rate_limit(context: Context) -> Standing:
    """Return what is left to the caller."""
    limits = limits_of(context.settings, context.actor)
    return context.services.meter.standing(principal(context.actor), limits)
