"""The servers that rows are measured with, of one build."""

import os

from . import rows
from .e2b import Door
from .index import Index
from .origin import Origin
from .processes import Warrend

# More than the thousand sessions and a pool beside them, or than E2B's burst; few where it is thousands of connections that are
# to have open files.
_MAX_SANDBOXES = 1200
_MAX_SANDBOXES_OF = {rows.STREAMS: 32}


class Servers:
    """One at a time. Lifecycle: Servers() -> get()... -> stop()."""

    def __init__(self, options, programs, folder, client, name="warrend", templates=None):
        """options: of cli.py; programs: the folder of the build's; name: no other Servers of the run has it; templates: its
        store, None for that of the options."""
        self._options = options
        self._templates = templates or options.templates
        self._programs = programs
        self._folder = folder
        self._client = client
        self._name = name
        self._started = 0
        self._server = None
        self._origin = None
        self._kind = None

    def get(self, row):
        """The one that the row wants, ready: the one that runs, or a new one."""
        if self._server is not None and row.server == self._kind != rows.FRESH:
            return self._server
        self.stop()
        self._started += 1
        pool = 0 if row.server == rows.EMPTY else self._options.pool
        most = _MAX_SANDBOXES_OF.get(row.server, _MAX_SANDBOXES)
        flags = [f"--max-sandboxes={most}", f"--templates={self._templates}"]
        if row.server == rows.EMPTY:
            # Else the pool would follow the demand of the row itself.
            flags.append("--pool-memory=0")
        name = f"{self._name}-{self._started}"
        if row.server == rows.NETWORKED:
            self._origin = Origin(self._client, os.path.join(self._folder, f"{name}.egress.textproto"))
            flags.append(f"--egress-policy={self._origin.policy}")
            # Else what the pool learns within a row would count as memory of the row's sandboxes.
            pool = f"{pool}:{pool}"
        index = None
        if row.server == rows.PACKAGED:
            index = Index(os.path.join(self._folder, f"{name}.packages"))
            flags += index.flags
        door = None
        if row.server in (rows.E2B, rows.STREAMS):
            door = Door(self._options.template)
            flags += door.flags
        program = os.path.join(self._programs, "warrend")
        warm = (self._options.template, pool)
        self._server = Warrend(program, self._folder, name, self._name, warm, flags, self._origin, index, door)
        self._kind = row.server
        self._server.start(self._client)
        return self._server

    def log_tail(self):
        return self._server.log_tail() if self._server is not None else ""

    def stop(self):
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        origin, self._origin = self._origin, None
        if origin is not None:
            origin.close()
