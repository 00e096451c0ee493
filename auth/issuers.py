"""Which issuers' tokens are accepted, where their keys are, and how their claims are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lotkin.auth.keys import FileKeys, Keys, RemoteKeys
from lotkin.auth.permissions import Role
from lotkin.settings import DEMO_ISSUER, Claims, Issuer, Settings

_ROLES = {role.value: role for role in Role}


@dataclass(frozen=True, slots=True)
class Trusted:
    """One issuer and what is known of it."""

    issuer: str
    audience: str
    keys: Keys
    claims: Claims
    subject_prefix: str = ""


def trusted_issuers(settings: Settings) -> dict[str, Trusted]:
    """Return the accepted issuers by `iss`: the provider, further ones, our own, the demo's."""
    found = [_provider(settings)] if _has_provider(settings) else []
    found += [_further(settings, each) for each in settings.token_issuers]
    if settings.auth_server:
        found.append(_ours(settings, settings.base_url(), server_jwks_path(settings)))
    if trusts_demo(settings):
        found.append(_ours(settings, demo_issuer(settings), jwks_path(settings)))
    return {each.issuer: each for each in found}


def trusts_demo(settings: Settings) -> bool:
    """Tell whether tokens of the demo's key are accepted: where no other issuer is named."""
    named = _has_provider(settings) or settings.token_issuers or settings.auth_server
    return settings.trust_demo_issuer or not named


def demo_issuer(settings: Settings) -> str:
    """Return the `iss` of the demo's own tokens."""
    return DEMO_ISSUER if _has_provider(settings) else settings.token_issuer


def jwks_path(settings: Settings) -> Path:
    """Return the file of the demo issuer's public keys."""
    return settings.state_dir / "demo-issuer.jwks.json"


def server_jwks_path(settings: Settings) -> Path:
    """Return the file of the built-in server's public keys."""
    return settings.state_dir / "auth-server.jwks.json"


def claim_at(claims: Mapping[str, Any], path: str) -> object:
    """Return the claim named `path`, or the one it leads to with dots between; None for none."""
    if path in claims:  # some providers name claims by addresses, which have dots
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def roles_in(claims: Mapping[str, Any], by: Claims) -> frozenset[Role]:
    """Return our roles among an issuer's; names of other services are passed over.

    Once a site maps names, only mapped ones count: a provider's own `auditor` is not ours.
    """
    value = claim_at(claims, by.roles)
    names = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    if by.role_names:
        names = [by.role_names[name] for name in names if name in by.role_names]
    return frozenset(_ROLES[name] for name in names if name in _ROLES)


def _has_provider(settings: Settings) -> bool:
    sources = (settings.token_discovery_url, settings.token_jwks_url, settings.token_jwks_file)
    return any(source is not None for source in sources)


def _provider(settings: Settings) -> Trusted:
    return _further(
        settings,
        Issuer(
            issuer=settings.token_issuer,
            discovery_url=settings.token_discovery_url,
            jwks_url=settings.token_jwks_url,
            jwks_file=settings.token_jwks_file,
            claims=settings.token_claims or Claims(),
            subject_prefix="",
        ),
    )


def _further(settings: Settings, told: Issuer) -> Trusted:
    keys: Keys
    if told.jwks_file is not None:
        keys = FileKeys(told.jwks_file)
    else:
        discovery = told.discovery_url
        if discovery is None and told.jwks_url is None:
            discovery = f"{told.issuer.rstrip('/')}/.well-known/openid-configuration"
        keys = RemoteKeys(told.issuer, discovery_url=discovery, jwks_url=told.jwks_url)
    audience = told.audience or settings.token_audience
    return Trusted(told.issuer, audience, keys, told.claims, told.subject_prefix)


def _ours(settings: Settings, issuer: str, path: Path) -> Trusted:
    return Trusted(issuer, settings.token_audience, FileKeys(path), Claims())
