"""What all parts share: limits, usage, and how something ended."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Optional, Union

# A length of time: a timedelta, or seconds.
Seconds = Union[timedelta, float]


@dataclass(frozen=True)
class Limits:
    """Limits of one sandbox, enforced by the kernel on everything inside it together. 0: the template's default, else that of
    the host's policy, which the comments say as it is delivered. Above the policy's maximum: InvalidArgument."""

    # Bytes: processes, page tables, files, pipes, sockets; swap is off. Default 512 MiB, minimum 64 MiB.
    memory_bytes: int = 0
    # CPU time a second, in thousandths of a core: 1000 is one core. Default 1000, minimum 10.
    cpu_millis: int = 0
    # Processes and threads. Default 256, minimum 8.
    pids: int = 0
    # Bytes of all files written (/, /tmp, /home, /dev/shm together); they count as memory too. Default 256 MiB.
    disk_bytes: int = 0
    # Files and directories written. Default 65536.
    disk_inodes: int = 0
    # Open file descriptors of each process. Default 1024.
    open_files: int = 0
    # Largest file that a process can write. Default: disk_bytes.
    file_size_bytes: int = 0
    # CPU seconds of the whole sandbox in its life; 0 for no bound of its own.
    cpu_seconds: int = 0
    # Bytes of output of an execution that asks for no bound of its own. Default 64 MiB, at most 16 GiB.
    output_bytes: int = 0


class OnDisconnect(enum.Enum):
    """What happens to something that this client has started, when this client goes."""

    # It is ended as by a cancel.
    CANCEL = "cancel"
    # It goes on, and can be connected to by its id; the newest mebibyte of what it says meanwhile is kept.
    CONTINUE = "continue"


class OnExit(enum.Enum):
    """What becomes of what a process has started and left behind when it exits by itself."""

    # It is killed.
    END = "end"
    # It lives on until the sandbox ends.
    LEAVE = "leave"


class DisplayStyle(enum.Enum):
    """Which representations of results a cell shows."""

    # IPython's.
    JUPYTER = "jupyter"
    # Those, and the data of charts and tables, and JSON of lists and dicts.
    CODE_INTERPRETER = "code_interpreter"


@dataclass(frozen=True)
class Usage:
    """What a run cost."""

    # Wall-clock time from the hand-over to the sandbox to the end.
    wall: timedelta = timedelta()
    # CPU time of everything in the sandbox during the run.
    cpu_user: timedelta = timedelta()
    cpu_system: timedelta = timedelta()
    # High-water marks since the sandbox was made: bytes; processes and threads.
    peak_memory_bytes: int = 0
    peak_pids: int = 0
    # Bytes of stdout, stderr and display data that the run produced.
    output_bytes: int = 0
    # What served it, by the name that the server's configuration gives it; "local" where that says nothing of backends.
    backend: str = ""
    # Of a sandbox's whole life (kill()): how long it ran, pauses not counted. None of anything else.
    sandbox_time: Optional[timedelta] = None


class TerminationKind(enum.Enum):
    """How a run ended."""

    # To its end, or its process exited by itself (exit_code).
    EXITED = "exited"
    # By an uncaught exception; the context lives on.
    EXCEPTION = "exception"
    # The deadline passed.
    TIMED_OUT = "timed_out"
    # The kernel killed for memory; the whole sandbox is gone.
    OUT_OF_MEMORY = "out_of_memory"
    # More output than allowed.
    OUTPUT_LIMIT = "output_limit"
    # The client cancelled, interrupted, or vanished.
    CANCELLED = "cancelled"
    # A signal ended it, or the sandbox was killed meanwhile.
    KILLED = "killed"
    # It did what its policy answers with death.
    POLICY_VIOLATION = "policy_violation"
    # The sandbox's CPU seconds are used up; the sandbox is gone.
    CPU_LIMIT = "cpu_limit"
    # A kind that this version of the client does not know.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Termination:
    """How a run ended, and what is left."""

    kind: TerminationKind
    # For EXITED: the exit code; 0 when the code ran to its end.
    exit_code: int = 0
    # For KILLED and POLICY_VIOLATION: the signal's number, 0 where it is not known.
    signal: int = 0
    # One sentence: what happened and what to do about it.
    message: str = ""
    # Whether the context still holds its state and takes further cells.
    context_alive: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ran to its end, with exit code 0."""
        return self.kind is TerminationKind.EXITED and self.exit_code == 0


class Stream(enum.Enum):
    """Where output was written to."""

    STDOUT = "stdout"
    STDERR = "stderr"
    # All that a process with a terminal writes.
    TERMINAL = "terminal"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Event:
    """What all events have."""

    # Its place among those of an execution, from 1 on; 0 for those of processes, which are not counted.
    sequence: int = 0
    # When the server read it from the sandbox: nanoseconds since the epoch.
    time_ns: int = 0


@dataclass(frozen=True)
class Output(Event):
    """A piece of output, as it was written."""

    stream: Stream = Stream.UNKNOWN
    # The bytes. A piece may end inside a character.
    data: bytes = b""
    # The characters that are complete with this piece; what is not UTF-8 is U+FFFD.
    text: str = ""


@dataclass(frozen=True)
class Missed(Event):
    """So much between the event before and the one after is lost: the client was away too long."""

    events: int = 0
    # Of output and display data.
    bytes: int = 0
