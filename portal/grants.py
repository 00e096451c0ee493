"""The grants of the built-in authorization server: OAuth 2.1 on Authlib, one instance a request.

Everything runs inside one database transaction, which commits also when the answer is an error:
a code tried with a wrong verifier is used up, and a refresh token used twice ends its family.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import structlog
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Request,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import Connection

from lotkin import clock
from lotkin.auth.minting import Minter, Person
from lotkin.records import tokens
from lotkin.records.tokens import ClientRow, CodeRow, Holder, RefreshRow

_log = structlog.get_logger(__name__)

CODE_S = 60  # the browser needs one redirect
INTROSPECT_SCOPE = "dev:introspect"  # the schema shown whole; given to administrators alone
SCOPES = ("openid", "profile", "offline_access", INTROSPECT_SCOPE)
CLIENT_METHODS = ["client_secret_basic", "client_secret_post", "none"]
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers with; body: an object, or "" beside a redirect."""

    status: int
    body: Any
    headers: Headers


class FormRequest(OAuth2Request):  # type: ignore[misc]  # the library has no types
    """Parameters, each told once, in the shape the library reads."""

    def __init__(self, method: str, parameters: Mapping[str, str], headers: Mapping[str, str]):
        # The address is the configured one and TLS ends before us: it is not the library's to ask.
        super().__init__(method, "https://lotkin.invalid/", headers=dict(headers))
        self._parameters = dict(parameters)
        self.payload = BasicOAuth2Payload(self._parameters)

    @property
    def args(self) -> dict[str, str]:
        """The parameters of an authorization request."""
        return self._parameters

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a token request."""
        return self._parameters


class Client(ClientMixin):  # type: ignore[misc]
    """A registered client as the library asks for it."""

    def __init__(self, row: ClientRow) -> None:
        self.row = row

    def get_client_id(self) -> str:
        """Return its id."""
        return self.row.id

    def get_default_redirect_uri(self) -> None:
        """Return nothing: a request names its address, and that exactly."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return those of the scopes asked for that there are."""
        return " ".join(each for each in (scope or "").split() if each in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Tell whether an address is registered, letter by letter."""
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare a secret in constant time; a public client has none to compare."""
        stored = self.row.secret_sha256
        return stored is not None and hmac.compare_digest(stored, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        """Tell whether a way of showing who asks fits: a secret where there is one."""
        return (method == "none") == (self.row.secret_sha256 is None)

    def check_response_type(self, response_type: str) -> bool:
        """Tell whether it may send people here to sign in."""
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        """Tell whether a grant is among its own."""
        return grant_type in self.row.grants


class Server(AuthorizationServer):  # type: ignore[misc]
    """The authorization server for one request, inside its transaction.

    jkt: the key whose proof came with a token request; the tokens are then bound to it.
    """

    def __init__(self, connection: Connection, minter: Minter, *, jkt: str | None = None) -> None:
        super().__init__(scopes_supported=None)  # unknown scopes are left out, not refused
        self.connection = connection
        self.minter = minter
        self.jkt = jkt
        self.family: UUID | None = None
        self.register_grant(CodeGrant, [PlainCodeChallenge(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrant)

    def query_client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        row = tokens.find_client(self.connection, client_id)
        return None if row is None else Client(row)

    def generate_token(
        self,
        grant_type: str,
        client: Client,
        user: Holder | None = None,
        scope: str | None = None,
        expires_in: int | None = None,  # noqa: ARG002  (ours is one for all)
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """Sign an access token, remember it, and add a refresh token where asked."""
        if client.row.needs_dpop and self.jkt is None:
            raise InvalidProofError("This client must send a DPoP proof")
        person = person_of(user) if user else _machine(client.row)
        granted = _granted(scope or "", person)
        minted = self.minter.access_token(person, client=client.row.id, scope=granted, jkt=self.jkt)
        tokens.insert_access(
            self.connection,
            jti=minted.jti,
            client_id=client.row.id,
            expires=minted.expires,
            family=self.family,
            holder=user,
        )
        made = {
            "access_token": minted.token,
            "token_type": "Bearer" if self.jkt is None else "DPoP",
            "expires_in": self.minter.access_s,
            "scope": granted,
        }
        if include_refresh_token and user is not None:
            made["refresh_token"] = self._refresh_token(client, user, granted)
        _log.info("token_issued", grant=grant_type, client=client.row.id, sub=person.subject)
        return made

    def _refresh_token(self, client: Client, holder: Holder, scope: str) -> str:
        assert self.family is not None
        made = clock.token(32)
        # A public client has no secret: its refresh tokens are bound to its key (RFC 9449, 5).
        jkt = self.jkt if client.row.secret_sha256 is None else None
        row = RefreshRow(
            family=self.family,
            client_id=client.row.id,
            account_id=holder.account_id,
            sign_in_id=holder.sign_in_id,
            scope=scope,
            jkt=jkt,
            expires_at=0,
            is_used=False,
            is_over=False,
        )
        tokens.insert_refresh(self.connection, digest(made), holder, row, secs=24 * 3600)
        return made

    def save_token(self, token: object, request: object) -> None:
        """Do nothing: it was kept as it was made."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Do nothing: nobody listens."""

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        """Return the request, which is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Headers) -> Answer:
        """Return the answer for the web edge to send."""
        return Answer(status, body, headers)


class InvalidProofError(OAuth2Error):  # type: ignore[misc]
    """A DPoP proof is missing or not valid (RFC 9449, 5)."""

    error = "invalid_dpop_proof"


class PlainCodeChallenge(CodeChallenge):  # type: ignore[misc]
    """PKCE for every client, by S256 alone."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without an S256 challenge."""
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("Send a code_challenge of method S256")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge(self, authorization_code: "Code") -> str:
        """Return what the verifier must hash to."""
        return authorization_code.row.challenge

    def get_authorization_code_challenge_method(self, authorization_code: object) -> str:  # noqa: ARG002
        """Return the one method there is."""
        return "S256"


class Code:
    """A code that was just used up."""

    def __init__(self, row: CodeRow) -> None:
        self.row = row

    def get_redirect_uri(self) -> str:
        """Return where the code was sent."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """Return what it was given for."""
        return self.row.scope


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """Authorization code: given to a browser, exchanged once."""

    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_METHODS
    server: Server

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep the hash of a code with everything its tokens will say."""
        holder: Holder = request.user
        data = request.payload.data
        row = CodeRow(
            family=clock.new_id(),
            client_id=request.client.row.id,
            account_id=holder.account_id,
            sign_in_id=holder.sign_in_id,
            redirect_uri=data["redirect_uri"],
            scope=request.scope,
            nonce=data.get("nonce"),
            challenge=data["code_challenge"],
        )
        tokens.insert_code(self.server.connection, digest(code), row, secs=CODE_S)

    def generate_authorization_code(self) -> str:
        """Return an unguessable code."""
        return clock.token(32)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """Use a code up; one used before ends all that it led to (RFC 9700, 2.1.1)."""
        connection = self.server.connection
        row = tokens.use_code(connection, digest(code), client.row.id)
        if row is None:
            family = tokens.family_of_used_code(connection, digest(code))
            if family is not None:
                _log.warning("code_reused", client=client.row.id, family=str(family))
                tokens.revoke_family(connection, self.server.minter.issuer, family)
            return None
        self.server.family = row.family
        return Code(row)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Do nothing: a used code is kept to recognise its reuse."""

    def authenticate_user(self, authorization_code: Code) -> Holder | None:
        """Return who signed in, unless that ended meanwhile."""
        return tokens.find_holder(self.server.connection, authorization_code.row.sign_in_id)

    def create_token_response(self) -> tuple[int, dict[str, Any], Headers]:
        """Add an identity token where `openid` was asked for."""
        status, made, headers = super().create_token_response()
        if "openid" in made["scope"].split():
            made["id_token"] = self.server.minter.id_token(
                person_of(self.request.user),
                client=self.request.client.row.id,
                nonce=self.request.authorization_code.row.nonce,
                access_token=made["access_token"],
            )
        return status, made, headers


class Refresh:
    """A refresh token that may be used."""

    def __init__(self, row: RefreshRow, token_digest: bytes) -> None:
        self.row = row
        self.digest = token_digest

    def check_client(self, client: Client) -> bool:
        """Tell whether it was given to this client."""
        return self.row.client_id == client.row.id

    def get_scope(self) -> str:
        """Return what it was given for."""
        return self.row.scope


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    """Refresh tokens: each is used once and replaced; a reuse ends the family."""

    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Server

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        """Return a token that stands, locked until the transaction ends."""
        connection = self.server.connection
        found = tokens.find_refresh(connection, digest(refresh_token), lock=True)
        if found is None:
            return None
        if found.is_used:
            _log.warning("refresh_token_reused", client=found.client_id, family=str(found.family))
            tokens.revoke_family(connection, self.server.minter.issuer, found.family)
            return None
        if found.is_over or (found.jkt is not None and found.jkt != self.server.jkt):
            return None
        self.server.family = found.family
        return Refresh(found, digest(refresh_token))

    def authenticate_user(self, refresh_token: Refresh) -> Holder:
        """Return who signed in.

        Raises: InvalidGrantError when the sign-in ended or the account is locked.
        """
        holder = tokens.find_holder(self.server.connection, refresh_token.row.sign_in_id)
        if holder is None:
            raise InvalidGrantError("The sign-in has ended")
        return holder

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        """Mark the token as used."""
        tokens.use_refresh(self.server.connection, refresh_token.digest)


class ClientGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    """Client credentials: a program in its own name, with the roles it was registered with."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post"]


def person_of(holder: Holder) -> Person:
    """Return who a sign-in's tokens speak for."""
    return Person(
        subject=str(holder.account_id),
        name=holder.name,
        organisation=holder.organisation,
        roles=holder.roles,
        session=str(holder.sign_in_id),
        auth_time=holder.auth_time,
        acr=holder.acr,
    )


def digest(secret: str) -> bytes:
    """Return what is kept of a random secret: its SHA-256; guessing it is hopeless."""
    return hashlib.sha256(secret.encode()).digest()


def _machine(client: ClientRow) -> Person:
    # Never the id of an account, whatever an id may look like.
    return Person(f"client:{client.id}", client.name, client.organisation, client.roles)


def _granted(scope: str, person: Person) -> str:
    listed = [each for each in scope.split() if each in SCOPES]
    if "administrator" not in person.roles:
        listed = [each for each in listed if each != INTROSPECT_SCOPE]
    return " ".join(dict.fromkeys(listed))
