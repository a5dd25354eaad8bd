"""Files: entries, events, and the pieces that a transfer is made of."""

from __future__ import annotations

import hashlib
from typing import Iterator, Mapping, Optional, Union

from ..errors import DataLoss
from ..model.file import FileEntry, FileEvent, FileEventKind, FileType, RemotePath
from ..v1 import file_pb2 as pb
from .values import member_of, moment, ordered, path_bytes, path_text

# What one message carries at most.
PIECE_BYTES = 1 << 20


def entry_of(message: pb.FileEntry) -> FileEntry:
    return FileEntry(
        path=path_text(message.path),
        type=member_of(FileType, pb.FileEntry.Type, message.type),
        size_bytes=message.size_bytes,
        mode=message.mode,
        uid=message.uid,
        gid=message.gid,
        owner=message.owner,
        group=message.group,
        modified_at=moment(message, "modified_at"),
        symlink_target=path_text(message.symlink_target),
        attributes=ordered(message.attributes),
        attributes_cut=message.attributes_cut,
        not_listed=message.not_listed,
    )


def file_event_of(message: pb.FileEvent) -> FileEvent:
    return FileEvent(
        kind=member_of(FileEventKind, pb.FileEvent.Kind, message.kind),
        path=path_text(message.path),
        destination=path_text(message.destination),
    )


def write_header(sandbox_id: str, path: RemotePath, *, user: Optional[str], mode: Optional[int], exclusive: bool, append: bool,
                 offset: Optional[int], attributes: Optional[Mapping[str, bytes]], parents: bool,
                 sha256: bytes = b"") -> pb.WriteFileRequest:
    return pb.WriteFileRequest(
        header=pb.WriteFileRequest.Header(
            sandbox_id=sandbox_id,
            path=path_bytes(path),
            user=user,
            mode=mode,
            exclusive=exclusive,
            append=append,
            offset=offset,
            sha256=sha256,
            attributes=attributes,
            no_parents=not parents,
        )
    )


def pieces(data: Union[bytes, memoryview]) -> Iterator[bytes]:
    """In pieces that a message may carry."""
    view = memoryview(data)
    for start in range(0, len(view), PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])


class Digest:
    """What has gone through a transfer, to be compared with what the other end has seen."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()

    def add(self, data: bytes) -> bytes:
        self.size_bytes += len(data)
        self._sha256.update(data)
        return data

    def compare(self, what: str, size_bytes: int, sha256: bytes) -> None:
        """Raises DataLoss where the other end tells another size or digest."""
        if size_bytes != self.size_bytes:
            raise DataLoss(f"{what}: {self.size_bytes} bytes here, {size_bytes} in the sandbox; transfer it again")
        if sha256 != self._sha256.digest():
            raise DataLoss(f"{what}: its sha256 here is not that in the sandbox; transfer it again")
