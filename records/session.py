"""Connections and transactions. `Database.transaction` is the only commit in the product."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from lotkin.errors import Refusal, RefusalCode

Connection: TypeAlias = AsyncConnection
T = TypeVar("T")

# SQLSTATEs by which the server asks for another try: serialization failure, deadlock.
RETRIED_STATES = frozenset({"40001", "40P01"})
ATTEMPTS_MAX = 5

# A writer that hangs holds the journal's horizon back, so it is ended (trust.md 8b).
IDLE_IN_TRANSACTION_S = 10
STATEMENT_TIMEOUT_S = 60
CONNECT_TIMEOUT_S = 5

# Database roles (0005_access.sql); the log-in of LOTKIN_DATABASE_URL must be a member of each.
APP = "lotkin_app"
SEQUENCER = "lotkin_seq"
PROJECTOR = "lotkin_proj"
SUPPLIER = "lotkin_supplier"
REGULATOR = "lotkin_regulator"
PARTNER_POOL = 5  # connections of a partner's pool: people inside come first
PARTNER_TIMEOUT_S = 5

_PARTNER_OPTIONS = (
    f" -c default_transaction_read_only=on -c statement_timeout={PARTNER_TIMEOUT_S * 1000}"
    " -c search_path={}"
)
_OPTIONS = {
    SUPPLIER: _PARTNER_OPTIONS.format("supplier,partner"),
    REGULATOR: _PARTNER_OPTIONS.format("partner"),
}


def async_url(url: str) -> str:
    """Return a libpq-style URL as SQLAlchemy wants it for psycopg 3."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise Refusal(RefusalCode.BAD_INPUT, reason=f"LOTKIN_DATABASE_URL: unknown scheme {scheme}")
    return f"postgresql+psycopg://{rest}"


class Database:
    """A pool of connections to one PostgreSQL, all of them in one database role."""

    def __init__(self, url: str, *, pool: int = 10, role: str | None = APP) -> None:
        """Open nothing yet. role: None for that of the log-in itself, as migrations need it."""
        options = (
            f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S * 1000} "
            f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1000} -c timezone=UTC"
        )
        if role is not None:
            # At the start, not by SET: what a pooled connection forgets, it falls back on this.
            options += f" -c role={role}" + _OPTIONS.get(role, "")
        self.url = url
        self.role = role
        self._others: dict[str, Database] = {}
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=True,
            connect_args={"options": options, "connect_timeout": CONNECT_TIMEOUT_S},
        )

    def as_role(self, role: str) -> "Database":
        """Return a pool in another role; opened on first use, closed with this one."""
        if role == self.role:
            return self
        if role not in self._others:
            self._others[role] = Database(self.url, pool=PARTNER_POOL, role=role)
        return self._others[role]

    async def enter(self, connection: Connection) -> None:
        """Do what each transaction begins with; nothing here, a scope in `records.access`."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a READ COMMITTED transaction: returning commits it, raising rolls it back.

        Raises: Refusal UNAVAILABLE when the server cannot be reached or goes away.
        """
        with _unavailable():
            async with self.engine.connect() as connection:
                await connection.begin()
                await self.enter(connection)
                yield connection
                await connection.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Give a read-only REPEATABLE READ transaction: everything in it sees one moment.

        Raises: as `transaction`.
        """
        with _unavailable():
            async with self.engine.connect() as connection:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                await self.enter(connection)
                yield connection

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do `work` in a transaction, again when the server broke a deadlock by ending it.

        `work` may run several times; it must not act outside the database.
        """
        for attempt in range(ATTEMPTS_MAX):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except DBAPIError as error:
                if attempt == ATTEMPTS_MAX - 1 or _state(error) not in RETRIED_STATES:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def listen(self, channel: str, *, wait_s: float) -> AsyncGenerator[None, None]:
        """Yield at once, then whenever `channel` is notified, at the latest after `wait_s`.

        Raises: as `transaction`.
        """
        with _unavailable():
            async with self.engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text(f"listen {channel}"))
                raw = await connection.get_raw_connection()
                driver = raw.driver_connection
                assert driver is not None
                while True:
                    yield
                    async for _ in driver.notifies(timeout=wait_s, stop_after=1):
                        pass

    async def close(self) -> None:
        """Close every pooled connection, of other roles too."""
        for other in self._others.values():
            await other.close()
        await self.engine.dispose()


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


class _unavailable:  # noqa: N801  (reads as the statement it is)
    """Turn a lost server into a Refusal; leave every other error alone."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DBAPIError) and _state(error) in RETRIED_STATES:
            return
        if isinstance(error, OperationalError | InterfaceError) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        ):
            raise Refusal(RefusalCode.UNAVAILABLE, detail=str(error.orig)) from error
