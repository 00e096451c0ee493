"""What the built-in authorization server signs: access tokens (RFC 9068) and identity tokens."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt

from lotkin import clock
from lotkin.auth.compact import Compact, FlawError, take_apart, verify_signature
from lotkin.auth.keyring import Keyring
from lotkin.auth.keys import usable_keys
from lotkin.auth.tokens import TOKEN_TYPE
from lotkin.settings import Settings

ACCESS_S = 600  # revocation is looked up, so this only bounds what others do with a token
ID_TOKEN_S = 600
ALGORITHM = "ES256"

# What `acr` says; weakest first. A second factor includes the password.
ACR_PASSWORD = "urn:lotkin:acr:password"  # noqa: S105 (a name)
ACR_TWO_FACTOR = "urn:lotkin:acr:two-factor"
ACR_VALUES = (ACR_PASSWORD, ACR_TWO_FACTOR)
_METHODS = {ACR_PASSWORD: ["pwd"], ACR_TWO_FACTOR: ["pwd", "otp", "mfa"]}  # RFC 8176


@dataclass(frozen=True, slots=True)
class Person:
    """Who a token speaks for and how they signed in; a client's own token has no sign-in."""

    subject: str
    name: str
    organisation: str | None
    roles: Sequence[str]
    session: str | None = None
    auth_time: int | None = None
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """A signed access token, its id, and its end in Unix seconds."""

    token: str
    jti: str
    expires: int


class Minter:
    """Signs with the newest key of a keyring."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self.issuer = settings.base_url()
        self.keyring = keyring
        self.access_s = min(ACCESS_S, settings.token_lifetime_max_s)
        self._audience = settings.token_audience

    def access_token(
        self, person: Person, *, client: str, scope: str, jkt: str | None = None
    ) -> Minted:
        """Return an access token for this service. jkt: the key it is bound to (RFC 9449)."""
        now = _now()
        claims = {
            "iss": self.issuer,
            "aud": self._audience,
            "client_id": client,
            "iat": now,
            "exp": now + self.access_s,
            "jti": clock.token(16),
            "scope": scope or None,
            "roles": sorted(person.roles),
            "org": person.organisation,
            "cnf": None if jkt is None else {"jkt": jkt},
            **_who(person),
        }
        return Minted(self._signed(TOKEN_TYPE, claims), str(claims["jti"]), now + self.access_s)

    def id_token(self, person: Person, *, client: str, nonce: str | None, access_token: str) -> str:
        """Return an identity token: who signed in, when and how, for this request's nonce."""
        now = _now()
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "aud": client,
            "iat": now,
            "exp": now + ID_TOKEN_S,
            "nonce": nonce,
            "amr": _METHODS.get(person.acr or ""),
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **_who(person),
        }
        return self._signed("JWT", claims)

    def read(self, token: str) -> Compact | None:
        """Return one of our own access tokens taken apart, whatever its end; None for others."""
        try:
            parsed = take_apart(token)
            key = usable_keys(self.keyring.published()).get(str(parsed.header.get("kid")))
            if key is None or parsed.header.get("typ") != TOKEN_TYPE:
                return None
            verify_signature(parsed, key, ALGORITHM)
        except FlawError:
            return None
        return parsed if parsed.claims.get("iss") == self.issuer else None

    def _signed(self, kind: str, claims: Mapping[str, Any]) -> str:
        key = self.keyring.signing_key()
        header = {"alg": ALGORITHM, "typ": kind, "kid": key.kid}
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, said, key, algorithms=[ALGORITHM])


def _who(person: Person) -> dict[str, Any]:
    return {
        "sub": person.subject,
        "name": person.name,
        "sid": person.session,
        "auth_time": person.auth_time,
        "acr": person.acr,
    }


def _now() -> int:
    return clock.now_us() // 1_000_000
