"""Functions run in processes of their own: what they give and raise comes back, and each death is felt by one call alone."""

import os
import signal
from collections.abc import Iterator

import pytest

from shared.errors import InputError, ProcessKilledError
from tests.stack import wait_until
from tests.unit.conveyor.stand_ins import (
    fail_with_code,
    kill_own_process,
    loaded_modules,
    raise_unsent_error,
    return_what_cannot_be_sent,
)
from worker.conveyor.executors import InThisThread, SideProcesses


@pytest.fixture(scope="module")
def processes() -> Iterator[SideProcesses]:
    with SideProcesses(2) as executor:
        yield executor


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_function_runs_in_another_process_and_its_result_comes_back(processes: SideProcesses) -> None:
    assert processes.submit(os.getpid).result(60) in processes.process_ids
    assert processes.submit(divmod, 7, 2).result(60) == (3, 1)


def test_the_processes_load_no_pytorch(processes: SideProcesses) -> None:
    modules = processes.submit(loaded_modules).result(60)
    assert "worker.conveyor.finishing" in modules
    assert "torch" not in modules


def test_an_error_comes_back_with_its_code_and_a_note_of_where_it_was_raised(processes: SideProcesses) -> None:
    error = processes.submit(fail_with_code, "too_bright").exception(60)
    assert isinstance(error, InputError)
    assert (error.code, error.message, error.details) == ("too_bright", "It cannot be.", {"place": 3})
    assert "in fail_with_code" in "".join(error.__notes__)


def test_what_cannot_be_sent_is_an_error_that_says_so_and_the_process_lives_on(processes: SideProcesses) -> None:
    before = set(processes.process_ids)
    assert "cannot be sent" in str(processes.submit(raise_unsent_error).exception(60))
    assert processes.submit(return_what_cannot_be_sent).exception(60) is not None
    assert processes.submit(divmod, 7, 2).result(60) == (3, 1)
    assert set(processes.process_ids) == before


def test_a_process_that_is_killed_fails_its_own_call_and_no_other(processes: SideProcesses) -> None:
    futures = [processes.submit(divmod, n, 2) if n % 3 else processes.submit(kill_own_process) for n in range(9)]
    for n, future in enumerate(futures):
        if n % 3:
            assert future.result(60) == divmod(n, 2)
        else:
            error = future.exception(60)
            assert isinstance(error, ProcessKilledError)
            assert "SIGKILL" in error.message


def test_a_process_that_is_killed_between_two_calls_is_replaced_and_no_call_fails(processes: SideProcesses) -> None:
    killed = processes.process_ids
    for process_id in killed:
        os.kill(process_id, signal.SIGKILL)
    results = [processes.submit(divmod, n, 2) for n in range(4)]
    outcomes = [future.exception(60) for future in results]
    # The kernel may report a death a moment after the call has begun; then it is that call's.
    assert sum(error is None for error in outcomes) >= 2
    assert not set(processes.process_ids) & set(killed)


def test_no_process_is_left_behind() -> None:
    with SideProcesses(2) as executor:
        process_ids = executor.process_ids
        assert executor.submit(divmod, 7, 2).result(60) == (3, 1)
    wait_until(lambda: not any(map(is_alive, process_ids)), "the processes have ended")


def test_in_this_thread_an_error_is_the_futures_and_not_the_callers() -> None:
    here = InThisThread()
    assert here.submit(divmod, 7, 2).result() == (3, 1)
    assert isinstance(here.submit(divmod, 7, 0).exception(), ZeroDivisionError)
