"""The demo's own issuer: a key under the state folder and tokens signed with it.

For the demo and the tests only: whoever reads the key file can be anybody. A site names its
identity provider (LOTKIN_TOKEN_DISCOVERY_URL, …) or turns on the built-in server, and then
nothing here is trusted.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from lotkin import clock
from lotkin.auth.issuers import demo_issuer, jwks_path, trusts_demo
from lotkin.auth.permissions import Role
from lotkin.auth.tokens import TOKEN_TYPE
from lotkin.errors import Refusal, RefusalCode
from lotkin.settings import PARTNERS, Settings

CLIENT = "lotkin-demo"
INTROSPECT = "dev:introspect"  # may see the schema, and what is wrong with a document


def ensure_key(settings: Settings) -> ECKey:
    """Return the demo's signing key (ES256), made on first use: private file 0600, JWKS beside.

    Raises: Refusal BAD_INPUT when the site trusts another issuer.
    """
    if not trusts_demo(settings):
        raise Refusal(
            RefusalCode.BAD_INPUT, reason="This site has another issuer; the demo's is not trusted"
        )
    path = settings.state_dir / "demo-issuer.key.json"
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    key = ECKey.import_key(json.loads(path.read_text()))
    _publish(key, jwks_path(settings))
    return key


def mint(
    settings: Settings,
    role: Role,
    *,
    subject: str,
    name: str,
    organisation: str | None = None,
    lifetime_s: int | None = None,
    scope: str | None = None,
) -> str:
    """Return an access token of the demo's issuer for one person in one role.

    scope: default `dev:introspect` for roles of the site itself, so that the IDE can show them
    the schema; partners have none, in the demo as elsewhere.
    lifetime_s: default and most is `settings.token_lifetime_max_s`; longer ones are not accepted.
    Raises: as `ensure_key`.
    """
    key = ensure_key(settings)
    now = clock.now_us() // 1_000_000
    claims = {
        "iss": demo_issuer(settings),
        "aud": settings.token_audience,
        "sub": subject,
        "client_id": CLIENT,
        "iat": now,
        "exp": now + (lifetime_s or settings.token_lifetime_max_s),
        "jti": clock.token(16),
        # As after a log-in just now, so that the demo's people can sign.
        "auth_time": now,
        "sid": f"demo-{subject}",
        "name": name,
        "roles": [role.value],
    }
    if organisation is not None:
        claims["org"] = organisation
    if scope := _scope(role) if scope is None else scope:
        claims["scope"] = scope
    header = {"alg": "ES256", "typ": TOKEN_TYPE, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def _scope(role: Role) -> str:
    return "" if role.value in PARTNERS else INTROSPECT


def _create(path: Path) -> None:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    draft = path.with_name(f".{clock.token(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(key.as_dict(private=True), file)
    # Linked, not renamed: of two processes that start together the first one's key stays.
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def _publish(key: ECKey, path: Path) -> None:
    keys = json.dumps(KeySet([key]).as_dict(private=False))
    if path.exists() and path.read_text() == keys:
        return
    # Renamed into place, so that a service never reads half a file.
    draft = path.with_name(f".{clock.token(8)}")
    draft.write_text(keys)
    draft.replace(path)
