"""The database behind two scopes: one that reads and one that writes. The scope commits; what runs inside never does."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    Boolean,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Float,
    Select,
    TypeDecorator,
    create_engine,
    event,
    literal,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import FromClause, HasHints

from shared.errors import OperatorError, TransientError

# Long enough for a writer that waits behind a bulk of inserts, short enough for a request to answer.
SQLITE_BUSY_TIMEOUT_MS = 20_000
_BEGIN_OPTION = "saemi_begin"

# For processes of one or a few threads: one at work, one that extends a lease, and room for two more.
FEW_CONNECTIONS = 4
# Longer than a transaction of ours lasts; who waits longer for a connection is told to come again.
POOL_TIMEOUT_S = 10.0
# Firewalls forget connections that say nothing for an hour or so.
POOL_RECYCLE_S = 1800
CONNECT_TIMEOUT_S = 5
# A server that vanished without a word is noticed within a minute, and data that nobody confirms within half of one.
_TCP = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
# Who waits for a lock waits as long as on SQLite. A process that was stopped within a transaction must not hold its locks for
# ever.
_SESSION = {"lock_timeout": f"{SQLITE_BUSY_TIMEOUT_MS}ms", "idle_in_transaction_session_timeout": "5min"}

# A server that works tells before that it gave a statement up; one that is frozen does not, though its machine keeps the line.
SILENCE_S = 1.0
# Who waits for an answer looks so often whether he was interrupted.
LOOK_INTERVAL_S = 0.1

Query = TypeVar("Query", bound=HasHints)
Waited = TypeVar("Waited")

_SQLITE_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_FILE_CODES = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


class Database:
    """Engine and session scopes of one process.

    Parameters
    ----------
    url
        SQLAlchemy URL; what its query says of timeouts wins over the limits here.
    pool_size
        Connections to a database server at most; opened when they are needed and kept.
    statement_timeout_s
        Time after which a database server gives up a statement, and a little later this process a server that says nothing at
        all; None: never, for migrations and work in bulk.
    """

    def __init__(self, url: str, pool_size: int = FEW_CONNECTIONS, statement_timeout_s: float | None = None) -> None:
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            self.engine = _sqlite_engine(parsed)
        else:
            self.engine = _server_engine(parsed, pool_size, statement_timeout_s)
        self._writing_engine = self.engine.execution_options(**{_BEGIN_OPTION: "BEGIN IMMEDIATE"})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session whose changes are thrown away."""
        with named_errors(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that commits at the end of the block and rolls back when the block raises."""
        with named_errors(), Session(self._writing_engine) as session, session.begin():
            yield session

    def check(self) -> None:
        """Raise TransientError unless the database answers."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def insert_of(session: Session) -> type[sqlite.Insert] | type[postgresql.Insert]:
    """Return the insert of the dialect at hand: only these know `ON CONFLICT DO NOTHING`."""
    return sqlite.Insert if session.get_bind().dialect.name == "sqlite" else postgresql.Insert


def through_index(query: Query, table: type[Any], index: str) -> Query:
    """Have SQLite find the rows of a table through one index, and say so where that is impossible.

    It keeps no statistics unless somebody asks for them, and by its guesses a million waiting jobs are as few as one.
    """
    return query.with_hint(table, f"INDEXED BY {index}", "sqlite")


class among(FunctionElement[bool]):  # noqa: N801 - reads as a word in queries
    """Tells whether a key is one of those that a query selects, by looking up each of them.

    The time follows from what is selected alone. A join leaves PostgreSQL the choice, and for a few thousand keys it reads the
    whole table.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, key: InstrumentedAttribute[Any], selected: Select[Any]) -> None:
        super().__init__(key, selected.scalar_subquery())


@compiles(among, "sqlite")
def _sqlite_among(element: among, compiler: SQLCompiler, **options: Any) -> str:
    key, selected = (compiler.process(part, **options) for part in element.clauses)
    return f"{key} IN {selected}"


@compiles(among, "postgresql")
def _postgresql_among(element: among, compiler: SQLCompiler, **options: Any) -> str:
    key, selected = (compiler.process(part, **options) for part in element.clauses)
    return f"{key} = ANY (ARRAY{selected})"


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what the driver reports into an error that says who must act; what is left is a bug of ours."""
    try:
        yield
    except PoolTimeoutError as error:
        raise TransientError("All connections to the database are in use.", code="database_unavailable") from error
    except psycopg.OperationalError as error:  # of a COPY, which goes past SQLAlchemy
        raise TransientError("The database does not answer at the moment.", code="database_unavailable") from error
    except DBAPIError as error:
        reason = str(error.orig)
        if isinstance(error.orig, sqlite3.Error):
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code in _SQLITE_BUSY_CODES:
                raise TransientError("The database is busy.", code="database_unavailable") from error
            if code in _SQLITE_FILE_CODES:
                raise OperatorError(f"The database file cannot be used: {reason}.", code="database_unusable") from error
        elif isinstance(error, OperationalError) or error.connection_invalidated:
            raise TransientError("The database does not answer at the moment.", code="database_unavailable") from error
        raise


class _HintingCompiler(SQLiteCompiler):
    """Writes down the hints of queries, which the library leaves out for SQLite."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:  # noqa: ARG002 - the library's form
        """Return what stands behind a table."""
        return text


def _sqlite_engine(url: URL) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    engine.dialect.statement_compiler = _HintingCompiler

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows the letters of English only, and searches are to find Müller under MÜLLER.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins deferred fails instead of waiting when another one commits first.
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN_OPTION, "BEGIN"))

    return engine


class _ImpatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server says nothing for too long."""

    longest_wait_s: float

    def wait(self, gen: PQGen[Waited], interval: float = LOOK_INTERVAL_S, timeout: float | None = None) -> Waited:
        """Return what the server answers; raises OperationalError, the connection closed, where it does not."""
        try:
            return super().wait(gen, interval, self.longest_wait_s if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # what was asked is not answered yet
                self.pgconn.finish()
            raise


def _give_up_silent_servers(engine: Engine, longest_wait_s: float) -> None:
    kind = type("_Impatient", (_ImpatientConnection,), {"longest_wait_s": longest_wait_s})

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Dialect, _record: ConnectionPoolEntry, arguments: Any, options: Any) -> psycopg.Connection[Any]:
        return kind.connect(*arguments, **options)  # type: ignore[no-any-return, attr-defined]


def _server_engine(url: URL, pool_size: int, statement_timeout_s: float | None) -> Engine:
    session = dict(_SESSION)
    if statement_timeout_s is not None:
        session["statement_timeout"] = f"{statement_timeout_s * 1000:.0f}ms"
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    limits = {"connect_timeout": CONNECT_TIMEOUT_S, "options": options, **_TCP}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in limits.items() if name not in url.query},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_recycle=POOL_RECYCLE_S,
        # A connection that the server closed while it lay idle is replaced before anybody works with it.
        pool_pre_ping=True,
        # The same few are used again and again, so that the others may close.
        pool_use_lifo=True,
    )
    if statement_timeout_s is not None:
        _give_up_silent_servers(engine, statement_timeout_s + SILENCE_S)
    return engine


def _lower(value: object) -> str | None:
    return None if value is None else str(value).lower()


class UtcTime(TypeDecorator[datetime]):
    """A point in time, always in UTC and always aware of it, also on SQLite, which knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class database_time(FunctionElement[Any]):  # noqa: N801 - reads as a function in queries
    """The database's own clock plus so many seconds: all leases are measured on one clock."""

    type = UtcTime()
    inherit_cache = True

    def __init__(self, offset_s: float = 0.0) -> None:
        super().__init__(literal(offset_s, Float))


@compiles(database_time, "sqlite")
def _sqlite_time(element: database_time, compiler: SQLCompiler, **options: Any) -> str:
    # Written like SQLAlchemy stores a datetime, six decimals, so that the texts compare like the times.
    offset = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({offset}) || ' seconds')"


@compiles(database_time, "postgresql")
def _postgresql_time(element: database_time, compiler: SQLCompiler, **options: Any) -> str:
    offset = compiler.process(element.clauses, **options)
    return f"(clock_timestamp() + make_interval(secs => {offset}))"
