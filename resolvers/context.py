"""What every use case is handed: who asks, and the services that answer."""

from dataclasses import dataclass, field
from typing import Any

from lotkin.auth.actor import Actor
from lotkin.auth.permissions import Role
from lotkin.errors import Language
from lotkin.graph.reader import Reader
from lotkin.graph.relational import RelationalReader
from lotkin.records.partner import Scoped
from lotkin.records.session import REGULATOR, SUPPLIER, Database
from lotkin.resolvers.metering import Meter, Sockets
from lotkin.resolvers.own import partner_key
from lotkin.settings import Settings

_DATABASE_ROLE = {Role.SUPPLIER: SUPPLIER, Role.REGULATOR: REGULATOR}


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived parts of one process; `app.py` opens and closes them."""

    settings: Settings
    database: Database
    relational: Reader
    neo4j: Reader | None
    meter: Meter = field(default_factory=Meter, compare=False, repr=False)
    sockets: Sockets = field(default_factory=Sockets, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    actor: Actor
    services: Services
    language: Language = "en"
    user_agent: str = ""  # as the request tells; a signature is made where it was asked for
    # Look-ups under way and done in this request (`resolvers.batching`).
    batches: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    address: str = ""  # the network address asked from, where there is one

    @property
    def settings(self) -> Settings:
        """The site's settings."""
        return self.services.settings

    @property
    def database(self) -> Database:
        """The record as the caller may see it: a partner's in a role of its own, in its scope."""
        return self.services.database if self.partner is None else self.partner

    @property
    def relational(self) -> Reader:
        """The record as an engine, as far as the caller may see."""
        if self.partner is None:
            return self.services.relational
        return RelationalReader(self.partner.engine, self.partner.enter)

    @property
    def neo4j(self) -> Reader | None:
        """The graph; never for a partner, whom only the database's own wall keeps in a scope."""
        return self.services.neo4j if self.partner is None else None

    @property
    def partner(self) -> Scoped | None:
        """The scoped record of a supplier or a regulator; None for everybody else."""
        role = self.actor.partner
        if role is None:
            return None
        if Scoped not in self.batches:
            pool = self.services.database.as_role(_DATABASE_ROLE[role])
            own = partner_key(self.settings, self.actor.organisation)
            self.batches[Scoped] = Scoped(pool, own=own, subject=self.actor.subject)
        found: Scoped = self.batches[Scoped]
        return found
