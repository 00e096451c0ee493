"""Sign-in, password and second factor in the browser, and the way back to the asking program.

Nobody is sent to an address that is not registered for the client: where to go after a sign-in is
worked out anew from the authorization request, which travels in the page's own address.
"""

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from lotkin import clock
from lotkin.auth.actor import ANONYMOUS
from lotkin.auth.minting import ACR_TWO_FACTOR, ACR_VALUES
from lotkin.errors import LotkinError, Refusal, RefusalCode
from lotkin.portal.grants import Answer, FormRequest, Server
from lotkin.portal.oauth import AUTHORIZE, AuthorizationService, Handler, form_of, unrepeated
from lotkin.portal.pages import FILES, Form, Writer
from lotkin.records import tokens
from lotkin.resolvers import sign_in as use
from lotkin.resolvers.bugs import masked
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.language import language_of
from lotkin.resolvers.sign_in import Standing

_log = structlog.get_logger(__name__)

SIGN_IN, PASSWORD, ACCOUNT, PHONE, PHONE_CODE, SIGN_OUT = (
    f"/oauth/{name}"
    for name in ("sign-in", "password", "account", "phone", "phone-code", "sign-out")
)
FRESH_S = 300  # a password chosen this soon after a sign-in belongs to it
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_CREDENTIALS = ("login", "password", "code")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser. asked: the authorization request, empty on one's own account."""

    request: Request
    asked: dict[str, str]
    here: Standing | None
    csrf: str
    write: Writer


