"""Bearer and key-bound access tokens of RFC 9068: one strict reading, all else is refused.

Every issuer's tokens, our own server's among them, pass the same checks in the same order. Why a
token was refused goes to the log, never to the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from joserfc.jwk import Key

from lotkin import clock
from lotkin.auth.actor import ANONYMOUS, Actor
from lotkin.auth.compact import (
    Compact,
    FlawError,
    checked_text,
    take_apart,
    text_of,
    time_of,
    verify_signature,
)
from lotkin.auth.dpop import MemoryReplays, Replays, check_proof
from lotkin.auth.issuers import Trusted, claim_at, roles_in, trusted_issuers
from lotkin.auth.keys import ALGORITHMS
from lotkin.errors import Refusal, RefusalCode
from lotkin.settings import Settings

TOKEN_TYPE = "at+jwt"  # noqa: S105 (a media type)
SKEW_S = 30
SCOPES_MAX = 50

# Each lets the sender of a token choose the key or the rules it is checked by.
_FORBIDDEN_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows: a token, how it is presented, and proofs of its key."""

    token: str
    scheme: str  # "bearer" or "dpop", in lower case
    method: str
    url: str  # by the configured address, never by what the request says
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what ends it: the token's id at its issuer, and Unix seconds."""

    actor: Actor
    issuer: str | None = None
    expires: float = float("inf")


NOBODY = Caller(ANONYMOUS)


class Revocations(Protocol):
    """Which tokens were called back before their end."""

    async def is_revoked(self, issuer: str, token_id: str) -> bool:
        """Tell whether the token was revoked; at most a second behind the record."""


class TokenVerifier:
    """Turns a token into an Actor by the site's issuers, audience and keys."""

    def __init__(
        self,
        settings: Settings,
        *,
        revocations: Revocations | None = None,
        replays: Replays | None = None,
    ) -> None:
        self.base_url = settings.base_url()
        self.origins = settings.origins()
        self._lifetime_max_s = settings.token_lifetime_max_s
        self._issuers = trusted_issuers(settings)
        self._revocations = revocations
        self._replays = replays or MemoryReplays()

    def actor(self, token: str) -> Actor:
        """Return who a bearer token speaks for, by the keys known now and no revocations.

        Raises: Refusal UNAUTHENTICATED, with the reason as detail, for any flaw.
        """
        try:
            parsed, trusted = self._read(token)
            actor = self._caller(parsed, trusted).actor
            _check_unbound(actor)
        except FlawError as flaw:
            raise Refusal(RefusalCode.UNAUTHENTICATED, detail=str(flaw)) from flaw
        return actor

    async def authenticate(self, shown: Credentials) -> Caller:
        """Return who sent `shown`; keys are fetched where needed.

        Raises: Refusal UNAUTHENTICATED, with the reason as detail, for any flaw; UNAVAILABLE
        when neither the issuer's keys nor the list of revocations can be had.
        """
        try:
            parsed, trusted = self._read(shown.token)
            await trusted.keys.ready(parsed.header.get("kid"))
            caller = self._caller(parsed, trusted)
            await self.check_revocation(caller)
            await self._check_binding(shown, caller.actor)
        except FlawError as flaw:
            raise Refusal(RefusalCode.UNAUTHENTICATED, detail=str(flaw)) from flaw
        return caller

    async def check_revocation(self, caller: Caller) -> None:
        """Do nothing while the caller's token stands. Raises: Refusal UNAUTHENTICATED."""
        if self._revocations is None or caller.issuer is None:
            return
        token_id = caller.actor.token_id
        assert token_id is not None
        if await self._revocations.is_revoked(caller.issuer, token_id):
            raise Refusal(RefusalCode.UNAUTHENTICATED, detail="revoked")

    def _read(self, token: str) -> tuple[Compact, Trusted]:
        parsed = take_apart(token)
        header = parsed.header
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise FlawError("algorithm")
        if forbidden := _FORBIDDEN_HEADERS & header.keys():
            raise FlawError(f"header {min(forbidden)}")
        if header.get("typ") != TOKEN_TYPE:
            raise FlawError("typ")
        # The claim only chooses whose keys to try: a signature by them then proves it.
        issuer = parsed.claims.get("iss")
        trusted = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if trusted is None:
            raise FlawError("iss")
        return parsed, trusted

    def _caller(self, parsed: Compact, trusted: Trusted) -> Caller:
        algorithm = parsed.header["alg"]
        key: Key | None = trusted.keys.get(parsed.header.get("kid"))
        if key is None or not isinstance(key, ALGORITHMS[algorithm]):
            raise FlawError("kid")
        verify_signature(parsed, key, algorithm)
        claims = parsed.claims
        expires = self._check_claims(claims, trusted)
        return Caller(_actor(claims, trusted), trusted.issuer, expires)

    def _check_claims(self, claims: Mapping[str, Any], trusted: Trusted) -> float:
        if claims.get("aud") not in (trusted.audience, [trusted.audience]):
            raise FlawError("aud")
        now = clock.now_us() / 1_000_000
        issued, expires = time_of(claims, "iat"), time_of(claims, "exp")
        if not 0 < expires - issued <= self._lifetime_max_s:
            raise FlawError("lifetime")
        if issued > now + SKEW_S or expires <= now - SKEW_S:
            raise FlawError("exp or iat")
        if "nbf" in claims and time_of(claims, "nbf") > now + SKEW_S:
            raise FlawError("nbf")
        for name in ("sub", "jti"):
            if not text_of(claims, name):
                raise FlawError(name)
        return expires

    async def _check_binding(self, shown: Credentials, actor: Actor) -> None:
        if actor.jkt is None:
            # A proof beside a token that needs none would be believed to protect it.
            if shown.scheme != "bearer" or shown.proofs:
                raise FlawError("DPoP without cnf")
            return
        if shown.scheme != "dpop":
            raise FlawError("cnf without proof")
        proved = await check_proof(
            list(shown.proofs),
            self._replays,
            method=shown.method,
            url=shown.url,
            token=shown.token,
        )
        if proved != actor.jkt:
            raise FlawError("proof by another key")


