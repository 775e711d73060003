"""docker-compose.yml as Docker Compose reads it: variables filled in, commands as lists of words."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.stack import PROJECT

COMPOSE_FILE = PROJECT / "docker-compose.yml"
# ${NAME}, ${NAME:-default}, ${NAME:?message}; $$ is a dollar sign.
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")
# What the file demands: it has no default passwords.
PASSWORDS = {"POSTGRES_PASSWORD": "of-the-database", "REDIS_PASSWORD": "of-the-broker", "S3_SECRET_ACCESS_KEY": "of-the-store"}


@dataclass(frozen=True, slots=True)
class Service:
    """One service: what it runs, its environment, and all that the file says of it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    declared: Mapping[str, Any]

    @property
    def is_saemi(self) -> bool:
        """Whether it runs SAEMI's own image."""
        return bool(self.declared["image"].startswith("saemi:"))


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """All services of the file, with the given variables in place of those of .env."""
    document = _filled(yaml.safe_load(COMPOSE_FILE.read_text()), variables)
    return {
        name: Service(
            name,
            _words(declared.get("command", "")),
            {key: str(value) for key, value in declared.get("environment", {}).items()},
            declared,
        )
        for name, declared in document["services"].items()
    }


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables filled in; KeyError for one that must be given and is not."""

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if match["kind"] == "-":
            return variables.get(match["name"]) or match["rest"]
        return variables[match["name"]]

    return VARIABLE.sub(value, text)


def _filled(node: Any, variables: Mapping[str, str]) -> Any:
    """Fill in the variables of every text of a document that is parsed already, in the order in which Compose does it."""
    if isinstance(node, dict):
        return {key: _filled(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, variables) for value in node]
    return interpolated(node, variables) if isinstance(node, str) else node


def _words(command: str | list[str]) -> tuple[str, ...]:
    return tuple(shlex.split(command) if isinstance(command, str) else command)