class SignInPages:
    """The handlers, over one service."""

    def __init__(self, services: Services, service: AuthorizationService) -> None:
        self._services = services
        self._service = service
        base = service.settings.base_url()
        self._origin = "://".join(urlsplit(base)[:2])
        # A cookie with this prefix cannot be set by a neighbouring host; it needs TLS.
        self._is_secure = base.startswith("https:")
        prefix = "__Host-lotkin" if self._is_secure else "lotkin"
        self._session_cookie, self._csrf_cookie = f"{prefix}-sign-in", f"{prefix}-page"

    def routes(self) -> list[BaseRoute]:
        """Return the pages."""
        posts = {
            SIGN_IN: self._sign_in,
            PASSWORD: self._password,
            PHONE: self._phone,
            PHONE_CODE: self._phone_code,
            SIGN_OUT: self._sign_out,
        }
        return [
            Route(AUTHORIZE, self._edge(self._authorize), methods=["GET"]),
            Route(ACCOUNT, self._edge(self._account), methods=["GET"]),
            *(Route(path, self._edge(each), methods=["POST"]) for path, each in posts.items()),
            Route("/oauth/files/signin.css", _style, methods=["GET"]),
        ]

    def _edge(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except LotkinError as error:
                refusal = error
            except Exception as bug:  # noqa: BLE001  (the edge: whatever is raised is answered)
                refusal = masked(bug)
            if refusal.detail:
                _log.info("refused", code=refusal.code.value, detail=refusal.detail)
            status = {RefusalCode.INTERNAL: 500, RefusalCode.UNAVAILABLE: 503}
            write = self._writer(request)
            reason = refusal.message(write.language)
            page = write.page("not_possible", write.paragraph("go_back", reason=reason))
            return _html(page, status.get(RefusalCode(refusal.code), 400))

        return answer

    async def _authorize(self, request: Request) -> Response:
        return await self._proceed(await self._visit(request))

    async def _account(self, request: Request) -> Response:
        visit = await self._visit(request)
        if visit.here is None:
            return self._sign_in_page(visit, client="Lotkin")
        return self._account_page(visit, visit.here)

    async def _sign_in(self, request: Request) -> Response:
        form, visit = await self._posted(request)
        client = await self._client_name(visit.asked) if visit.asked else "Lotkin"
        login, password, code = (form.get(name, "") for name in _CREDENTIALS)
        signed = await use.sign_in(self._context(visit), login, password, code)
        if signed is None:
            return self._sign_in_page(visit, client=client, wrong=True)
        here = await use.standing(self._context(visit), signed.secret)
        visit = Visit(request, visit.asked, here, visit.csrf, visit.write)
        if signed.must_choose_password:
            response = self._password_page(visit)
        else:
            response = await self._proceed(visit, is_fresh=True)
        response.set_cookie(
            self._session_cookie,
            signed.secret,
            max_age=self._service.settings.sign_in_s,
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def _password(self, request: Request) -> Response:
        form, visit = await self._posted(request)
        here = _signed_in(visit)
        new = form.get("new", "")
        if new != form.get("again"):
            return self._password_page(visit, "differ")
        try:
            is_done = await use.choose_password(
                self._context(visit), here, form.get("old", ""), new
            )
        except Refusal as refusal:
            if refusal.code is not RefusalCode.BAD_INPUT:
                raise
            return self._password_page(visit, "weak")
        if not is_done:
            return self._password_page(visit, "wrong")
        age = clock.now_us() / 1e6 - here.sign_in.auth_time
        return await self._proceed(await self._visit(request), is_fresh=age < FRESH_S)

    async def _phone(self, request: Request) -> Response:
        form, visit = await self._posted(request)
        here = _signed_in(visit)
        begun = await use.begin_totp(self._context(visit), here, form.get("password", ""))
        if begun is None:
            return self._account_page(visit, here, wrong=True)
        seed, address = begun
        grouped = " ".join(seed[place : place + 4] for place in range(0, len(seed), 4))
        write = visit.write
        parts = [
            write.paragraph("phone_how"),
            write.shown("key", grouped),
            write.shown("address", address),
            write.form(Form(PHONE_CODE, visit.csrf, ["code"], "save")),
        ]
        return self._page(visit, "phone_set", *parts)

    async def _phone_code(self, request: Request) -> Response:
        form, visit = await self._posted(request)
        here = _signed_in(visit)
        is_done = await use.confirm_totp(self._context(visit), here, form.get("code", ""))
        if not is_done:
            parts = [
                visit.write.alert("wrong"),
                visit.write.form(Form(PHONE_CODE, visit.csrf, ["code"], "save")),
            ]
            return self._page(visit, "phone_set", *parts, status=403)
        return RedirectResponse(ACCOUNT, 303)

    async def _sign_out(self, request: Request) -> Response:
        _, visit = await self._posted(request)
        if visit.here is not None:
            await use.sign_out(self._context(visit), visit.here)
        response = self._page(visit, "signed_out", visit.write.paragraph("close"))
        response.delete_cookie(
            self._session_cookie, secure=self._is_secure, httponly=True, samesite="lax"
        )
        return response

    async def _proceed(self, visit: Visit, *, is_fresh: bool = False) -> Response:
        """Go on with the authorization request: sign in first, or back to the client."""
        if not visit.asked:
            return RedirectResponse(ACCOUNT, 303)
        asked = FormRequest("GET", visit.asked, {})
        refused = await self._service.run(lambda server: _refused(server, asked))
        if refused is not None:
            return self._sent(refused)
        client = await self._client_name(visit.asked)
        needs = _needs(visit)
        if visit.here is None or (needs and not is_fresh):
            if visit.asked.get("prompt") == "none":
                return self._back(visit.asked, "login_required")
            return self._sign_in_page(visit, client=client)
        if needs == "acr":  # just signed in, and still not as asked: no second factor is set up
            return self._back(visit.asked, "unmet_authentication_requirements")
        if visit.here.account.password_is_temporary:
            return self._password_page(visit)
        sign_in_id = visit.here.sign_in.id

        def grant(server: Server) -> Answer:
            holder = tokens.find_holder(server.connection, sign_in_id)
            found: Answer = server.create_authorization_response(
                asked, grant_user=holder, grant=server.get_authorization_grant(asked)
            )
            return found

        return self._sent(await self._service.run(grant))

    async def _client_name(self, asked: dict[str, str]) -> str:
        found = await self._service.run(
            lambda server: server.query_client(asked.get("client_id", ""))
        )
        return found.row.name if found else ""

    def _sent(self, answer: Answer) -> Response:
        """Return the library's answer: a way back, or a page for what has no way back."""
        location = dict(answer.headers).get("Location")
        if location is None:
            reason = answer.body.get("error_description") or answer.body.get("error", "")
            raise Refusal(RefusalCode.BAD_INPUT, reason=str(reason)[:200])
        issuer = self._service.minter.issuer  # RFC 9207: the client can tell who answers
        response = RedirectResponse(str(URL(location).include_query_params(iss=issuer)), 303)
        response.headers.update({"cache-control": "no-store", "referrer-policy": "no-referrer"})
        return response

    def _back(self, asked: dict[str, str], error: str) -> Response:
        # Only after `_refused` found the address registered for the client.
        told = {"error": error} | ({"state": asked["state"]} if "state" in asked else {})
        location = str(URL(asked["redirect_uri"]).include_query_params(**told))
        return self._sent(Answer(302, "", [("Location", location)]))

    def _sign_in_page(self, visit: Visit, *, client: str, wrong: bool = False) -> Response:
        write = visit.write
        parts = [
            write.paragraph("for_client", client=client),
            write.alert("wrong") if wrong else "",
            write.form(Form(_with(SIGN_IN, visit.asked), visit.csrf, _CREDENTIALS, "sign_in")),
        ]
        return self._page(visit, "sign_in", *parts, status=403 if wrong else 200)

    def _password_page(self, visit: Visit, problem: str = "choose_why") -> Response:
        write = visit.write
        parts = [
            write.paragraph(problem) if problem == "choose_why" else write.alert(problem),
            write.form(
                Form(_with(PASSWORD, visit.asked), visit.csrf, ["old", "new", "again"], "save")
            ),
        ]
        return self._page(visit, "choose", *parts)

    def _account_page(self, visit: Visit, here: Standing, *, wrong: bool = False) -> Response:
        write, account = visit.write, here.account
        has_phone = account.totp_seed is not None
        parts = [
            write.alert("wrong") if wrong else "",
            write.paragraph("signed_in_as", person=account.name, login=account.login),
            write.heading("phone"),
            write.paragraph("phone_on" if has_phone else "phone_off"),
            write.form(Form(PHONE, visit.csrf, ["password"], "phone_set", focus=False)),
            write.heading("choose"),
            write.form(Form(PASSWORD, visit.csrf, ["old", "new", "again"], "save", focus=False)),
            write.heading("sign_out"),
            write.form(Form(SIGN_OUT, visit.csrf, [], "sign_out")),
        ]
        return self._page(visit, "account", *parts, status=403 if wrong else 200)

    def _page(self, visit: Visit, title: str, *parts: str, status: int = 200) -> Response:
        response = _html(visit.write.page(title, *parts), status, visit.asked.get("redirect_uri"))
        response.set_cookie(
            self._csrf_cookie,
            visit.csrf,
            max_age=self._service.settings.sign_in_s,
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )
        return response

    async def _visit(self, request: Request) -> Visit:
        asked = unrepeated(request.url.query)
        if asked.keys() <= {"ui_locales"}:
            asked = {}
        secret = request.cookies.get(self._session_cookie)
        csrf = request.cookies.get(self._csrf_cookie) or clock.token(32)
        visit = Visit(request, asked, None, csrf, self._writer(request))
        if not secret:
            return visit
        here = await use.standing(self._context(visit), secret)
        return Visit(request, asked, here, csrf, visit.write)

    async def _posted(self, request: Request) -> tuple[dict[str, str], Visit]:
        """Return the fields of a form that one of our own pages posted."""
        form, visit = await form_of(request), await self._visit(request)
        origin = request.headers.get("origin", self._origin)
        cookie = request.cookies.get(self._csrf_cookie, "")
        shown = form.get("csrf", "")
        is_ours = bool(cookie) and hmac.compare_digest(cookie.encode(), shown.encode())
        if not is_ours or origin not in self._service.settings.origins():
            raise Refusal(RefusalCode.BAD_INPUT, reason=visit.write.text("stale"))
        return form, visit

    def _context(self, visit: Visit) -> Context:
        return Context(actor=ANONYMOUS, services=self._services, language=visit.write.language)

    def _writer(self, request: Request) -> Writer:
        # Read leniently: a page that tells what is wrong with a request must be written too.
        pairs = parse_qsl(request.url.query[:8000])
        wished = next((value for name, value in pairs if name == "ui_locales"), None)
        accepted = ",".join(wished.split()) if wished else request.headers.get("accept-language")
        kept = [(name, value) for name, value in pairs if name != "ui_locales"]
        path = request.url.path
        if request.method == "POST":  # the other language begins with the page, not its answer
            path = AUTHORIZE if kept else ACCOUNT
        here = f"{path}?{urlencode(kept)}&" if kept else f"{path}?"
        return Writer(language_of(accepted), here)


def _refused(server: Server, asked: FormRequest) -> Answer | None:
    """Return how a request is answered that must not be gone on with, None for a good one."""
    try:
        server.get_consent_grant(asked)
    except OAuth2Error as error:
        refused: Answer = server.handle_error_response(asked, error)
        return refused
    data = asked.payload.data
    prompts = set(data.get("prompt", "").split())
    is_wrong = prompts - _PROMPTS or ("none" in prompts and len(prompts) > 1)
    if is_wrong or not data.get("max_age", "0").isdecimal() or "request" in data:
        told = {"error": "invalid_request"} | ({"state": data["state"]} if "state" in data else {})
        location = str(URL(data["redirect_uri"]).include_query_params(**told))
        return Answer(302, "", [("Location", location)])
    return None


def _needs(visit: Visit) -> str:
    """Return why the person must sign in (again) for this request, or ""."""
    if visit.here is None:
        return "sign_in"
    asked, sign_in = visit.asked, visit.here.sign_in
    wanted = [each for each in asked.get("acr_values", "").split() if each in ACR_VALUES]
    if wanted and sign_in.acr not in wanted and sign_in.acr != ACR_TWO_FACTOR:
        return "acr"
    if {"login", "select_account"} & set(asked.get("prompt", "").split()):
        return "prompt"
    age = clock.now_us() / 1e6 - sign_in.auth_time
    return "max_age" if age > float(asked.get("max_age", "inf")) else ""


def _signed_in(visit: Visit) -> Standing:
    if visit.here is None:
        raise Refusal(RefusalCode.BAD_INPUT, reason=visit.write.text("stale"))
    return visit.here


def _with(path: str, asked: dict[str, str]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


def _html(page: str, status: int = 200, redirect_uri: str | None = None) -> HTMLResponse:
    # Browsers hold the way back after a posted form to `form-action` too.
    parts = urlsplit(redirect_uri or "")
    back = (
        f"{parts.scheme}://{parts.netloc}" if parts.netloc else parts.scheme and parts.scheme + ":"
    )
    safe = back if not set(back) & set(" ;,'\"") else ""
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {safe}".rstrip()
        + "; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
    }
    return HTMLResponse(page, status, headers)


async def _style(request: Request) -> Response:  # noqa: ARG001
    return FileResponse(
        FILES / "signin.css",
        headers={"cache-control": "max-age=3600", "x-content-type-options": "nosniff"},
    )
