"""The control plane: a worker that lies, floods, stalls or dies harms its own sandbox alone.

The worker writes its events to descriptor 4: a length (4 bytes, little endian), then a WorkerEvent. User code shares the
process, so it can write there what it likes.
"""

import os
import signal
import sys
import time

from attack import Broken, probe

EVENTS = 4
SAFE = "there is no supervisor to lie to"
# How a session may end whose worker broke the protocol.
FAILED = ("POLICY_VIOLATION", "KILLED")


def still_here(host):
    """For neighbours: this sandbox still runs code."""
    return True


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    """A length-delimited field of a protobuf message."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def frame(body):
    return len(body).to_bytes(4, "little") + body


def send(data):
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(EVENTS, view):]
        except BlockingIOError:
            time.sleep(0.001)


def overlook():
    """Reports Broken, behind what was sent: on the same pipe, so that it arrives only if the rest was swallowed."""
    raise Broken("the frame was swallowed")


@probe("control", ends=FAILED, plant=still_here, aftermath=still_here, unconfined=SAFE)
def probe_huge_length(host):
    """A frame that announces 4 GiB ends the session at once."""
    send(b"\xff\xff\xff\xff" + b"x" * 100)
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_length_over_cap(host):
    """A frame just over the cap ends the session."""
    send((4 * 1024 * 1024).to_bytes(4, "little") + b"x" * 1000)
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_zero_length(host):
    """A frame of no bytes, which is no event, ends the session."""
    send(bytes(4))
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_garbage_frame(host):
    """A frame that is no message ends the session."""
    send(frame(b"\xff" * 300))
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_wrong_execution(host):
    """An event of an execution that does not exist ends the session."""
    send(frame(b"\x08" + varint(2 ** 63) + field(4, b"forged")))
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_second_ready(host):
    """A second greeting ends the session."""
    send(frame(field(2, b"\x08\x02")))
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_late_setup_failure(host):
    """A report of a failed set-up from a worker that was set up ends the session, and is not believed."""
    send(frame(field(3, field(1, b"clone") + b"\x10\x01")))
    overlook()


@probe("control", ends=FAILED, unconfined=SAFE)
def probe_truncated_frame(host):
    """A worker that dies in the middle of a frame is the end of its session alone."""
    send((1000).to_bytes(4, "little") + b"x" * 10)
    os.kill(os.getpid(), signal.SIGKILL)


@probe("deadline", ends=("TIMED_OUT",) + FAILED, deadline=2, plant=still_here, aftermath=still_here, unconfined=SAFE)
def probe_stalled_frame(host):
    """A frame of which one byte comes now and then holds nobody up, and ends at the deadline."""
    send((100_000).to_bytes(4, "little"))
    while True:
        send(b"x")
        time.sleep(0.2)


@probe("deadline", ends=("TIMED_OUT",) + FAILED, deadline=2, unconfined=SAFE)
def probe_closed_event_pipe(host):
    """A worker that closes its event pipe and goes on is ended."""
    os.close(EVENTS)
    while True:
        time.sleep(0.1)


@probe("control", ends=("POLICY_VIOLATION", "KILLED", "EXITED", "OUTPUT_LIMIT", "TIMED_OUT"), plant=still_here,
       aftermath=still_here, deadline=5, unconfined=SAFE)
def probe_frame_flood(host):
    """A flood of tiny frames holds up nobody else."""
    flood = frame(b"\x08\x00" + field(4, b"x")) * 1000
    while True:
        send(flood)


@probe("control", ends=("POLICY_VIOLATION", "KILLED", "EXITED", "EXCEPTION"), plant=still_here, aftermath=still_here,
       unconfined=SAFE)
def probe_forged_end(host):
    """A worker that forges the end of its own cell ends its own cell or session, and nobody else's."""
    for number in range(1, 50):
        send(frame(b"\x08" + varint(number) + field(8, b"\x08\x01")))
    time.sleep(1)


@probe("control", ends=FAILED + ("EXITED", "EXCEPTION"), unconfined=SAFE)
def probe_oversized_display(host):
    """A display of thousands of parts is refused or cut, not swallowed."""
    parts = b"".join(field(1, field(1, b"text/x%d" % n) + field(2, b"y")) for n in range(5000))
    send(frame(b"\x08\x01" + field(6, parts)))
    time.sleep(1)


@probe("control", ends=("EXCEPTION", "EXITED"), unconfined=SAFE)
def probe_huge_exception(host):
    """An exception with 50 MB of text ends the cell as any other; what reaches the client is cut."""
    # Not an Exception: run() lets it pass, to IPython.
    hostile = type("Hostile\n\x1b[2J", (BaseException,), {"__str__": lambda self: "x" * 50_000_000})
    raise hostile


@probe("control", ends=("EXITED", "EXCEPTION", "TIMED_OUT"), deadline=5, unconfined=SAFE)
def probe_hostile_representation(host):
    """A result whose representation never ends, ends at the deadline."""
    from IPython.display import display

    class Hostile:
        def __repr__(self):
            while True:
                time.sleep(0.01)
    display(Hostile())


@probe("control", ends=("EXITED", "EXCEPTION", "TIMED_OUT", "KILLED"), deadline=5, unconfined=SAFE)
def probe_hostile_exit(host):
    """Exit handlers and destructors that never end do not outlast the deadline."""
    import atexit

    def forever(*_):
        while True:
            time.sleep(0.01)
    atexit.register(forever)
    sys.exit(3)


@probe("control", ends=("EXITED", "EXCEPTION", "KILLED", "TIMED_OUT", "POLICY_VIOLATION"), deadline=5, unconfined=SAFE)
def probe_patched_interpreter(host):
    """A worker whose own modules are taken apart from inside ends its own session at worst."""
    import builtins
    import json
    json.dumps = json.loads = None
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("warren_worker"):
            for name in list(vars(module)):
                if not name.startswith("__"):
                    setattr(module, name, None)
    builtins.len = builtins.print = None


@probe("control", ends=("EXITED", "KILLED"), unconfined=SAFE)
def probe_silent_exit(host):
    """A worker that leaves without a word is a result."""
    os._exit(7)
