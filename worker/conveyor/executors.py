"""Where a stage of the conveyor runs: in the thread that asks for it, or in processes that die without taking others along."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from worker.conveyor.side_process import SideProcess

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class InThisThread(Executor):
    """Runs what it is given at once, in the thread that gives it."""

    def submit(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Run a function and return its future, which is done."""
        future: Future[Result] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 it is the future's, as with every executor
            future.set_exception(error)
        return future


class SideProcesses(Executor):
    """Runs functions in processes of their own, each with a channel of its own: the death of one is felt by its call alone.

    In a pool of ``concurrent.futures``, all calls fail when one process is killed; neither it nor ``pebble`` starts inside a
    process of Celery's pool.

    Parameters
    ----------
    n_processes : int
        Calls that run side by side.
    """

    def __init__(self, n_processes: int) -> None:
        self._threads = ThreadPoolExecutor(n_processes, thread_name_prefix="side-process")
        self._processes = [SideProcess() for _ in range(n_processes)]
        self._idle: SimpleQueue[SideProcess] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)

    def submit(
        self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Have a process call a function; it, its arguments and its result must be such that pickle takes them."""
        return self._threads.submit(lambda: self._call(function, *args, **kwargs))

    @property
    def process_ids(self) -> list[int]:
        """The numbers of the processes."""
        return [process.process_id for process in self._processes]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 the library's form
        """End the processes after what has been submitted."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for process in self._processes:
            process.end()

    def _call(self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        process = self._idle.get()
        try:
            return process.call(function, *args, **kwargs)
        finally:
            self._idle.put(process)
