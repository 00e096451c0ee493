"""From what a person sent to a proof that holds: picks the factor, runs its check, off the loop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

import structlog

from lotkin import clock
from lotkin.auth import factors
from lotkin.auth.challenge import base64url
from lotkin.auth.factors import Login, Party, Proven, UserKey, WrongProofError
from lotkin.auth.issuers import Trusted, trusted_issuers
from lotkin.auth.sitekeys import attestation_key, unseal
from lotkin.domain.signature import Factor
from lotkin.records import accounts
from lotkin.records import factors as records
from lotkin.records.factors import FactorRow
from lotkin.records.session import Connection
from lotkin.records.signatures import Caller, ChallengeRow
from lotkin.resolvers.context import Context
from lotkin.settings import Settings

log = structlog.get_logger()

PERIOD_IDLE = timedelta(minutes=15)
PERIOD_WHOLE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was sent: exactly one factor. Secrets never show in logs."""

    factor: Factor
    webauthn: object = field(default=None, repr=False)
    id_token: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    code: str = field(default="", repr=False)

    @property
    def is_partial(self) -> bool:
        """Whether it leaves out the one-time code, as a signing period allows."""
        return self.factor is Factor.PASSWORD_TOTP and not self.code


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What one person can sign with."""

    rows: Sequence[FactorRow]
    password_hash: str | None
    is_blocked: bool

    def usable(self, settings: Settings) -> list[Factor]:
        """Return the factors that may prove a signature, best first."""
        if self.is_blocked:
            return []
        kinds = {row.kind for row in self.rows}
        found = [Factor.WEBAUTHN] if "WEBAUTHN" in kinds else []
        found += [Factor.ID_TOKEN] if settings.signing_id_token else []
        if "TOTP" in kinds and self.password_hash is not None:
            found.append(Factor.PASSWORD_TOTP)
        return found


async def enrolled(context: Context) -> Enrolled:
    """Return what the caller can sign with."""
    subject = context.actor.subject
    async with context.database.reading() as connection:
        return Enrolled(
            await records.of(connection, subject),
            await _password_hash(connection, subject),
            await records.is_blocked(connection, subject),
        )


async def _password_hash(connection: Connection, subject: str) -> str | None:
    """Return the hash of a local account's own password.

    A password that somebody else set is known to somebody else, so it signs nothing.
    """
    try:
        account = await accounts.by_id(connection, UUID(subject))
    except ValueError:
        return None
    if account is None or account.is_locked or account.password_is_temporary:
        return None
    return account.password_hash


async def prove(context: Context, challenge: ChallengeRow, proof: Proof, caller: Caller) -> Proven:
    """Return a proof that holds for `challenge`; outside any transaction, for it takes time.

    Raises: WrongProofError, whatever is wrong; Refusal UNAVAILABLE without the issuer's keys.
    """
    held = await enrolled(context)
    if proof.factor not in held.usable(context.settings):
        # Takes as long as a wrong password, so that nobody learns what is enrolled.
        await asyncio.to_thread(factors.is_password, None, proof.password)
        raise WrongProofError("factor not enrolled")
    if proof.factor is Factor.WEBAUTHN:
        keys = [
            UserKey(row.id, bytes(row.credential_id), bytes(row.public_key), row.sign_count)
            for row in held.rows
            if row.credential_id is not None and row.public_key is not None
        ]
        return factors.verify_webauthn(
            proof.webauthn, keys, digest=challenge.digest, party=party(context.settings)
        )
    if proof.factor is Factor.ID_TOKEN:
        return await _by_id_token(context, challenge, proof)
    return await _by_password(context, challenge, proof, caller, held)


async def _by_id_token(context: Context, challenge: ChallengeRow, proof: Proof) -> Proven:
    settings = context.settings
    wanted = Login(
        subject=context.actor.subject,
        nonce=base64url(challenge.digest),
        not_before=challenge.created_at.timestamp(),
        acr_values=settings.signing_acr,
        audiences=settings.signing_audiences,
    )
    return await factors.verify_id_token(
        proof.id_token, _issuers(settings), wanted, now_s=clock.now_us() / 1_000_000
    )


async def _by_password(
    context: Context, challenge: ChallengeRow, proof: Proof, caller: Caller, held: Enrolled
) -> Proven:
    row = next(row for row in held.rows if row.seed is not None)
    assert row.seed is not None
    seed = unseal(context.settings.state_dir, bytes(row.seed), caller.signer).decode()
    now_s = clock.now_us() / 1_000_000
    counter = factors.totp_counter(seed, proof.code, last=row.last_totp, now_s=now_s)
    is_password = await asyncio.to_thread(factors.is_password, held.password_hash, proof.password)
    is_continued = proof.is_partial and await _in_period(context, caller)
    if not is_password or (counter is None and not is_continued):
        raise WrongProofError("password or code")
    told = {
        "signer": caller.signer,
        "password": "account",
        "totp": None if counter is None else str(row.id),
        "continued": counter is None,
        "at": int(now_s),
    }
    key = attestation_key(context.settings.state_dir)
    return factors.attest(
        key, challenge.digest, told, None if counter is None else (row.id, counter)
    )


async def _in_period(context: Context, caller: Caller) -> bool:
    if not context.settings.signing_period:
        return False
    async with context.database.reading() as connection:
        return await records.in_period(
            connection, caller, roles_of(context), idle=PERIOD_IDLE, whole=PERIOD_WHOLE
        )


def roles_of(context: Context) -> list[str]:
    """Return the caller's roles by name, sorted."""
    return sorted(role.value for role in context.actor.roles)


def party(settings: Settings) -> Party:
    """Return who we are to an authenticator."""
    return Party(
        settings.webauthn_rp_id, settings.webauthn_origins or frozenset({settings.base_url()})
    )


@lru_cache(maxsize=4)
def _trusted(key: str) -> dict[str, Trusted]:
    return trusted_issuers(Settings.model_validate_json(key))


def _issuers(settings: Settings) -> dict[str, Trusted]:
    # Kept between signatures: they hold the keys that were fetched.
    return _trusted(settings.model_dump_json())
