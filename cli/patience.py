"""How often, and for how long, a request is tried again that the server or the line cannot take at the moment."""

import random
import time
from collections.abc import Callable, Iterator

# A page of the portal that is slow is over it in a quarter of a minute; whoever brings files waits out a restart.
SHORT_PATIENCE_S = 15.0
LONG_PATIENCE_S = 600.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


def pauses(patience_s: float, clock: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """Yield the pauses before further tries, s: doubling, spread by chance, until patience has run out.

    Clients that a restart has thrown out together must not come back together, hence the chance.

    >>> sum(pauses(0))
    0
    """
    deadline, pause_s = clock() + patience_s, FIRST_PAUSE_S
    while (left_s := deadline - clock()) > 0:
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        yield min(pause_s * spread, left_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
