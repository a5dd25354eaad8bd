"""How the rows of the network are measured. What runs in a sandbox and connects to the origin by its name runs on the host too
and connects to its address, in turns with the other: the same program by the host's Python."""

import json
import subprocess

from . import cells, cpu
from .errors import BenchError
from .measured import Measured
from .origin import ADDRESS, NAME
from .stats import median, milliseconds, percentile, summary

_NETWORK = ("--network", "internet")
_HOST_SECONDS = 600


def creates(run, sizes):
    """run: runs the client on the server; sizes: of sizes.py."""
    answer = run("network-creates", *_NETWORK, "--count", sizes["create"], "--warmup", sizes["warmup"])
    samples, without = (milliseconds(answer[which]["create"]) for which in ("with", "without"))
    from_pool = answer["with"]["from_pool"] + answer["without"]["from_pool"]
    figures = summary(samples) | _added(samples, without)
    figures["hit_share"] = from_pool / (len(samples) + len(without))
    destroys = {f"destroy {which} one": median(milliseconds(answer[which]["destroy"])) for which in ("with", "without")}
    parts = {"create with a network": median(samples), "create without one": median(without), **destroys}
    return Measured(figures, samples, {"parts": parts}, {"create-without": median(without)})


def connects(run, origin, sizes):
    """origin: an Origin."""
    inside, lookups, outside = [], [], []
    for _ in range(sizes["connect_rounds"]):
        outside += _on_host(cells.connects(ADDRESS, origin.echo, sizes["connect"]))["connect"]
        told = _in_sandbox(run, cells.connects(NAME, origin.echo, sizes["connect"]))
        inside += told["connect"]
        lookups += told["lookup"]
    samples, direct = milliseconds(inside), milliseconds(outside)
    parts = {
        "connect and a byte by name": median(samples),
        "the lookup of the name alone": median(milliseconds(lookups)),
        "connect and a byte on the host's loopback": median(direct),
    }
    return Measured(summary(samples) | _added(samples, direct), samples, {"parts": parts}, {"loopback-connect": median(direct)})


def streams(run, origin, sizes):
    size, through, direct = sizes["stream_bytes"], [], []
    for _ in range(sizes["stream_rounds"]):
        direct.append(_rate(size, _on_host(cells.stream(ADDRESS, origin.stream, size))))
        through.append(_rate(size, _in_sandbox(run, cells.stream(NAME, origin.stream, size))))
    figures = {"value": median(through), "samples": len(through)}
    return Measured(figures, through, {}, {"loopback-mib-s": median(direct)})


def many(run, server, sizes):
    """server: the Warrend, with its origin."""
    count = server.max_sandboxes(sizes["networks"])
    rehearsal = ["--code", cells.MEET, "--expect", cells.MEET_EXPECT]
    meeting = ["--further-code", cells.meeting(NAME, server.origin.echo), "--further-expect", cells.MEETING_EXPECT]
    watched = ["--supervisor-pid", server.pid]
    for name in ("launcher", "relay"):
        watched += [f"--{name}-pid", cpu.descendant(server.pid, f"warren-{name}")]
    options = ["--sandboxes", count, "--clients", 4, *rehearsal, *meeting, *watched]
    answer = run("networks", *_NETWORK, *options)
    network = _kib_each(answer["without"], answer["with"], count)
    sandbox = _kib_each(answer["start"], answer["without"], count)
    opened = milliseconds(answer["open"])
    figures = {"value": network["all"], "network_kib_each": network["all"], "networks": count, "open_p50": median(opened)}
    figures |= {f"{name}_kib_each": value for name, value in network.items() if name != "all"}
    return Measured(figures, [], {}, {"sandbox-kib": sandbox["all"]})


def _added(samples, beside):
    return {"added_p50": percentile(samples, 50) - percentile(beside, 50)}


def _on_host(code):
    command = ["/usr/bin/python3", "-I", "-c", code]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_HOST_SECONDS)
    if done.returncode != 0:
        raise BenchError(f"the same on the host: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout)


def _in_sandbox(run, code):
    return json.loads(run("printed", *_NETWORK, "--code", code)["printed"])


def _rate(size, told):
    return size / 2**20 / (told["elapsed"] / 1e9)


def _kib_each(before, after, count):
    """KiB more of each sandbox, by account. "all": whichever says more of the host's account and of the sum of the cgroups' (in
    which the relay's is one) with what the supervisor and the launcher hold."""

    def grown(name, of=lambda point: point):
        return (of(after)[name] - of(before)[name]) / 1024 / count

    each = {name: grown(name, lambda point: point["process_bytes"]) for name in ("supervisor", "launcher", "relay")}
    each["cgroups"] = grown("usage", lambda point: point["cgroup_bytes"])
    each["host"] = max(-grown("available_bytes"), grown("used_bytes"))
    each |= {"slab": grown("slab_bytes"), "tcp": grown("tcp_bytes")}
    return {"all": max(each["host"], each["cgroups"] + each["supervisor"] + each["launcher"]), **each}
