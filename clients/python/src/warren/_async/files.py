"""Files of a sandbox."""

from __future__ import annotations

import os
import uuid
from hashlib import sha256
from typing import AsyncIterable, AsyncIterator, BinaryIO, List, Mapping, Optional, Union, cast

from .._wire import methods
from .._wire.files import PIECE_BYTES, Digest, entry_of, file_event_of, pieces, write_header
from .._wire.values import path_bytes, utf8
from ..errors import Internal, NotFound
from ..model.file import FileEntry, FileEventKind, LocalPath, RemotePath
from ..v1 import file_pb2 as pb
from .client import AsyncClient
from .watches import AsyncFileWatch


def _open(path: LocalPath, mode: str) -> BinaryIO:
    return cast(BinaryIO, open(path, mode))


class AsyncFiles:
    """The files of one sandbox: `sandbox.files`.

    Paths are absolute, or relative to /home/user; "~" is /home/user. Each call takes a `user`, "user" or "root" (the sandbox's
    own, where its template grants that; default: the sandbox's profile): the kernel decides about each file as it would for
    that user.

    Errors of all calls: NotFound, PermissionDenied, AlreadyExists, InvalidArgument, FailedPrecondition (not what the call
    needs: no regular file, no directory, one that is not empty; the sandbox is paused or dead), ResourceExhausted (the disk is
    full). Sizes and digests are compared at both ends of every transfer: DataLoss.
    """

    def __init__(self, client: AsyncClient, sandbox_id: str) -> None:
        self._client = client
        self._sandbox_id = sandbox_id

    async def read(self, path: RemotePath, *, offset: int = 0, length: Optional[int] = None, user: Optional[str] = None) -> bytes:
        """The content: from `offset` on, at most `length` bytes. Errors besides: OutOfRange (offset is beyond the end),
        Aborted (the file became shorter meanwhile)."""
        content = bytearray()
        async for piece in self.stream(path, offset=offset, length=length, user=user):
            content += piece
        return bytes(content)

    async def read_text(self, path: RemotePath, *, encoding: str = "utf-8", user: Optional[str] = None) -> str:
        """The content as text."""
        return (await self.read(path, user=user)).decode(encoding)

    async def stream(self, path: RemotePath, *, offset: int = 0, length: Optional[int] = None,
                     user: Optional[str] = None) -> AsyncIterator[bytes]:
        """The content piece by piece, for what is too large to be held. Only its end says that it was whole: the errors of
        read() can come after any piece."""
        request = pb.ReadFileRequest(sandbox_id=self._sandbox_id, path=path_bytes(path), user=user, offset=offset, length=length)
        messages, message = await self._client.open(methods.READ_FILE, request)
        digest = Digest()
        try:
            while message is not None:
                part = message.WhichOneof("part")
                if part == "data":
                    yield digest.add(message.data)
                elif part == "end":
                    digest.compare(f"reading {path!r}", message.end.size_bytes, message.end.sha256)
                    return
                message = await messages.read()
        finally:
            messages.cancel()
        raise Internal(f"reading {path!r} ended without its digest; this is a defect of the server")

    async def download(self, path: RemotePath, local: LocalPath, *, user: Optional[str] = None) -> None:
        """To a file of this machine, which is there when this returns, and as it was before where it fails."""
        part = f"{os.fspath(local)}.{uuid.uuid4().hex}.part"
        file = await self._client.transport.blocking(_open, part, "xb")
        try:
            with file:
                async for piece in self.stream(path, user=user):
                    await self._client.transport.blocking(file.write, piece)
            os.replace(part, local)
        except BaseException:
            os.unlink(part)
            raise

    async def write(self, path: RemotePath, data: Union[str, bytes, BinaryIO, AsyncIterable[bytes]], *,
                    mode: Optional[int] = None, exclusive: bool = False, append: bool = False, offset: Optional[int] = None,
                    parents: bool = True, attributes: Optional[Mapping[str, bytes]] = None,
                    user: Optional[str] = None) -> FileEntry:
        """Writes a file, which is there, whole, when this returns, and as it was before where it fails.

        Args:
            data: text (as UTF-8), bytes, a binary file of this machine that is open, or pieces of bytes.
            mode: permission bits; default: those of the file that is replaced, else 0o644.
            exclusive: fails with AlreadyExists where there is a file.
            append: adds to the file that is there, which is not atomic.
            offset: writes from there on into the file that is there, or a new one, and leaves the rest; not atomic either.
            parents: makes the directories on the way.
            attributes: extended attributes "user....", together at most 4 KiB.
        """
        source: Union[bytes, BinaryIO, AsyncIterable[bytes]]
        source = utf8(data) if isinstance(data, (str, bytes, bytearray, memoryview)) else data
        header = write_header(
            self._sandbox_id, path, user=user, mode=mode, exclusive=exclusive, append=append, offset=offset,
            attributes=attributes, parents=parents, sha256=sha256(source).digest() if isinstance(source, bytes) else b"")
        digest = Digest()
        response = await self._client.transport.send(methods.WRITE_FILE, self._requests(header, source, digest))
        digest.compare(f"writing {path!r}", response.size_bytes, response.sha256)
        return entry_of(response.entry)

    async def upload(self, local: LocalPath, path: RemotePath, *, mode: Optional[int] = None,
                     user: Optional[str] = None) -> FileEntry:
        """A file of this machine to one of the sandbox: see write()."""
        with await self._client.transport.blocking(_open, local, "rb") as file:
            return await self.write(path, file, mode=mode, user=user)

    async def stat(self, path: RemotePath, *, follow: bool = False, user: Optional[str] = None) -> FileEntry:
        """What is there; of a symbolic link itself, or with `follow` of what it points to."""
        request = pb.StatFileRequest(sandbox_id=self._sandbox_id, path=path_bytes(path), user=user, follow=follow)
        return entry_of(await self._client.call(methods.STAT_FILE, request))

    async def exists(self, path: RemotePath, *, user: Optional[str] = None) -> bool:
        """Whether there is anything; of a symbolic link, whether the link is there."""
        try:
            await self.stat(path, user=user)
        except NotFound:
            return False
        return True

    async def list(self, path: RemotePath = "~", *, depth: int = 1, user: Optional[str] = None) -> List[FileEntry]:
        """What is in a directory, and in those below it down to `depth` levels, 1 to 64. In no order but directories before
        what is in them; `not_listed` is set in those that cannot be read."""
        request = pb.ListDirectoryRequest(sandbox_id=self._sandbox_id, path=path_bytes(path), user=user, depth=depth)
        messages, message = await self._client.open(methods.LIST_DIRECTORY, request)
        entries = []
        try:
            while message is not None:
                entries.append(entry_of(message))
                message = await messages.read()
        finally:
            messages.cancel()
        return entries

    async def make_directory(self, path: RemotePath, *, mode: Optional[int] = None, user: Optional[str] = None) -> FileEntry:
        """With its parents, as far as they are missing. AlreadyExists where it is there. Mode: 0o755 by default."""
        request = pb.MakeDirectoryRequest(sandbox_id=self._sandbox_id, path=path_bytes(path), user=user, mode=mode)
        return entry_of(await self._client.call(methods.MAKE_DIRECTORY, request))

    async def move(self, source: RemotePath, destination: RemotePath, *, user: Optional[str] = None) -> FileEntry:
        """Renames; a file that is at the destination is replaced."""
        request = pb.MoveFileRequest(sandbox_id=self._sandbox_id, source=path_bytes(source), destination=path_bytes(destination),
                                     user=user)
        return entry_of(await self._client.call(methods.MOVE_FILE, request))

    async def remove(self, path: RemotePath, *, recursive: bool = False, user: Optional[str] = None) -> None:
        """Removes a file or an empty directory; with `recursive` a directory with all that is in it."""
        request = pb.RemoveFileRequest(sandbox_id=self._sandbox_id, path=path_bytes(path), user=user, recursive=recursive)
        await self._client.call(methods.REMOVE_FILE, request)

    async def watch(self, path: RemotePath = "~", *, recursive: bool = False, user: Optional[str] = None) -> AsyncFileWatch:
        """Watches a directory: what happens in it once this has returned is told by iterating over the answer."""
        request = pb.WatchDirectoryRequest(sandbox_id=self._sandbox_id, path=path_bytes(path), user=user, recursive=recursive)
        messages, first = await self._client.open(methods.WATCH_DIRECTORY, request)
        if first is None or file_event_of(first).kind is not FileEventKind.WATCHING:
            messages.cancel()
            raise Internal(f"watching {path!r} did not begin with its event WATCHING; this is a defect of the server")
        return AsyncFileWatch(messages, file_event_of)

    async def _requests(self, header: pb.WriteFileRequest, data: Union[bytes, BinaryIO, AsyncIterable[bytes]],
                        digest: Digest) -> AsyncIterator[pb.WriteFileRequest]:
        yield header
        if isinstance(data, bytes):
            for piece in pieces(data):
                yield pb.WriteFileRequest(data=digest.add(piece))
        elif hasattr(data, "read"):
            while piece := await self._client.transport.blocking(data.read, PIECE_BYTES):
                yield pb.WriteFileRequest(data=digest.add(piece))
        else:
            async for some in data:
                for piece in pieces(some):
                    yield pb.WriteFileRequest(data=digest.add(piece))
        yield pb.WriteFileRequest(end=pb.WriteFileRequest.End())
