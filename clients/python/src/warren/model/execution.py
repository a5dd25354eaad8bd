"""Code that runs in a context: its events, and all of them together."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Mapping, Optional, Union

from ..errors import ExecutionFailed
from .common import Event, Missed, Output, Termination, TerminationKind, Usage
from .notebook import bundle_of_execution, bundle_of_result


@dataclass(frozen=True)
class ContextInfo:
    """A context as the server tells it: one interpreter with its state."""

    id: str
    sandbox_id: str
    # "python", "bash", "javascript", ...
    language: str
    alive: bool
    # Cells run so far.
    execution_count: int
    working_directory: str
    # Why it is not alive; empty otherwise.
    reason: str
    created_at: Optional[datetime]


@dataclass(frozen=True)
class Started(Event):
    """The code was handed to its context."""

    execution_id: str = ""
    # Of a script: its process.
    process_id: str = ""


@dataclass(frozen=True)
class Result(Event):
    """One object that the code displayed, in several representations. Their content is what the sandbox's code made."""

    # MIME type -> data; of text types UTF-8, of binary ones the bytes themselves and no base64.
    data: Mapping[str, bytes] = field(default_factory=dict)
    # Whether it is the value of the last expression.
    is_result: bool = False
    # Jupyter's display metadata.
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # Names it for later updates; empty for none.
    display_id: str = ""
    # Whether it takes the place of what was displayed with this display_id.
    update: bool = False

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """So that a notebook shows it, in IPython's form: data and metadata. HTML is in a frame that runs no scripts, and
        JavaScript is left out: the sandbox's code is not to be trusted in a notebook's page. `data` has all of it."""
        return bundle_of_result(self), dict(self.metadata)

    def _text(self, mime: str) -> Optional[str]:
        data = self.data.get(mime)
        return None if data is None else data.decode("utf-8", "replace")

    @property
    def formats(self) -> tuple[str, ...]:
        """The MIME types that it has."""
        return tuple(self.data)

    @property
    def text(self) -> Optional[str]:
        return self._text("text/plain")

    @property
    def html(self) -> Optional[str]:
        return self._text("text/html")

    @property
    def markdown(self) -> Optional[str]:
        return self._text("text/markdown")

    @property
    def latex(self) -> Optional[str]:
        return self._text("text/latex")

    @property
    def svg(self) -> Optional[str]:
        return self._text("image/svg+xml")

    @property
    def javascript(self) -> Optional[str]:
        return self._text("application/javascript")

    @property
    def json(self) -> Any:
        """What application/json says, read; None where there is none or it cannot be read."""
        try:
            return json.loads(self.data.get("application/json", b"null"))
        except ValueError:
            return None

    @property
    def png(self) -> Optional[bytes]:
        return self.data.get("image/png")

    @property
    def jpeg(self) -> Optional[bytes]:
        return self.data.get("image/jpeg")

    @property
    def pdf(self) -> Optional[bytes]:
        return self.data.get("application/pdf")


@dataclass(frozen=True)
class ClearOutput(Event):
    """What was displayed so far goes: at once, or with `wait` when more comes."""

    wait: bool = False


@dataclass(frozen=True)
class InputRequest(Event):
    """input() or getpass() waits for an answer."""

    prompt: str = ""
    password: bool = False


@dataclass(frozen=True)
class Comm(Event):
    """A message of Jupyter's comm protocol (widgets)."""

    # "open", "message", "close", or "unknown".
    kind: str = "unknown"
    comm_id: str = ""
    target_name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    buffers: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class OutputFile(Event):
    """A file that one of the request's `output_files` matches."""

    # Absolute; what is not UTF-8 of it is escaped as \\xNN, a backslash as \\\\.
    path: str = ""
    size_bytes: int = 0
    # 32 bytes; empty where it could not be read, and `error` says why.
    sha256: bytes = b""
    error: str = ""


@dataclass(frozen=True)
class CodeError(Event):
    """An uncaught exception. All but the hint is what the sandbox's code made."""

    name: str = ""
    value: str = ""
    traceback: str = ""
    # What to do about it, in the server's words; empty where it has nothing to say.
    hint: str = ""


@dataclass(frozen=True)
class Finished(Event):
    """The last event."""

    termination: Termination = Termination(TerminationKind.UNKNOWN)
    usage: Usage = Usage()
    execution_count: int = 0
    user_expressions: Mapping[str, Union[Result, CodeError]] = field(default_factory=dict)
    # Why not all that output_files match was told; empty where all was.
    output_files_incomplete: str = ""


ExecutionEvent = Union[Started, Output, Result, ClearOutput, InputRequest, Comm, OutputFile, CodeError, Missed, Finished]


@dataclass(frozen=True)
class Execution:
    """All that came of a cell or a script. That the code failed is said here, by no exception."""

    id: str
    # Displayed objects in order, as updates and clear_output() have left them.
    results: tuple[Result, ...]
    stdout_bytes: bytes
    stderr_bytes: bytes
    # The uncaught exception, where there was one.
    error: Optional[CodeError]
    termination: Termination
    usage: Usage
    # IPython's In[n] counter; 0 where the cell never ran.
    execution_count: int
    user_expressions: Mapping[str, Union[Result, CodeError]]
    output_files: tuple[OutputFile, ...]
    # What was lost because the client was away too long; None where nothing was.
    missed: Optional[Missed]
    # Why not all that output_files match was told; empty where all was.
    output_files_incomplete: str = ""

    @property
    def stdout(self) -> str:
        """Standard output as text; what is not UTF-8 is U+FFFD."""
        return self.stdout_bytes.decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self.stderr_bytes.decode("utf-8", "replace")

    @property
    def result(self) -> Optional[Result]:
        """The value of the last expression."""
        return next((result for result in reversed(self.results) if result.is_result), None)

    @property
    def text(self) -> Optional[str]:
        """The value of the last expression as plain text."""
        return None if self.result is None else self.result.text

    @property
    def ok(self) -> bool:
        """Whether it ran to its end without an uncaught exception."""
        return self.error is None and self.termination.ok

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """So that a notebook shows output, results and what went wrong, as it does of a cell of its own."""
        return bundle_of_execution(self)

    def raise_for_error(self) -> Execution:
        """Itself where it is ok; else raises ExecutionFailed, which says the exception or how it ended."""
        if self.ok:
            return self
        if self.error is not None:
            message = f"{self.error.name}: {self.error.value}" + (f" ({self.error.hint})" if self.error.hint else "")
        else:
            message = self.termination.message or f"the code ended as {self.termination.kind.value}"
        raise ExecutionFailed(message, self)
