"""Segmenters and functions that go to other processes and misbehave there in known ways."""

import os
import signal
import sys

from shared.arrays import FloatImage
from shared.domain import Segmentation
from tests.integration.analyses import DiscSegmenter


class DeadlySegmenter(DiscSegmenter):
    """Its process is killed over every image."""

    def __call__(self, image: FloatImage) -> Segmentation:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it was killed")


class BrokenSegmenter(DiscSegmenter):
    """Has a bug."""

    def __call__(self, image: FloatImage) -> Segmentation:
        raise ZeroDivisionError("a bug")


class UnsentError(Exception):
    """Holds what pickle does not take."""

    def __init__(self) -> None:
        super().__init__("cannot be sent")
        self.held = lambda: None


def raise_unsent_error() -> None:
    raise UnsentError


def return_what_cannot_be_sent() -> object:
    return lambda: None


def kill_own_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def loaded_modules() -> list[str]:
    return list(sys.modules)


def fail_with_code(code: str) -> None:
    from shared.errors import InputError

    raise InputError("It cannot be.", code=code, place=3)
