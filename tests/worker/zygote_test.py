"""The zygote's start, its messages and its ends, with the real libwarren-context.

WARREN_CONTEXT_LIBRARY names that library; CTest sets it. Forking into a sandbox needs a launcher
and is tested with it (tests/launch, tests/e2e).
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from driver import REPOSITORY, eventually, patience, state_of
from warren_worker import zygote as product

LIBRARY = os.environ.get(
    "WARREN_CONTEXT_LIBRARY",
    os.path.join(REPOSITORY, "build/release/share/warren/worker/libwarren-context.so"),
)
MAIN = os.path.join(REPOSITORY, "runtime/worker/warren_worker/zygote_main.py")
READY, EXITED, FAILED = 1, 3, 4

# As runtime/policy/policy_blob.h has it: a policy of one filter, which allows everything.
POLICY = struct.pack("<IHHQIIHBBI", 0x50534E57, 1, 1, 32, 1, 0, 0x06, 0, 0, 0x7FFF0000)
# Puts the socket on fd 3 and the policies on fd 4, as init does.
EXEC = 'exec /usr/bin/python3 -I "$1" 3<&"$2" 4<&"$3"'


class Zygote:
    def __init__(self, home, **config):
        config = {"preload": [], "warmup": "", "start": "fork", "context_library": LIBRARY} | config
        self.control, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(patience())
        policy = os.memfd_create("policy")
        os.write(policy, POLICY)
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", EXEC, "bash", MAIN, str(far_end.fileno()), str(policy)],
            pass_fds=(far_end.fileno(), policy),
            stderr=subprocess.PIPE,
            env={"HOME": home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        far_end.close()
        os.close(policy)
        self.control.send(json.dumps(config).encode())

    def receive(self):
        """(kind, context id, pid, status, text), or None at the end."""
        message = self.control.recv(65536)
        if not message:
            return None
        kind, _, context_id, pid, status = struct.unpack_from("<IIQii", message)
        return kind, context_id, pid, status, message[24:].decode()

    def end(self):
        """Closes the socket; returns the exit status and what was on stderr."""
        self.control.close()
        _, stderr = self.process.communicate(timeout=patience())
        return self.process.returncode, stderr.decode()

    def context_switches(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return [line for line in file if "ctxt_switches" in line]

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class ZygoteTest(unittest.TestCase):
    def start(self, **config):
        home = self.enterContext(tempfile.TemporaryDirectory())
        zygote = Zygote(home, **config)

        def stop():
            zygote.control.close()
            zygote.process.communicate(timeout=patience())

        self.addCleanup(stop)
        return zygote

    def check_refused(self, *words, **config):
        zygote = self.start(**config)
        kind, _, _, _, text = zygote.receive()
        self.assertEqual(kind, FAILED)
        for word in words:
            self.assertIn(word, text)
        self.assertIsNone(zygote.receive())
        status, stderr = zygote.end()
        self.assertEqual(status, 1)
        self.assertIn(words[0], stderr)

    def test_ready_then_ends_with_the_launcher(self):
        zygote = self.start(preload=["json", "csv"], warmup="import csv\ncsv.reader([])")
        kind, _, pid, _, version = zygote.receive()
        self.assertEqual((kind, pid), (READY, zygote.process.pid))
        self.assertRegex(version, r"^3\.\d+\.\d+")
        self.assertEqual(zygote.end(), (0, ""))

    def test_missing_module(self):
        for start in ("fork", "exec"):
            with self.subTest(start=start):
                self.check_refused(
                    "'no_such_module'", "preload", preload=["no_such_module"], start=start
                )

    def test_warmup_that_fails(self):
        self.check_refused("warm-up code failed", "ZeroDivisionError", warmup="1 / 0")

    def test_warmup_that_leaves_a_thread(self):
        code = (
            "import threading\n"
            "threading.Thread(target=threading.Event().wait, daemon=True).start()"
        )
        self.check_refused("2 threads", "preload list", warmup=code)

    def test_missing_library(self):
        self.check_refused("no_such.so", context_library="/no_such.so")

    def test_fork_that_fails_is_reported_and_leaks_nothing(self):
        zygote = self.start()
        self.assertEqual(zygote.receive()[0], READY)
        before = zygote.fd_count()
        # A pipe is no process: joining its pid namespace fails.
        pipe = os.pipe()
        for context_id in range(1, 4):
            socket.send_fds(zygote.control, [struct.pack("<IIQ", 1, 0, context_id)], pipe * 3)
            kind, got, _, _, text = zygote.receive()
            self.assertEqual((kind, got), (FAILED, context_id))
            self.assertIn("enter pid namespace", text)
        for fd in pipe:
            os.close(fd)
        # It answers first and closes then.
        closed = eventually(lambda: zygote.fd_count() == before)
        self.assertTrue(closed, f"{zygote.fd_count()} descriptors are open, {before} were")
        self.assertEqual(zygote.end(), (0, ""))

    def test_message_it_does_not_know_ends_it(self):
        for message in (b"short", struct.pack("<IIQ", 9, 0, 1), struct.pack("<IIQ", 1, 0, 1)):
            with self.subTest(message=message):
                zygote = self.start()
                self.assertEqual(zygote.receive()[0], READY)
                zygote.control.send(message)
                self.assertIsNone(zygote.receive())
                status, stderr = zygote.end()
                self.assertEqual(status, 1)
                self.assertIn("control message", stderr)

    def test_idle_zygote_sleeps(self):
        zygote = self.start()
        zygote.receive()

        def sleeps_undisturbed():
            before = zygote.context_switches()
            # One that looks around every now and then does so in here; a longer time finds rarer looks.
            time.sleep(0.5)
            return zygote.context_switches() == before

        # The end of the start may fall into the first looks.
        self.assertTrue(eventually(sleeps_undisturbed), "the zygote never stays asleep")


class Reaping(product.Zygote):
    """What has to do with children alone, of this process."""

    def __init__(self, control, children):
        self._control = control
        self._pids = children


class ReapTest(unittest.TestCase):
    def end(self, child):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(child, signal.SIGKILL)

    def test_one_that_is_killed_as_it_is_told_to_be_stopped(self):
        launcher, control = (
            self.enterContext(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        )
        # No room: it waits in the middle of telling.
        control.setblocking(False)
        fillers = 0
        with self.assertRaises(BlockingIOError):
            while True:
                control.send(b"filler")
                fillers += 1
        control.setblocking(True)
        launcher.settimeout(patience())

        pid = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")
        # For where the test fails; by its descriptor, for its pid is free once it is reaped.
        child = os.pidfd_open(pid)
        self.addCleanup(os.close, child)
        self.addCleanup(self.end, child)
        os.kill(pid, signal.SIGSTOP)
        self.assertTrue(eventually(lambda: state_of(pid) == "T"))
        reaping = threading.Thread(target=Reaping(control, {pid: 7})._reap)
        reaping.start()
        self.assertTrue(
            eventually(lambda: sys._current_frames()[reaping.ident].f_code.co_name == "send")
        )
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: state_of(pid) == "Z"))
        for _ in range(fillers):
            self.assertEqual(launcher.recv(100), b"filler")
        told = [struct.unpack_from("<IIQii", launcher.recv(100)) for _ in range(2)]
        reaping.join()
        self.assertEqual(
            told,
            [(EXITED, 0, 7, pid, signal.SIGSTOP << 8 | 0x7F), (EXITED, 0, 7, pid, signal.SIGKILL)],
        )


if __name__ == "__main__":
    unittest.main()
