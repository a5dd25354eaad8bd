"""The rows of the table: what each is, what it has to reach, what it is compared with. How it is measured: measures.py.

The multiples are those of the milliseconds that Warren set out to reach on a host where fork-ready takes 8 ms, a fork with
pandas 27, fork-exit 14 and gRPC's echoes 0.13 and, of a cell or a small file, 0.2.
"""

from dataclasses import dataclass, field

from .criteria import AtLeast, AtMost, FasterThan, NoLess, NoMore

# Which server a row wants: one with a full pool; the same, but started for this row alone, for the pool remembers what was
# asked of it; one without a pool; one with a full pool and an egress policy that opens the run's own origin; one with a full
# pool, an index of the run's own and a store that is empty when it starts; one with a full pool that speaks E2B's protocol too;
# and that, with room for few sandboxes, and so for many connections. The last four have one in front that has them as a backend:
# by TLS and a key of the operator's; so, before one of its own, and the row kills them; a list that begins with a backend that
# nobody is at, and then has one of its own; and by E2B's protocol.
POOLED = "pooled"
FRESH = "fresh"
EMPTY = "empty"
NETWORKED = "networked"
PACKAGED = "packaged"
E2B = "e2b"
STREAMS = "streams"
REMOTE = "remote"
DYING = "dying"
DEAD = "dead"
CLOUD = "cloud"
FRONTED = (REMOTE, DYING, DEAD, CLOUD)

# Rows beside-NAME: what the sandbox beside it does. The code is in cells.ATTACKS.
ATTACKS = {
    "forks": "a fork bomb whose processes end to make room for each other",
    "closes": "processes that open all the descriptors they may and close them at once",
    "pages": "files written, read and dropped, and the template's files read, more than its memory holds",
    "files": "thousands of small files written and dropped",
    "memory": "memory taken, touched and given back",
    "output": "a flood of output",
    "signals": "a flood of signals",
}


@dataclass(frozen=True)
class Row:
    id: str
    what: str
    unit: str
    server: str
    criteria: tuple
    # Shown beside the figure besides those that the criteria name.
    beside: tuple = field(default=())
    # Of these references, those that the row measures itself, on its own server.
    own: tuple = field(default=())

    @property
    def references(self):
        named = [criterion.reference for criterion in self.criteria if getattr(criterion, "reference", "")]
        return list(dict.fromkeys([*named, *self.beside]))


