"""Revocation (RFC 7009) and introspection (RFC 7662) of the built-in server's tokens."""

from typing import Any

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from lotkin import clock
from lotkin.portal.grants import CLIENT_METHODS, Client, FormRequest, Server, digest
from lotkin.records import tokens
from lotkin.records.tokens import RefreshRow


class Shown:
    """A token of ours that a client shows: a refresh token's row, or an access token's claims."""

    def __init__(self, server: Server, refresh: RefreshRow | None, claims: dict[str, Any]) -> None:
        self._server = server
        self.refresh = refresh
        self.claims = claims

    @property
    def client_id(self) -> str:
        """Who it was given to."""
        return self.refresh.client_id if self.refresh else str(self.claims["client_id"])

    def check_client(self, client: Client) -> bool:
        """Tell whether it was given to this client."""
        return self.client_id == client.row.id

    def is_expired(self) -> bool:
        """Tell whether its time is over."""
        end = self.refresh.expires_at if self.refresh else self.claims["exp"]
        return bool(end <= clock.now_us() / 1e6)

    def is_revoked(self) -> bool:
        """Tell whether it was used or revoked, by the record itself."""
        if self.refresh:
            return self.refresh.is_used or self.refresh.is_over
        jti, issuer = str(self.claims["jti"]), self._server.minter.issuer
        return tokens.is_access_revoked(self._server.connection, issuer, jti)

    def revoke(self) -> None:
        """End it; with a refresh token all that its consent led to."""
        connection, issuer = self._server.connection, self._server.minter.issuer
        if self.refresh:
            tokens.revoke_family(connection, issuer, self.refresh.family)
        else:
            tokens.revoke_access(connection, issuer, self.claims["jti"], int(self.claims["exp"]))


def shown(server: Server, token: str) -> Shown | None:
    """Return what `token` is, None when it is none of ours; a hint of its type adds nothing."""
    row = tokens.find_refresh(server.connection, digest(token), lock=False)
    if row is not None:
        return Shown(server, row, {})
    parsed = server.minter.read(token)
    return None if parsed is None else Shown(server, None, dict(parsed.claims))


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Ends a token; for its own client."""

    CLIENT_AUTH_METHODS = CLIENT_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Shown | None:  # noqa: ARG002
        """Return the token."""
        return shown(self.server, token_string)

    def revoke_token(self, token: Shown, request: FormRequest) -> None:  # noqa: ARG002
        """End it."""
        token.revoke()


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """Tells what a token says, to its own client and to those registered to ask."""

    CLIENT_AUTH_METHODS = CLIENT_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Shown | None:  # noqa: ARG002
        """Return the token."""
        return shown(self.server, token_string)

    def check_permission(self, token: Shown, client: Client, request: FormRequest) -> bool:  # noqa: ARG002
        """Tell whether a client may ask; others hear that the token is not active."""
        is_confidential = client.row.secret_sha256 is not None
        return is_confidential and (client.row.introspects or token.check_client(client))

    def introspect_token(self, token: Shown) -> dict[str, Any]:
        """Return the claims of an active token."""
        if token.refresh is None:
            kind = "DPoP" if "cnf" in token.claims else "Bearer"
            return {"active": True, "token_type": kind, **token.claims}
        row = token.refresh
        return {
            "active": True,
            "token_type": "refresh_token",
            "client_id": row.client_id,
            "sub": str(row.account_id),
            "scope": row.scope,
            "exp": row.expires_at,
        }
