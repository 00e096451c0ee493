"""Every setting, read from the environment once; prefix LOTKIN_.

A secret may come from a file: LOTKIN_X_FILE names it where LOTKIN_X is a secret.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

JournalOrigin = Annotated[str, Field(pattern=r"^[^\s+]+$")]


class SourceSystem(BaseModel):
    """Defaults for facts that a registered source system sends (domain 5.5)."""

    time_quality: Literal["MEASURED", "DECLARED", "BACKFLUSHED"] = Field(
        "DECLARED", alias="timeQuality"
    )
    clock_uncertainty_seconds: float = Field(300, alias="clockUncertaintySeconds", ge=0)


_PORTS = {"http": 80, "https": 443}
DEMO_ISSUER = "https://lotkin.invalid/demo"


class Claims(BaseModel):
    """Where an identity provider's tokens say what we ask: claim names or paths into claims."""

    roles: str = "roles"  # e.g. realm_access.roles
    role_names: dict[str, str] = Field(default_factory=dict)  # the provider's name -> our role
    organisation: str = "org"  # whose employee; a supplier's or regulator's own key
    name: str = "name"  # printed beside signatures
    client: str = "client_id"  # which program asks; some providers say azp


class Issuer(BaseModel):
    """A further identity provider."""

    issuer: str  # the `iss` of its tokens
    audience: str | None = None  # absent: token_audience
    discovery_url: str | None = None  # as for the first provider, one of three
    jwks_url: str | None = None
    jwks_file: Path | None = None
    claims: Claims = Claims()
    subject_prefix: str  # keeps its people apart from another provider's, e.g. "partner|"


class RoleLimits(BaseModel):
    """What a caller of a role may ask of GraphQL; who has several roles may the most of each."""

    operations_per_minute: int = Field(default=120, ge=1)  # a person who clicks, not a loop
    cost_per_minute: int = Field(default=50_000, ge=1)  # ten operations of the largest cost
    cost_max: int = Field(default=5_000, ge=1)  # of one operation: some 50 pages of 100 objects
    depth_max: int = Field(default=8, ge=1)  # a list of items with places and classes has 7
    operation_s: float = Field(default=10, gt=0)  # of one operation; who waits longer has left


# Of the site's own people and systems: whole devices at once, walks of up to 30 s.
INTERNAL = RoleLimits(
    operations_per_minute=6_000, cost_per_minute=1_000_000, depth_max=12, operation_s=40
)
PARTNERS = frozenset({"supplier", "regulator"})
ANONYMOUS_ROLE = "anonymous"  # who shows no token, where roles are named


