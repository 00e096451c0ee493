"""What every use case is handed: who asks, and the services that answer."""

from dataclasses import dataclass, field
from typing import Any

from lotkin.auth.actor import Actor
from lotkin.errors import Language
from lotkin.graph.reader import Reader
from lotkin.records.session import Database
from lotkin.resolvers.metering import Meter, Sockets
from lotkin.settings import Settings


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
        """The record."""
        return self.services.database
