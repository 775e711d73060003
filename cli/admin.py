"""`saemi config` and `saemi admin`: what is in force, the database's schema, and what is wrong."""

import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import httpx

import web
from cli.backups import backup, restore
from cli.blobs import blobs
from cli.console import EXIT_SOME_FAILED, print_json, print_table
from cli.cors import cors
from cli.groups import groups
from cli.preparation import prepare_database, required_database
from cli.retention import retention
from shared import registry, schema, workers
from shared.database import Database
from shared.domain import PIPELINE_VERSION
from shared.election import SCHEDULER, is_office_held
from shared.errors import SaemiError
from shared.messaging import JobSender
from shared.queues import QUEUES
from shared.results import SOFTWARE_VERSION
from shared.retention import RetentionRule
from shared.settings import Settings, load_settings
from shared.stores import blob_store
from worker.segmenters import compute_device


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check of the doctor found."""

    part: str
    ok: bool
    says: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def config(*, as_json: bool) -> None:
    """Print the settings in force, passwords masked."""
    settings = load_settings()
    shown = settings.public()
    if as_json:
        print_json(shown)
        return
    rows = [(name, str(value), Settings.model_fields[name].description) for name, value in shown.items()]
    print_table(("setting", "value", "meaning"), rows)


@click.group()
def admin() -> None:
    """Look after an installation."""


for command in (backup, restore, blobs, cors, groups, retention):
    admin.add_command(command)


@admin.group()
def db() -> None:
    """Look after the database's schema."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema and the registered models up to this release."""
    settings = load_settings()
    prepare_database(settings)
    database = Database(settings.effective_database_url)
    click.echo(f"The schema is at revision {schema.current_revision(database)}.")
    database.dispose()


@admin.command()
@click.option("--part", "parts", multiple=True, help="Check this part only; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def doctor(context: click.Context, *, parts: tuple[str, ...], as_json: bool) -> None:
    """Check every part and say what is wrong."""
    unknown = set(parts) - set(CHECKS)
    if unknown:
        raise click.BadParameter(f"the parts are {', '.join(CHECKS)}", param_hint="--part")
    settings = load_settings()
    findings = [_finding(part, check, settings) for part, check in CHECKS.items() if not parts or part in parts]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [(finding.part, "ok" if finding.ok else "WRONG", finding.says) for finding in findings]
        print_table(("part", "state", ""), rows)
    context.exit(0 if all(finding.ok for finding in findings) else EXIT_SOME_FAILED)


def _finding(part: str, check: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(part, ok=True, says=check(settings))
    except (SaemiError, OSError, httpx.HTTPError) as error:
        return Finding(part, ok=False, says=str(error))


def _check_software(settings: Settings) -> str:
    return (
        f"SAEMI {SOFTWARE_VERSION}, Python {platform.python_version()}, {settings.effective_worker_processes} worker processes"
    )


def _check_front_end(_settings: Settings) -> str:
    built = Path(web.__file__).parent / "static" / "build"
    if not any(built.glob("*.js")):
        raise SaemiError("The portal's scripts are not built: run `make setup`.")
    return f"{len(list(built.glob('*.js')))} scripts"


def _check_data_dir(settings: Settings) -> str:
    if not settings.data_dir.is_dir():
        raise SaemiError(f"{settings.data_dir} does not exist yet; `saemi up` makes it")
    with tempfile.TemporaryFile(dir=settings.data_dir):
        free = shutil.disk_usage(settings.data_dir).free
    if free < settings.min_free_bytes:
        raise SaemiError(f"{settings.data_dir} has only {free / 2**20:.0f} MiB free")
    return f"{settings.data_dir}, {free / 2**30:.1f} GiB free"


def _check_database(settings: Settings) -> str:
    database = required_database(settings)
    return f"{database.dialect}, schema at revision {schema.current_revision(database)}"


def _check_file_store(settings: Settings) -> str:
    blob_store(settings).exists("0" * 64)
    return f"{settings.blob_url or settings.blob_dir} answers"


def _check_models(settings: Settings) -> str:
    store = blob_store(settings)
    with required_database(settings).reading() as session:
        default = registry.identity(registry.default(session)).reference
        models = [registry.identity(row) for row in registry.models(session)]
    lost = [model.reference for model in models if model.sha256 and not store.exists(model.sha256)]
    if lost:
        raise SaemiError(f"The weights of {', '.join(lost)} are not in the file store.")
    return f"{len(models)} registered, {default} is the default"


def _check_device(settings: Settings) -> str:
    device = compute_device(settings.device).type
    return f"{device} (SAEMI_DEVICE is {settings.device})"


def _check_broker(settings: Settings) -> str:
    if not settings.broker_url:
        return "none set; `saemi up` starts its own"
    sender = JobSender(settings.broker_url, settings.broker_timeout_s)
    try:
        return f"answers; messages that wait: {', '.join(f'{sender.queue_length(queue)} {queue}' for queue in QUEUES)}"
    finally:
        sender.close()


def _check_workers(settings: Settings) -> str:
    with required_database(settings).reading() as session:
        alive = workers.living(session)
        foreign = [worker.name for worker in alive if worker.pipeline_version != PIPELINE_VERSION]
    unserved = set(QUEUES) - {queue for worker in alive for queue in worker.queues}
    if unserved:
        raise SaemiError(f"{len(alive)} live, and none takes {', '.join(sorted(unserved))}.")
    if foreign:
        raise SaemiError(f"{', '.join(foreign)}: of another release than this command.")
    return f"{len(alive)} live, {sum(worker.n_processes for worker in alive)} processes"


def _check_scheduler(settings: Settings) -> str:
    with required_database(settings).reading() as session:
        if not is_office_held(session, SCHEDULER):
            raise SaemiError("None leads: nothing that waits is announced. `saemi scheduler` starts one.")
    return "one leads"


def _check_retention(settings: Settings) -> str:
    return RetentionRule.of(settings).words


def _check_portal(settings: Settings) -> str:
    httpx.get(f"{settings.effective_server}/readyz", timeout=3, trust_env=False).raise_for_status()
    return f"{settings.effective_server} answers"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "software": _check_software,
    "front-end": _check_front_end,
    "data-folder": _check_data_dir,
    "database": _check_database,
    "file-store": _check_file_store,
    "models": _check_models,
    "device": _check_device,
    "broker": _check_broker,
    "scheduler": _check_scheduler,
    "workers": _check_workers,
    "retention": _check_retention,
    "portal": _check_portal,
}