def _actor(claims: Mapping[str, Any], trusted: Trusted) -> Actor:
    by = trusted.claims
    subject = text_of(claims, "sub")
    client = checked_text(claim_at(claims, by.client), "client_id")
    if not subject or not client:
        raise FlawError("client_id")
    actor = Actor(
        subject=trusted.subject_prefix + subject,
        name=checked_text(claim_at(claims, by.name), "name") or subject,
        organisation=checked_text(claim_at(claims, by.organisation), "org"),
        roles=roles_in(claims, by),
        client=client,
        token_id=text_of(claims, "jti"),
    )
    return replace(
        actor,
        session=text_of(claims, "sid"),
        auth_time=int(time_of(claims, "auth_time")) if "auth_time" in claims else None,
        acr=text_of(claims, "acr"),
        jkt=_thumbprint(claims),
        scopes=_scopes(claims),
    )


def _check_unbound(actor: Actor) -> None:
    if actor.jkt is not None:
        raise FlawError("cnf")


def _thumbprint(claims: Mapping[str, Any]) -> str | None:
    if "cnf" not in claims:
        return None
    cnf = claims["cnf"]
    # Any other way of binding (a client certificate, a key by reference) is not checked here.
    if not isinstance(cnf, dict) or cnf.keys() != {"jkt"} or not text_of(cnf, "jkt"):
        raise FlawError("cnf")
    return str(cnf["jkt"])


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    value = claims.get("scope")
    if value is None:
        return frozenset()
    if not isinstance(value, str) or len(value.split(" ")) > SCOPES_MAX:
        raise FlawError("scope")
    return frozenset(value.split(" ")) - {""}
