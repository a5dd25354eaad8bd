"""Processes beside the contexts: commands and terminals."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Mapping, Optional

from ..errors import ProcessFailed
from .common import Termination, TerminationKind, Usage

@dataclass(frozen=True)
class ProcessInfo:
    """A process as ListProcesses tells it."""

    # Names it in its sandbox, for good.
    id: str
    # In the sandbox's pid namespace.
    pid: int
    arguments: tuple[str, ...]
    working_directory: str
    user: str
    has_terminal: bool
    started_at: Optional[datetime]
    # None while it runs.
    termination: Optional[Termination]
    # How many clients are connected.
    clients: int
    # There is more of its arguments, of which 4 KiB are told.
    arguments_cut: bool = False
    # As it was asked for; empty where that is over 4 KiB.
    env: Mapping[str, str] = field(default_factory=dict)


def return_code(termination: Termination) -> int:
    """As subprocess has it: the exit code, or minus the signal's number. What was killed for a limit counts as SIGKILL."""
    if termination.kind is TerminationKind.EXITED:
        return termination.exit_code
    return -(termination.signal or 9)


@dataclass(frozen=True)
class CompletedProcess:
    """A process that has ended, with all it wrote."""

    id: str
    arguments: tuple[str, ...]
    stdout_bytes: bytes
    stderr_bytes: bytes
    termination: Termination
    usage: Usage

    @property
    def stdout(self) -> str:
        """Standard output as text; what is not UTF-8 is U+FFFD."""
        return self.stdout_bytes.decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self.stderr_bytes.decode("utf-8", "replace")

    @property
    def returncode(self) -> int:
        """The exit code, or minus the number of the signal that ended it."""
        return return_code(self.termination)

    def check(self) -> CompletedProcess:
        """Itself where it exited with 0; else raises ProcessFailed."""
        if self.termination.ok:
            return self
        how = self.termination.message or f"{self.termination.kind.value}, return code {self.returncode}"
        last = self.stderr.strip().splitlines()[-1:]
        raise ProcessFailed(f"{self.arguments[0]}: {how}" + "".join(f": {line}" for line in last), self)
