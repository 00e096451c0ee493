"""The person or machine behind a request."""

from dataclasses import dataclass

from lotkin.auth.permissions import PARTNERS, ROLE_PERMISSIONS, Permission, Role
from lotkin.auth.segregation import conflicts
from lotkin.errors import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated caller; ANONYMOUS holds no permission."""

    subject: str
    name: str
    organisation: str | None
    roles: frozenset[Role]
    client: str | None = None
    #: of the log-in: session id (`sid`), when it happened (Unix seconds), how strong it was
    session: str | None = None
    auth_time: int | None = None
    acr: str | None = None
    #: of the token: key it is bound to (`cnf.jkt`), scopes, `jti`
    jkt: str | None = None
    scopes: frozenset[str] = frozenset()
    token_id: str | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """All permissions of all roles; none for roles that one person must not hold together."""
        if conflicts(self.roles):
            return frozenset()
        return frozenset().union(*(ROLE_PERMISSIONS[role] for role in self.roles))

    @property
    def partner(self) -> Role | None:
        """The role of a supplier or regulator, which sees a scope only; None for everybody else.

        Whoever holds such a role beside others is a partner: the narrower sight wins.
        """
        held = sorted(self.roles & PARTNERS)
        return held[-1] if held else None

    def require(self, permission: Permission) -> None:
        """Do nothing if the actor holds `permission`.

        Raises: Refusal UNAUTHENTICATED for an anonymous caller, else FORBIDDEN.
        """
        if permission in self.permissions:
            return
        if self == ANONYMOUS:
            raise Refusal(RefusalCode.UNAUTHENTICATED)
        raise Refusal(RefusalCode.FORBIDDEN, permission=permission.value)


ANONYMOUS = Actor("anonymous", "anonymous", None, frozenset())