class Settings(BaseSettings):
    """What a site configures; the defaults suit one site on one machine."""

    model_config = SettingsConfigDict(env_prefix="LOTKIN_", frozen=True, extra="ignore")

    # Where things run.
    host: str = "127.0.0.1"  # address to listen on
    port: int = 8000  # port to listen on
    state_dir: Path = Path(".lotkin")  # keys, logs and local servers of the demo
    database_url: str | None = None  # postgresql://…; absent: embedded server (demo, tests)
    database_password_file: Path | None = None  # its content becomes the password of database_url
    database_pool: int = 10  # connections a process keeps; as many again in a rush
    neo4j_uri: str | None = None  # bolt://… or neo4j://…; absent: PostgreSQL answers alone
    neo4j_user: str = "neo4j"  # who signs in to Neo4j
    neo4j_password: str | None = None  # better given as a file
    neo4j_password_file: Path | None = None  # holds the password; wins over the variable
    background: bool = True  # run sequencer and projector inside `serve`

    # Who we are.
    org: str = "urn:lotkin:org:maker"  # on every row: who owns this deployment's facts
    site: str = "urn:lotkin:site:main"  # on every row: where they were recorded
    own_parties: frozenset[str] = frozenset()  # party and location keys that are ourselves
    sources: dict[str, SourceSystem] = Field(default_factory=dict)  # registered source systems

    # Who may call (issuers are checked in auth.tokens).
    external_url: str | None = None  # where callers reach us; absent: http://host:port
    allowed_origins: frozenset[str] = frozenset()  # further pages that may open WebSockets
    token_issuer: str = DEMO_ISSUER  # the `iss` of the identity provider's tokens
    token_audience: str = "lotkin"  # must be the one `aud` of every token
    token_discovery_url: str | None = None  # the provider's OpenID or RFC 8414 metadata
    token_jwks_url: str | None = None  # the provider's public keys, where it has no metadata
    token_jwks_file: Path | None = None  # the same as a file; all absent: demo key in state_dir
    token_claims: Claims | None = None  # where the provider's tokens say roles and organisation
    token_issuers: list[Issuer] = Field(default_factory=list)  # further identity providers
    token_lifetime_max_s: int = 900  # RFC 9700 advice: short-lived; the demo raises it
    auth_server: bool = False  # sign people in ourselves, beside or instead of a provider
    trust_demo_issuer: bool = False  # accept the demo's tokens though other issuers are named
    sign_in_s: int = 8 * 3600  # a shift; a browser signs in again after it, however active

    # The journal's proof: who signs checkpoints, and who watches us do it.
    # No other log has it; notes cannot carry spaces or plus signs in it.
    journal_origin: JournalOrigin = "lotkin.invalid/journal/main"  # the name checkpoints carry
    journal_key_file: Path | None = None  # signs checkpoints; absent: journal.key in state_dir
    witness_keys: frozenset[str] = frozenset()  # verifier keys whose cosignatures are kept

    # How people sign (docs/signatures.md).
    site_zone: str = "UTC"  # IANA time zone shown beside signature times
    webauthn_rp_id: str = "localhost"  # domain that signing keys are bound to
    webauthn_origins: frozenset[str] = frozenset()  # pages that sign; absent: external_url
    signing_id_token: bool = False  # the identity provider takes prompt=login and a nonce
    signing_audiences: frozenset[str] = frozenset()  # client ids whose id tokens may sign
    signing_acr: frozenset[str] = frozenset()  # log-in strengths that may sign; empty: any
    signing_auth_age_s: int = 12 * 3600  # a log-in older than a long shift signs nothing
    enrol_auth_age_s: int = 900  # a new factor asks for a fresh log-in
    signing_period: bool = False  # 21 CFR 11.200(a)(1)(i): later signings with one component

    # Limits, each with its reason.
    document_bytes_max: int = 16 * 1024 * 1024  # one day of a busy line fits; parsing stays < 1 s
    document_depth_max: int = 24  # EPCIS itself needs 8; the rest is room for extensions
    document_events_max: int = 10_000  # one transaction of a few seconds
    visited_max: int = 5_000_000  # items one walk may visit; above it the caller narrows
    walk_timeout_s: float = 30.0  # one walk; a recall that needs longer is asked in parts
    page_max: int = 100  # rows a page of ordinary lists
    trace_page_max: int = 10_000  # rows a page of trace and impact lists
    trace_edges_max: int = 200_000  # one answer of some 40 MB; above it the caller narrows
    body_bytes_max: int = 256 * 1024  # GraphQL of roles that capture nothing; a document is 15 KB
    role_limits: dict[str, RoleLimits] = Field(default_factory=dict)  # instead of a role's own
    trusted_documents: Literal["auto", "off", "partners"] = "auto"  # auto: partners, save in a demo
    sockets_max: int = 5  # open WebSockets of one caller: one for each window they look at
    position_wait_s: float = 2.0  # how long a capture or `atLeast` waits for the journal

    @model_validator(mode="before")
    @classmethod
    def _password_into_url(cls, values: dict[str, Any]) -> dict[str, Any]:
        # Whoever needs the URL needs it whole; only where it comes from is split.
        url, file = values.get("database_url"), values.get("database_password_file")
        if not url or not file:
            return values
        secret = quote(Path(file).read_text(encoding="utf-8").strip(), safe="")
        parts = urlsplit(url)
        login, _, place = parts.netloc.rpartition("@")
        user = login.partition(":")[0]
        return values | {"database_url": parts._replace(netloc=f"{user}:{secret}@{place}").geturl()}

    def journal_key(self) -> Path:
        """Return the file of the key that signs checkpoints; it lies outside the database."""
        return self.journal_key_file or self.state_dir / "journal.key"

    def base_url(self) -> str:
        """Return the address callers reach us at, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.external_url or f"http://{host}:{self.port}").rstrip("/")

    def origins(self) -> frozenset[str]:
        """Return the web origins that may open sockets: our own, and those allowed besides."""
        ours = urlsplit(self.base_url())
        port = "" if ours.port in {None, _PORTS.get(ours.scheme)} else f":{ours.port}"
        host = ours.hostname or ""
        # Without a configured address a browser may know this machine by either name.
        names = {host, "localhost"} if host in {"127.0.0.1", "::1"} else {host}
        found = {f"{ours.scheme}://{f'[{name}]' if ':' in name else name}{port}" for name in names}
        return frozenset(found | {each.rstrip("/").lower() for each in self.allowed_origins})

    def limits_of(self, roles: Iterable[str]) -> RoleLimits:
        """Return the limits of a caller with `roles`, the larger of each; of none, the least."""
        found = [self._limits_of(role) for role in roles] or [self._limits_of(ANONYMOUS_ROLE)]
        names = RoleLimits.model_fields
        return RoleLimits(**{name: max(getattr(each, name) for each in found) for name in names})

    def _limits_of(self, role: str) -> RoleLimits:
        is_partner = role in PARTNERS or role == ANONYMOUS_ROLE
        return self.role_limits.get(role, RoleLimits() if is_partner else INTERNAL)

    def neo4j_secret(self) -> str | None:
        """Return the Neo4j password from the variable or its file."""
        if self.neo4j_password_file is not None:
            return self.neo4j_password_file.read_text().strip()
        return self.neo4j_password
