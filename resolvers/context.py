"""What every use case is handed: who asks, and the services that answer."""

from dataclasses import dataclass, field
from typing import Any

from lotkin.auth.actor import Actor
from lotkin.errors import Language
from lotkin.graph.reader import Reader
from lotkin.records.session import Database
from lotkin.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived parts of one process; `app.py` opens and closes them."""

    settings: Settings
    database: Database
    relational: Reader
    neo4j: Reader | None


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    actor: Actor
    services: Services
    language: Language = "en"
    # Look-ups under way and done in this request (`resolvers.batching`).
    batches: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def settings(self) -> Settings:
        """The site's settings."""
        return self.services.settings

    @property
    def database(self) -> Database:
        """The record."""
        return self.services.database
