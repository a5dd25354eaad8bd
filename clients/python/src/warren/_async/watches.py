"""What happens in a sandbox, as it happens."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, Generic, Optional, TypeVar

from ..model.file import FileEvent
from ..model.network import NetworkEvent
from .transport import AsyncMessages

E = TypeVar("E")


class AsyncWatch(Generic[E]):
    """Events as they come: iterate over it, and close it, or use it in a `with` block."""

    def __init__(self, messages: AsyncMessages[Any], event_of: Callable[[Any], E]) -> None:
        self._messages: Optional[AsyncMessages[Any]] = messages
        self._event_of = event_of

    def __aiter__(self) -> AsyncWatch[E]:
        return self

    async def __anext__(self) -> E:
        if self._messages is not None:
            message = await self._messages.read()
            if message is not None:
                return self._event_of(message)
        await self.close()
        raise StopAsyncIteration

    async def close(self) -> None:
        """Ends the watch. Closing it again does nothing."""
        messages, self._messages = self._messages, None
        if messages is not None:
            messages.cancel()

    async def __aenter__(self) -> AsyncWatch[E]:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()


class AsyncFileWatch(AsyncWatch[FileEvent]):
    """Events of a directory, from files.watch()."""


class AsyncNetworkWatch(AsyncWatch[NetworkEvent]):
    """Connections of a sandbox, from watch_network()."""
