"""One frozen settings object for each entry point, read once from `saemi.toml` and `SAEMI_*`, and passed on explicitly."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from shared.errors import OperatorError

ENVIRONMENT_PREFIX = "SAEMI_"
# Names the file to read instead of ./saemi.toml; not a setting itself.
CONFIG_FILE_VARIABLE = "SAEMI_CONFIG"

DATABASES = ("sqlite", "postgresql")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket")


def _database_url(url: str) -> str:
    if not url:
        return url
    # A tenth of a second that commands without a database need not wait for.
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        backend = None
    if backend not in DATABASES:
        raise ValueError("expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
    return url


def _broker_url(url: str) -> str:
    if url and url.partition("://")[0] not in BROKER_SCHEMES:
        raise ValueError("expected redis://HOST:PORT/NUMBER, rediss://... or redis+socket:///PATH")
    return url


def _blob_url(url: str) -> str:
    place = urlsplit(url)
    if url and (place.scheme != "s3" or not place.netloc or place.query or place.fragment or place.username):
        raise ValueError("expected s3://BUCKET or s3://BUCKET/PREFIX, or nothing for the data folder")
    return url


def _http_url(url: str) -> str:
    place = urlsplit(url)
    if url and (place.scheme not in ("http", "https") or not place.hostname or place.username):
        raise ValueError("expected http://HOST:PORT or https://HOST")
    return url.rstrip("/")


# Where networks compute; auto is a GPU where there is one.
Device = Literal["auto", "cpu", "cuda"]
AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class Settings(BaseSettings):
    """What is in force. Environment variables win over the file, the file over the defaults."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="forbid", validate_default=True)

    data_dir: AbsolutePath = Field(Path("data"), description="Folder of the database, the blobs and the logs.")
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        "", description="SQLAlchemy URL; empty: SQLite in the data folder."
    )
    database_pool_size: int = Field(
        0, ge=0, le=1000, description="Connections of each process to PostgreSQL; 0: one a thread in the portal, few elsewhere."
    )
    broker_url: Annotated[str, AfterValidator(_broker_url)] = Field(
        "", description="Redis-protocol server; `saemi up` starts its own and fills this in."
    )

    blob_url: Annotated[str, AfterValidator(_blob_url)] = Field(
        "", description="Bucket of an S3-compatible server, s3://BUCKET/PREFIX; empty: the data folder holds the blobs."
    )
    s3_endpoint_url: Annotated[str, AfterValidator(_http_url)] = Field(
        "", description="Address of the S3-compatible server; empty: that of AWS."
    )
    s3_access_key_id: str = Field("", description="Who SAEMI is to the S3 server; empty: as the libraries of AWS find it out.")
    s3_secret_access_key: str = Field("", description="What goes with it.", repr=False)
    s3_region: str = Field("us-east-1", min_length=1, description="Region of the bucket.")
    s3_public_url: Annotated[str, AfterValidator(_http_url)] = Field(
        "", description="Where browsers reach the S3 server; empty: they do not, and files go through the portal."
    )

    host: str = Field("127.0.0.1", description="Address the portal listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the portal listens on.")
    web_threads: int = Field(32, ge=4, le=256, description="Requests the portal answers at the same time.")
    worker_processes: int = Field(0, ge=0, le=256, description="Analyses a worker runs side by side; 0: one per core.")
    interactive_processes: int = Field(
        1, ge=0, le=64, description="Processes `saemi up` keeps for interactive work alone; 0: it waits among the rest."
    )

    device: Device = Field("auto", description="Where the worker's networks compute: auto, cpu or cuda.")

    max_upload_bytes: int = Field(4 * 2**30, ge=1, description="Largest file that is accepted.")
    max_archive_members: int = Field(20_000, ge=1, description="Most files that one archive may hold.")
    max_archive_bytes: int = Field(64 * 2**30, ge=1, description="Most bytes that one archive may unpack to.")
    max_pixels: int = Field(100_000_000, ge=1, description="Largest image that is analysed; needs about 40 bytes a pixel.")
    decode_timeout_s: float = Field(60.0, gt=0, description="Longest time one file may take to decode.")
    min_free_bytes: int = Field(200 * 2**20, ge=0, description="Free disk below which nothing is started or accepted.")

    lease_s: float = Field(60.0, ge=1, description="Time a worker holds a job without a sign of life.")
    job_timeout_s: float = Field(900.0, ge=1, description="Time after which an analysis counts as hanging and is ended.")
    max_attempts: int = Field(3, ge=1, description="Attempts after which a job that kills its worker is set aside.")
    watchdog_s: float = Field(90.0, ge=1, description="Time after which a worker that waiting work passes by starts anew.")
    dispatch_interval_s: float = Field(0.5, gt=0, description="Pause between two rounds of the scheduler.")
    dispatch_window: int = Field(512, ge=1, description="Jobs the scheduler has announced and unfinished at most.")
    leader_lease_s: float = Field(10.0, ge=1, description="Time after which a silent scheduler is replaced by another one.")
    housekeeping_interval_s: float = Field(3600.0, ge=1, description="Pause between two clean-ups by the scheduler.")
    keep_originals_days: int = Field(
        0, ge=0, description="Days after the end of a submission when the uploaded files are removed; 0: never."
    )
    keep_submissions_days: int = Field(
        0, ge=0, description="Days after the end of a submission when all of it is removed, results too; 0: never."
    )
    keep_exports_days: int = Field(
        30, ge=0, description="Days after which the files of exports are removed; they can be made again. 0: never."
    )
    resend_after_s: float = Field(30.0, gt=0, description="Age at which a message counts as lost and is sent again.")
    broker_timeout_s: float = Field(1.0, gt=0, description="Longest wait for an answer of the broker.")

    metrics_port: int = Field(
        0, ge=0, le=65533, description="Port of the metrics of a worker or scheduler; 0: none. `saemi up` takes three in a row."
    )

    otlp_endpoint: Annotated[str, AfterValidator(_http_url)] = Field(
        "",
        description="Collector that gets traces by OTLP, http://HOST:4318; empty: as OTEL_EXPORTER_OTLP_ENDPOINT says.",
    )

    server: str = Field("", description="Portal that the command line talks to; empty: the one on this host and port.")
    shared_data: str = Field("", description="Folder of labelled micrographs for demonstration, tests and benchmarks.")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, else JSON.")

    @classmethod
    def settings_customise_sources(  # noqa: D102 - documented by pydantic-settings
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is given
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is given
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, _file())
        return init_settings, env_settings, file

    @property
    def effective_database_url(self) -> str:
        """The database in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'saemi.db'}"

    def database_connections(self, n_threads: int) -> int:
        """Connections of a process in which so many threads ask the database at once."""
        return self.database_pool_size or n_threads

    @property
    def effective_server(self) -> str:
        """The address of the portal."""
        return self.server or portal_address(self.host, self.port)

    @property
    def blob_dir(self) -> Path:
        """The folder of the content-addressed blobs."""
        return self.data_dir / "blobs"

    @property
    def browsers_reach_store(self) -> bool:
        """Whether browsers fetch from the file store and send to it themselves."""
        return bool(self.blob_url and self.s3_public_url)

    @property
    def spool_dir(self) -> Path:
        """The folder of the pieces of uploads, on the disk of the blobs."""
        return self.blob_dir / "uploads"

    @property
    def export_dir(self) -> Path:
        """The folder in which a worker writes the files of exports before they are stored."""
        return self.data_dir / "exports"

    @property
    def effective_worker_processes(self) -> int:
        """Analyses side by side, with the cores this process may use counted."""
        return self.worker_processes or len(os.sched_getaffinity(0))

    def public(self) -> dict[str, Any]:
        """What is in force, passwords masked, ready for JSON."""
        shown = self.model_dump(mode="json")
        shown["database_url"] = _masked(self.effective_database_url)
        shown["broker_url"] = _masked(self.broker_url)
        shown["s3_secret_access_key"] = "***" if self.s3_secret_access_key else ""
        shown["server"] = _masked(self.effective_server)
        shown["worker_processes"] = self.effective_worker_processes
        return shown


def portal_address(host: str, port: int) -> str:
    """Return the address under which this machine reaches a portal; loopback where it listens on all addresses."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings, every problem reported together.

    Raises
    ------
    OperatorError
        With one line for each unknown key and each value that does not fit.
    """
    problems = [*_unknown_variables(), *_missing_file()]
    try:
        settings = Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems += [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    except ValueError as error:  # the TOML file does not parse
        problems.append(f"{_file().absolute()}: {error}")
    if problems:
        raise OperatorError("The settings are not valid:\n  " + "\n  ".join(problems), code="invalid_settings")
    return settings


def _masked(url: str) -> str:
    """Return a URL with stars for the password, whether it stands before the host or among the options."""
    return re.sub(r"(?<=[?&]password=)[^&]*", "***", re.sub(r"(?<=://)([^/@:]*):[^/]*@", r"\1:***@", url))


def _file() -> Path:
    return Path(os.environ.get(CONFIG_FILE_VARIABLE, "saemi.toml"))


def _missing_file() -> list[str]:
    file = os.environ.get(CONFIG_FILE_VARIABLE)
    return [] if file is None or Path(file).is_file() else [f"{CONFIG_FILE_VARIABLE}: there is no file {file}"]


def _unknown_variables() -> list[str]:
    known = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_FILE_VARIABLE}
    given = {name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)}
    return [f"{name}: no such setting" for name in sorted(given - known)]
