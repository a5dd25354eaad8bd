"""How often, and after which pauses, a call is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Applies where no answer came because there was no connection (Unavailable), and to calls that cannot happen twice by it:
    those that only look or set, and those that make something under a request id, by which the server knows them."""

    # How often a call is sent, the first time included; of a stream, without anything new in between.
    attempts: int = 5
    # Seconds before the second time; each further pause is twice as long, up to max_delay, and all are shortened by chance
    # by up to a half, so that many clients do not return at once.
    first_delay: float = 0.1
    max_delay: float = 2.0


NO_RETRIES = RetryPolicy(attempts=1)


class Attempts:
    """Counts those of one call."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failed = 0

    def reset(self) -> None:
        """Something arrived."""
        self._failed = 0

    def delay_after(self, failure: Exception) -> float:
        """Seconds until the next attempt; raises the failure where there is none."""
        self._failed += 1
        if self._failed >= self._policy.attempts:
            raise failure
        longest: float = min(self._policy.first_delay * 2 ** (self._failed - 1), self._policy.max_delay)
        return longest * random.uniform(0.5, 1)
