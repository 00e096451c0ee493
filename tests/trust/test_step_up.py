"""A log-in that is too weak is asked for again, as RFC 9470 has it; one made for it signs."""

import json
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from lotkin import clock
from lotkin.auth.challenge import base64url
from lotkin.auth.evidence import flaw_of
from lotkin.auth.permissions import Role
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.signature import Action, Factor, Meaning
from lotkin.records import signatures as records
from lotkin.resolvers.context import Services
from lotkin.resolvers.proofs import Proof
from lotkin.settings import Settings
from tests.flows.outside import own_database, serving
from tests.trust.people import make_lots, person, services_at

ASK = """mutation($i: RequestSignatureInput!) { requestSignature(input: $i) {
  challenge { id } problems { code ... on SignatureProblem { maxAge acrValues } } } }"""


def test_a_weak_log_in_is_answered_401_with_what_is_needed(
    postgres_url: str, tmp_path: Path
) -> None:
    with own_database(postgres_url) as url:
        site = Settings(state_dir=tmp_path, database_url=url, signing_acr=frozenset({"strong"}))
        with serving(site) as service:
            wanted = {
                "action": "RELEASE_LOT",
                "subject": node_id(NodeType.ITEM, 1),
                "expectedVersion": 1,
                "meaning": "REVIEWED",
            }
            answer = service.client.post(
                "/graphql",
                json={"query": ASK, "variables": {"i": wanted}},
                headers=service.headers(Role.QA_RELEASER),
            )
    assert answer.status_code == 401
    told = answer.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in told
    assert 'acr_values="strong"' in told
    assert 'max_age="43200"' in told
    body = answer.json()
    (problem,) = body["data"]["requestSignature"]["problems"]
    assert problem == {"code": "SIG_STEP_UP_REQUIRED", "maxAge": 43200, "acrValues": "strong"}
    assert body["errors"][0]["extensions"]["code"] == "SIG_STEP_UP_REQUIRED"


ISSUER = "https://id.example"


def id_token(key: ECKey, nonce: str, **other: Any) -> Proof:
    now = int(clock.now_us() / 1_000_000)
    claims = {
        "iss": ISSUER,
        "aud": "portal",
        "sub": "ada",
        "nonce": nonce,
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        **other,
    }
    header = {"alg": "ES256", "kid": key.kid, "typ": "JWT"}
    token = jwt.encode(header, claims, key, algorithms=["ES256"])
    return Proof(Factor.ID_TOKEN, id_token=token)


async def test_a_log_in_made_for_the_challenge_signs_and_no_other(
    site: Services, tmp_path: Path
) -> None:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    (tmp_path / "provider.json").write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    place = services_at(
        site.database,
        tmp_path,
        token_issuer=ISSUER,
        token_jwks_file=tmp_path / "provider.json",
        signing_id_token=True,
        signing_audiences=frozenset({"portal"}),
    )
    (subject,) = await make_lots(place, "FIN")
    ada = person(place, "ada")
    issued = await ada.challenge(Action.RELEASE_LOT, subject, Meaning.REVIEWED)
    nonce = base64url(issued.row.digest)
    other = ECKey.generate_key("P-256", {"kid": key.kid})
    long_ago = int(clock.now_us() / 1_000_000) - 600
    for wrong in (
        id_token(key, "another"),
        id_token(other, nonce),
        id_token(key, nonce, sub="ben"),
        id_token(key, nonce, auth_time=long_ago),
    ):
        told = await ada.sign(issued, wrong)
        assert told.problems[0].code.value == "SIG_PROOF_INVALID"
    done = await ada.sign(issued, id_token(key, nonce))
    assert done.signature is not None, done.problems
    async with site.database.reading() as connection:
        row = (await records.by_ids(connection, [done.signature]))[done.signature]
    assert row.assurance == "IDP_ATTESTED"
    assert flaw_of(row.payload, row.digest, row.evidence) is None
    token = row.evidence["idToken"]
    forged = {**row.evidence, "idToken": token[:-8] + ("A" * 8)}
    assert flaw_of(row.payload, row.digest, forged) == "EVIDENCE"
