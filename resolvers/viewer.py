"""Who the caller is, as the service sees them."""

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Permission
from lotkin.resolvers.context import Context
from lotkin.resolvers.usecase import usecase


@usecase(Permission.VIEWER_READ)
async def viewer(context: Context) -> Actor:
    """Return the authenticated caller."""
    return context.actor
