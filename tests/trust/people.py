"""People who sign: each with a session, a key, and short ways to ask and to sign."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyotp

from lotkin import clock
from lotkin.auth.actor import Actor
from lotkin.auth.factors import hash_password
from lotkin.auth.permissions import Role
from lotkin.auth.sitekeys import seal
from lotkin.domain.nodeid import NodeType, node_id
from lotkin.domain.signature import Action, Factor, Meaning
from lotkin.graph.relational import RelationalReader
from lotkin.records import accounts
from lotkin.records import factors as factor_records
from lotkin.records.session import Database
from lotkin.resolvers import change, factors, holds, release
from lotkin.resolvers.capture import capture
from lotkin.resolvers.context import Context, Services
from lotkin.resolvers.items import item
from lotkin.resolvers.lookup import Lookup
from lotkin.resolvers.proofs import Proof
from lotkin.resolvers.signature import Asked, Issued, RequestOutcome, request_signature
from lotkin.resolvers.signed import SignOutcome
from lotkin.settings import Settings
from tests.flows.events import document, lot, make, observe, quantity
from tests.trust.authenticator import Authenticator, b64

ORIGIN = "http://127.0.0.1:8000"
USE_CASES = {
    Action.RELEASE_LOT: release.release_lot,
    Action.REJECT_LOT: release.reject_lot,
    Action.REVOKE_RELEASE: release.revoke_release,
    Action.LIFT_HOLD: holds.lift_hold,
    Action.APPROVE_CHANGE: change.approve_change,
}


def services_at(database: Database, folder: Path, **settings: Any) -> Services:
    """Services over a database, without a graph, whose keys stand in `folder`."""
    site = Settings(state_dir=folder, own_parties=frozenset({"/417/4012345000009"}), **settings)
    return Services(site, database, RelationalReader(database.engine), None)


@dataclass(slots=True)
class Person:
    """Somebody in a session; `key` answers for them."""

    services: Services
    actor: Actor
    key: Authenticator = field(default_factory=Authenticator)
    user_agent: str = "browser"
    seed: str = ""

    def context(self) -> Context:
        """A fresh request of theirs."""
        return Context(self.actor, self.services, user_agent=self.user_agent)

    def but(self, **changes: Any) -> "Person":
        """The same person with other facts of the log-in."""
        return replace(self, actor=replace(self.actor, **changes))

    async def enrol(self) -> "Person":
        """Enrol the key, as a person does."""
        begun = await factors.enrol_webauthn(self.context())
        assert begun.enrolment is not None, begun.problems
        assert begun.challenge is not None
        answer = self.key.create({"challenge": b64(begun.challenge)})
        told = await factors.confirm_webauthn(self.context(), begun.enrolment, answer, "key")
        assert not told.problems, told.problems
        return self

    async def ask(
        self,
        action: Action,
        subject: str,
        meaning: Meaning,
        *,
        version: int = 1,
        reason: str | None = "because",
    ) -> RequestOutcome:
        """Ask for a challenge."""
        asked = Asked(action, subject, version, meaning, reason)
        return await request_signature(self.context(), asked)

    async def challenge(self, *args: Any, **kwargs: Any) -> Issued:
        """Ask for a challenge that must be given."""
        told = await self.ask(*args, **kwargs)
        assert told.issued is not None, told.problems
        return told.issued

    def proof(self, issued: Issued) -> Proof:
        """Answer a challenge with the key."""
        return Proof(Factor.WEBAUTHN, webauthn=self.key.get({"challenge": b64(issued.row.digest)}))

    async def sign(self, issued: Issued, proof: Proof | None = None) -> SignOutcome:
        """Send the signed mutation of a challenge."""
        id = node_id(NodeType.CHALLENGE, issued.row.id)
        use_case = USE_CASES[Action(issued.row.action)]
        return await use_case(self.context(), id, proof or self.proof(issued))

    async def with_password(self, password: str = "correct horse") -> "Person":
        """Give them a local account and one-time codes; the subject becomes the account's id."""
        id, self.seed = clock.new_id(), pyotp.random_base32()
        self.actor = replace(self.actor, subject=str(id))
        sealed = seal(self.services.settings.state_dir, self.seed.encode(), str(id))
        async with self.services.database.transaction() as connection:
            await accounts.insert(
                connection,
                id=id,
                login=f"user-{id}",
                name=self.actor.name,
                organisation=None,
                roles=[role.value for role in self.actor.roles],
                password_hash=hash_password(password),
                is_temporary=False,
                created_by="test",
            )
            await factor_records.insert_totp(connection, str(id), "phone", seed=sealed, counter=0)
        return self

    def password_proof(self, password: str = "correct horse", *, steps: int = 0) -> Proof:
        """Password and the code of now, or some steps of 30 s off."""
        code = pyotp.TOTP(self.seed).at(int(clock.now_us() / 1_000_000) + 30 * steps)
        return Proof(Factor.PASSWORD_TOTP, password=password, code=code)


def person(services: Services, name: str, *roles: Role) -> Person:
    """Somebody who logged in just now."""
    actor = Actor(
        name,
        name.title(),
        None,
        frozenset(roles or {Role.QA_RELEASER}),
        client="test",
        session=f"session-of-{name}",
        auth_time=int(clock.now_us() / 1_000_000),
    )
    return Person(services, actor)


RAW, FINISHED = lot(1, "RAW"), lot(2, "FIN")


async def make_lots(services: Services, *numbers: str) -> list[str]:
    """Make lots of one raw lot; return their opaque ids."""
    operator = person(services, "operator", Role.OPERATOR)
    events = [
        make(n, [quantity(RAW, 1)], [quantity(lot(2, number), 10)], bizStep="commissioning")
        for n, number in enumerate(numbers)
    ]
    told = await capture(operator.context(), document(*events))
    assert told.captured == len(numbers), told.problems
    ids = []
    for number in numbers:
        context = operator.context()
        row = await item(context, Lookup(key=lot(2, number)))
        assert row is not None
        ids.append(node_id(NodeType.ITEM, row.id))
    return ids


async def tell(services: Services, step: str, key: str, minute: int, **told: Any) -> None:
    """An operator tells an event about a lot."""
    operator = person(services, "operator", Role.OPERATOR)
    event = observe(minute, step)
    event.pop("epcList")
    event |= {"quantityList": [quantity(key, 1)], **told}
    outcome = await capture(operator.context(), document(event))
    assert outcome.captured == 1, outcome.problems


async def gather(*work: Any) -> list[Any]:
    """Run all at once; exceptions are returned."""
    return list(await asyncio.gather(*work, return_exceptions=True))
