"""The servers that rows are measured with, of one build."""

import os

from . import fronts, rows
from .e2b import Door
from .index import Index
from .origin import Origin
from .processes import Warrend

# More than the thousand sessions and a pool beside them, or than E2B's burst; few where it is thousands of connections that are
# to have open files.
_MAX_SANDBOXES = 1200
_MAX_SANDBOXES_OF = {rows.STREAMS: 32}
# What is started again and again need not be kept waiting by sandboxes that nobody asks for.
_POOL_OF = {rows.EMPTY: 0, rows.DYING: 1}


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
        pool = _POOL_OF.get(row.server, self._options.pool)
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
        operator = None
        if row.server == rows.CLOUD:
            door = fronts.Cloud(self._folder, name, self._options.template)
            flags += door.flags
        elif row.server in rows.FRONTED:
            operator = fronts.Operator(self._folder, name)
            flags += operator.flags
        program = os.path.join(self._programs, "warrend")
        warm = (self._options.template, pool)
        self._server = Warrend(program, self._folder, name, self._name, warm, flags, self._origin, index, door)
        self._kind = row.server
        self._server.start(self._client)
        if row.server in rows.FRONTED:
            self._start_front(row.server, name, operator)
        return self._server

    def _start_front(self, kind, name, operator):
        if operator is not None:
            operator.make_key(os.path.join(self._programs, "warren"), self._server.keys)
        configuration = {
            rows.REMOTE: lambda: fronts.alone(operator.backend()),
            rows.DYING: lambda: fronts.before_local(operator.backend()),
            rows.DEAD: lambda: fronts.before_local(operator.dead_backend()),
            rows.CLOUD: lambda: fronts.alone(self._server.door.backend()),
        }[kind]()
        path = os.path.join(self._folder, f"{name}.backends.textproto")
        with open(path, "w") as file:
            file.write(configuration)
        pool = self._options.pool if kind in (rows.DYING, rows.DEAD) else None
        # A store is one server's alone.
        store = os.path.join(self._folder, f"{name}-front.store")
        flags = [f"--config={path}", f"--templates={self._templates}", f"--package-store={store}"]
        flags.append(f"--max-sandboxes={_MAX_SANDBOXES}")
        program = os.path.join(self._programs, "warrend")
        warm = (self._options.template, pool)
        front = Warrend(program, self._folder, f"{name}-front", f"{self._name}-front", warm, flags)
        self._server.front = front
        front.start(self._client)

    def log_tail(self):
        if self._server is None:
            return ""
        front = self._server.front
        return self._server.log_tail() if front is None else f"{self._server.log_tail()}; in front of it: {front.log_tail()}"

    def stop(self):
        server, self._server = self._server, None
        if server is not None:
            if server.front is not None:
                server.front.stop()
            server.stop()
        origin, self._origin = self._origin, None
        if origin is not None:
            origin.close()
