"""The registry on both databases: models stay what they are, references mean one of them, and there is always one default."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared import registry
from shared.database import Database
from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from shared.model_rows import ModelRow
from shared.storage import FolderBlobStore
from tests.models import card
from worker.model_files import file_sha256
from worker.shipped import add_model, register_shipped, weights_files

SHA256, OTHER_SHA256 = "a" * 64, "b" * 64


def register(database: Database, *references: str, sha256: str | None = SHA256) -> None:
    with database.writing() as session:
        for reference in references:
            name, _, version = reference.rpartition("-")
            registry.register(session, ModelIdentity(name, version, sha256), {"description": reference})


def resolved(database: Database, reference: str) -> str:
    with database.reading() as session:
        return registry.identity(registry.resolve(session, reference)).reference


def default(database: Database) -> str:
    with database.reading() as session:
        return registry.identity(registry.default(session)).reference


def follow(database: Database, name: str = "net") -> None:
    with database.writing() as session:
        registry.follow_default(session, name)


def choose(database: Database, reference: str) -> None:
    with database.writing() as session:
        registry.choose_default(session, reference)


def n_defaults(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(ModelRow).where(ModelRow.is_default)) or 0


def in_parallel(*actions: Callable[[], object]) -> None:
    """Run actions side by side, begun together; whatever one raises fails the test."""
    barrier, problems = threading.Barrier(len(actions)), []

    def run(action: Callable[[], object]) -> None:
        barrier.wait(30)
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised again below
            problems.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


# Registering.


def test_a_model_is_registered_once_and_its_card_stays(database: Database) -> None:
    register(database, "net-1")
    with database.writing() as session:
        again = registry.register(session, ModelIdentity("net", "1", SHA256), {"description": "another"})
        assert again.card == {"description": "net-1"}
        assert [row.id for row in registry.models(session)] == [again.id]
        assert registry.identity(again) == ModelIdentity("net", "1", SHA256)
        assert again.added_at.tzinfo is not None


@pytest.mark.parametrize("sha256", [OTHER_SHA256, None])
def test_other_weights_under_a_name_that_analyses_use_are_refused(database: Database, sha256: str | None) -> None:
    register(database, "net-1")
    with pytest.raises(InputError, match="another net-1") as caught:
        register(database, "net-1", sha256=sha256)
    assert caught.value.code == "model_exists"
    with database.reading() as session:
        assert registry.resolve(session, "net-1").sha256 == SHA256


@pytest.mark.parametrize(
    ("name", "version"), [("", "1"), ("net", ""), ("net", "1-2"), ("né", "1"), ("a b", "1"), ("n" * 101, "1")]
)
def test_a_name_that_no_reference_could_mean_is_refused(database: Database, name: str, version: str) -> None:
    with pytest.raises(InputError) as caught, database.writing() as session:
        registry.register(session, ModelIdentity(name, version), {})
    assert caught.value.code == "invalid_model_name"


def test_models_are_listed_the_newest_first_and_in_pages(database: Database) -> None:
    register(database, "net-1", "net-2", "other-1")
    with database.reading() as session:
        rows = registry.models(session)
        assert [row.name + row.version for row in rows] == ["other1", "net2", "net1"]
        page = registry.models_page(session, before=rows[0].id, limit=1)
        assert [row.id for row in page] == [rows[1].id]


# References.


def test_a_reference_means_one_model_and_a_name_its_newest_version(database: Database) -> None:
    register(database, "net-9", "net-10", "net-2", "net-beta", "net-rods-3")
    assert [resolved(database, text) for text in ("net-9", "net", "net-beta", "net-rods", "net-rods-3")] == [
        "net-9", "net-10", "net-beta", "net-rods-3", "net-rods-3",
    ]  # fmt: skip


def test_versions_that_are_no_numbers_come_before_those_that_are() -> None:
    mixed = ["10", "beta", "1", "1.0", "2", "0.9"]
    assert sorted(mixed, key=registry.version_order) == ["0.9", "1.0", "beta", "1", "2", "10"]


def test_an_unknown_reference_is_refused_and_says_what_there_is(database: Database) -> None:
    with pytest.raises(InputError, match="there are: none"):
        resolved(database, "net")
    register(database, "net-1", "net-2")
    for text in ("net-3", "nets", "NET-1", "net-", "-1", "net-1\0"):
        with pytest.raises(InputError, match="net-2, net-1") as caught:
            resolved(database, text)
        assert caught.value.code == "unknown_model"


# The default.


def test_without_models_there_is_no_default_and_that_is_said(database: Database) -> None:
    follow(database)
    with pytest.raises(OperatorError, match="saemi admin db upgrade") as caught:
        default(database)
    assert caught.value.code == "no_default_model"


def test_the_default_follows_the_newest_version_until_a_person_chooses(database: Database) -> None:
    register(database, "net-9", "other-1")
    follow(database)
    assert default(database) == "net-9"
    register(database, "net-10")
    assert default(database) == "net-9", "registering alone changes nothing"
    follow(database)
    follow(database)
    assert default(database) == "net-10"
    choose(database, "other")
    register(database, "net-11")
    follow(database)
    assert (default(database), n_defaults(database)) == ("other-1", 1)


def test_a_person_may_choose_the_model_that_is_the_default_and_it_then_stays(database: Database) -> None:
    register(database, "net-1")
    follow(database)
    choose(database, "net-1")
    register(database, "net-2")
    follow(database)
    assert (default(database), n_defaults(database)) == ("net-1", 1)
    choose(database, "net")
    assert (default(database), n_defaults(database)) == ("net-2", 1)


def test_choosing_what_is_not_there_changes_nothing(database: Database) -> None:
    register(database, "net-1")
    follow(database)
    with pytest.raises(InputError):
        choose(database, "net-2")
    assert default(database) == "net-1"


# Several at once.


def test_many_processes_register_and_choose_at_once_and_one_default_is_left(database: Database) -> None:
    register(database, "other-1", "other-2")
    in_parallel(
        *[lambda: register(database, "net-1", "net-2")] * 4,
        *[lambda: follow(database)] * 2,
        *[lambda n=n: choose(database, f"other-{n}") for n in (1, 2)],
    )
    with database.reading() as session:
        assert len(registry.models(session)) == 4
    assert n_defaults(database) == 1
    assert default(database).startswith("other-")


def test_of_two_that_register_other_weights_under_one_name_one_is_refused(database: Database) -> None:
    outcomes: list[str] = []

    def attempt(sha256: str) -> None:
        try:
            register(database, "net-1", sha256=sha256)
            outcomes.append("registered")
        except InputError as error:
            outcomes.append(error.code)

    in_parallel(lambda: attempt(SHA256), lambda: attempt(OTHER_SHA256))
    assert sorted(outcomes) == ["model_exists", "registered"]


# The models of the release.


def test_the_models_of_the_release_are_registered_by_several_processes_at_once(
    database: Database, store: FolderBlobStore
) -> None:
    in_parallel(*[lambda: register_shipped(database, store)] * 3)
    assert register_shipped(database, store) == []
    with database.reading() as session:
        rows = registry.models(session)
        references = {registry.identity(row).reference for row in rows}
        assert references == {"classical-1", *(path.stem for path in weights_files())}
        assert all(row.sha256 is None or store.exists(row.sha256) for row in rows)
    assert (default(database), n_defaults(database)) == (weights_files()[-1].stem, 1)


def release(folder: Path, *versions: str) -> None:
    """A package folder that ships these versions of particlenet: tables of numbers that nobody loads."""
    for path in folder.iterdir():
        path.unlink()
    for version in versions:
        path = folder / f"particlenet-{version}.safetensors"
        path.write_bytes(b"\x02\0\0\0\0\0\0\0{}" + version.encode())
        (folder / f"particlenet-{version}.json").write_text(_card_text(path, version))


def _card_text(path: Path, version: str) -> str:
    return json.dumps(card(ModelIdentity("particlenet", version, file_sha256(path))))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr("worker.models.__path__", [str(folder)])
    return folder


def test_a_newer_release_moves_the_default_and_the_older_model_stays_with_its_weights(
    database: Database, store: FolderBlobStore, package: Path
) -> None:
    release(package, "1")
    register_shipped(database, store)
    assert default(database) == "particlenet-1"
    release(package, "2", "10")
    register_shipped(database, store)
    assert default(database) == "particlenet-10"
    with database.reading() as session:
        assert store.exists(registry.resolve(session, "particlenet-1").sha256 or "")


def test_a_choice_outlives_a_newer_release(database: Database, store: FolderBlobStore, package: Path) -> None:
    release(package, "1")
    register_shipped(database, store)
    choose(database, "classical")
    release(package, "2")
    register_shipped(database, store)
    assert default(database) == "classical-1"


def test_a_model_of_the_release_that_is_altered_is_left_out_by_name_and_the_others_are_there(
    database: Database, store: FolderBlobStore, package: Path
) -> None:
    release(package, "1", "2", "3")
    (package / "particlenet-3.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}cut")
    (package / "particlenet-2.json").unlink()
    refused = register_shipped(database, store)
    assert [(error.code, "particlenet-" in error.message) for error in refused] == [
        ("model_card_invalid", True),
        ("model_altered", True),
    ]
    assert default(database) == "particlenet-1"
    release(package, "1", "2", "3")
    assert register_shipped(database, store) == []
    assert default(database) == "particlenet-3"


def test_a_lab_s_own_model_keeps_its_name_against_a_release_that_brings_another(
    database: Database, store: FolderBlobStore, package: Path
) -> None:
    release(package, "2")
    (package / "particlenet-2.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}own")
    (package / "particlenet-2.json").write_text(_card_text(package / "particlenet-2.safetensors", "2"))
    own = add_model(database, store, package / "particlenet-2.safetensors")
    release(package, "2")
    (error,) = register_shipped(database, store)
    assert error.code == "model_exists"
    with database.reading() as session:
        assert registry.resolve(session, "particlenet-2").sha256 == own.sha256