ROWS = (
    Row(
        "create-pool-hit",
        "create, pool hit, over gRPC, one at a time",
        "ms",
        POOLED,
        (AtMost("p50", 4, "grpc-echo"), NoLess("hit_share", 1)),
        ("grpc-echo-paced", "fork-ready", "pipe"),
    ),
    Row(
        "create-first-cell-pool-hit",
        "create → first `1+1` done, pool hit",
        "ms",
        POOLED,
        (AtMost("p50", 15, "grpc-cell-echo"), AtMost("p99", 1.25, "fork-ready"), NoLess("hit_share", 1)),
        ("grpc-echo", "bwrap-cold-nothing", "oci-cold-nothing"),
    ),
    Row(
        "create-pandas-pool-hit",
        "create → `import pandas; DataFrame.describe()` done, pool hit",
        "ms",
        POOLED,
        (AtMost("p50", 0.45, "fork-pandas"), FasterThan("p50", 20, "bwrap-cold-pandas"), NoLess("hit_share", 1)),
        ("fork-ready", "oci-cold-pandas"),
    ),
    Row(
        "create-sklearn-figure-pool-hit",
        "create → pandas, scikit-learn and a figure drawn, pool hit",
        "ms",
        POOLED,
        (FasterThan("p50", 20, "bwrap-cold-figure"), NoLess("hit_share", 1)),
        ("fork-figure",),
    ),
    Row(
        "cell-live",
        "a further cell in a live context",
        "ms",
        POOLED,
        (AtMost("p50", 5, "grpc-cell-echo"), FasterThan("p50", 4, "ipykernel-cell")),
        ("pipe",),
    ),
    Row(
        "context-further",
        "a further Python context in a live sandbox, ready",
        "ms",
        POOLED,
        (AtMost("p50", 1, "fork-ready"),),
        ("grpc-echo",),
    ),
    Row(
        "command-live",
        "a command, `true`, where others ran before: start → exit",
        "ms",
        POOLED,
        (AtMost("p50", 0.375, "fork-ready"), AtMost("p50", 2, "fork-exec")),
        ("grpc-cell-echo",),
    ),
    Row(
        "command-first",
        "a sandbox's first command, `true`, which starts its agent: start → exit, pool hit",
        "ms",
        POOLED,
        (AtMost("p50", 1, "fork-ready"), NoLess("hit_share", 1)),
        ("fork-exec", "grpc-cell-echo"),
    ),
    Row("file-write-4kib", "a file of 4 KiB written", "ms", POOLED, (AtMost("p50", 5, "grpc-write-echo"),), ("grpc-echo", "pipe")),
    Row("file-read-4kib", "a file of 4 KiB read", "ms", POOLED, (AtMost("p50", 5, "grpc-read-echo"),), ("grpc-echo", "pipe")),
    Row(
        "file-write-1gib",
        "a file of 1 GiB written",
        "MiB/s",
        POOLED,
        (AtLeast("value", 0.5, "grpc-write-mib-s"), NoMore("supervisor_growth_mib", 64)),
    ),
    Row(
        "file-read-1gib",
        "a file of 1 GiB read",
        "MiB/s",
        POOLED,
        (AtLeast("value", 0.5, "grpc-read-mib-s"), NoMore("supervisor_growth_mib", 64)),
    ),
    Row("pause", "a sandbox in which a process computes, paused", "ms", POOLED, (AtMost("p50", 23, "grpc-echo"),), ("fork-ready",)),
    Row("resume", "the same, resumed", "ms", POOLED, (AtMost("p50", 23, "grpc-echo"),), ("fork-ready",)),
    Row(
        "sustained-16",
        "create, run a cell, destroy, sustained, 16 at a time",
        "1/s",
        POOLED,
        (AtLeast("value", 0.6, "fork-exit-rate"), NoMore("failed", 0)),
        ("fork-exit-rate-alone",),
    ),
    Row(
        "burst-100",
        "burst of 100 creates at once from idle, each with a first cell: the last one done",
        "ms",
        FRESH,
        (AtMost("last_max", 180, "fork-ready"), NoMore("failed", 0), NoMore("unready", 0)),
    ),
    Row(
        "output-1gib",
        "1 GiB of output to a client",
        "MiB/s",
        POOLED,
        (AtLeast("value", 0.5, "grpc-stream-mib-s"), NoMore("supervisor_growth_mib", 64)),
    ),
    Row(
        "idle-full-pool",
        "all of Warren's processes, idle with a full pool",
        "% of a core",
        FRESH,
        (AtMost("value", 1.25, "fork-a-second"),),
        ("grpc-idle-percent",),
    ),
    Row(
        "sessions-1000",
        "1,000 live sessions, or as many as the server has open files for, each after a pandas cell, none with an agent: a "
        "further cell on any, memory and processes each",
        "ms",
        FRESH,
        (NoMore("memory_mib_each", 6), NoMore("processes_each", 2), AtMost("p99", 100, "grpc-cell-echo")),
    ),
    Row(
        "create-network",
        "create, pool hit, with a network; in turns with one without, and what it takes more",
        "ms",
        NETWORKED,
        (AtMost("added_p50", 0.25, "fork-ready"), NoLess("hit_share", 1)),
        ("create-without", "grpc-echo"),
        ("create-without",),
    ),
    Row(
        "network-connect",
        "in a sandbox, by name: connect, a byte to an echo server on the host and back; and what that takes more than there",
        "ms",
        NETWORKED,
        (AtMost("added_p50", 0.125, "fork-ready"),),
        ("loopback-connect",),
        ("loopback-connect",),
    ),
    Row(
        "network-stream",
        "one stream of 512 MiB from a server on the host into a sandbox",
        "MiB/s",
        NETWORKED,
        (AtLeast("value", 0.4, "loopback-mib-s"),),
        (),
        ("loopback-mib-s",),
    ),
    Row(
        "networks-1000",
        "1,000 sandboxes, or as many as the server has open files for, given a network and an idle connection each: memory that "
        "this takes more, of each; sandboxes, relay, supervisor, launcher and the kernel for all of them",
        "KiB each",
        NETWORKED,
        (NoMore("network_kib_each", 100),),
        ("sandbox-kib",),
        ("sandbox-kib",),
    ),
    Row(
        "install-cached",
        "a package and what it needs installed, which the store has → imported in the living context",
        "ms",
        PACKAGED,
        (AtMost("p50", 6.25, "fork-ready"), NoLess("hit_share", 1), NoLess("cached_share", 1)),
    ),
    Row(
        "install-fresh",
        "a package installed that the store has never seen, a wheel from a directory: resolved, fetched, unpacked, mounted",
        "ms",
        PACKAGED,
        (AtMost("p50", 250, "fork-ready"), NoMore("cached_share", 0)),
    ),
    Row(
        "e2b-first-cell",
        "by E2B's own SDK for JavaScript: `Sandbox.create` → `runCode('1+1')` done, pool hit; what it takes more than the same "
        "over gRPC; and what of that is the door's: less the SDK's own time, sdk-bare, against a bare server with the answers ready",
        "ms",
        E2B,
        (AtMost("p50", 1.5, "fork-ready"), AtMost("added_p50", 0.375, "fork-ready")),
        ("grpc-first-cell", "sdk-bare"),
        ("grpc-first-cell", "sdk-bare"),
    ),
    Row(
        "e2b-command",
        "by E2B's own SDK: `commands.run('true')` where others ran before",
        "ms",
        E2B,
        (AtMost("p50", 1, "fork-ready"),),
        ("fork-exec", "grpc-cell-echo"),
    ),
    Row(
        "e2b-file-100mib",
        "by E2B's own SDK: `files.write` and `files.read` of 100 MiB, there and back",
        "MiB/s",
        E2B,
        (AtLeast("value", 0.4, "http-mib-s"),),
        (),
        ("http-mib-s",),
    ),
    Row(
        "e2b-burst-100",
        "by E2B's own SDK: 100 sandboxes at once from idle, each with a first cell: the last one done",
        "ms",
        E2B,
        (AtMost("last_max", 180, "fork-ready"), NoMore("failed", 0)),
    ),
    Row(
        "e2b-streams-5000",
        "5,000 streams of E2B's protocol that idle, each following a process that says nothing: memory of the "
        "supervisor's own for each",
        "KiB each",
        STREAMS,
        (NoMore("stream_kib_each", 20),),
        ("grpc-echo",),
    ),
    Row(
        "remote-cell",
        "a further cell in a live context of another Warren's: what it takes more through a server in front, which has that one "
        "as its backend, by TLS and a key",
        "ms",
        REMOTE,
        (AtMost("added_p50", 0.075, "fork-ready"),),
        ("cell-direct", "grpc-cell-echo"),
        ("cell-direct",),
    ),
    Row(
        "failover-first",
        "the first backend of a list is killed: the create and its first cell that are sent right then, and that this machine, "
        "the second one, does",
        "ms",
        DYING,
        (AtMost("max", 125, "fork-ready"),),
    ),
    Row(
        "failover-next",
        "create → first `1+1` done, pool hit, by this machine as the second backend of a list whose first is dead: what it takes "
        "more than of a server without backends",
        "ms",
        DEAD,
        (AtMost("added_p50", 0.125, "fork-ready"), NoLess("hit_share", 1)),
        ("first-cell-direct",),
        ("first-cell-direct",),
    ),
    Row(
        "e2b-100-at-once",
        "100 cells at once, each in a sandbox of its own, through the backend of E2B's protocol with ten connections: the last "
        "one done; connections that the other server sees, and threads more than for ten cells",
        "ms",
        CLOUD,
        (NoMore("failed", 0), NoMore("connections", 10), NoMore("threads_grown", 10)),
        ("at-once-direct", "fork-ready"),
        ("at-once-direct",),
    ),
    Row(
        "beside-attack",
        "create → first `1+1` done, pool hit, beside a script that forks, hoards, floods and signals at once",
        "ms",
        FRESH,
        (AtMost("p50", 2, "first-cell-idle"),),
        ("fork-ready",),
        ("first-cell-idle",),
    ),
    *(
        Row(
            f"beside-{attack}",
            f"a further `1+1` in a live context, some 5 ms after the one before, beside a sandbox with {excess}",
            "ms",
            POOLED,
            (AtMost("p99", 2, "cell-idle-p99"),),
            ("cell-idle",),
            ("cell-idle", "cell-idle-p99"),
        )
        for attack, excess in ATTACKS.items()
    ),
    Row(
        "destroy-16-full",
        "16 full sandboxes destroyed at once beside the script of beside-attack: all of all of them back",
        "ms",
        FRESH,
        (AtMost("value", 16, "full-end-idle"),),
        (),
        ("full-end-idle",),
    ),
    Row(
        "create-first-cell-pool-empty",
        "create → first `1+1` done, pool empty, data-science zygote",
        "ms",
        EMPTY,
        (AtMost("p50", 1.25, "fork-ready"), NoMore("hit_share", 0)),
        ("fork-exit", "grpc-echo", "bwrap-cold-nothing", "oci-cold-nothing"),
    ),
    Row(
        "destroy",
        "destroy: acknowledged; processes, memory, mounts, cgroups back",
        "ms",
        EMPTY,
        (AtMost("p50", 4, "grpc-echo"), AtMost("all_back_p99", 7, "fork-exit")),
    ),
)

IDS = tuple(row.id for row in ROWS)


def chosen(ids):
    """Rows by id, in the order of the table; None for all. Raises ValueError for an unknown id."""
    if ids is None:
        return list(ROWS)
    unknown = sorted(set(ids) - set(IDS))
    if unknown:
        raise ValueError(f"no row is called {', '.join(unknown)}; there are: {', '.join(IDS)}")
    return [row for row in ROWS if row.id in ids]
