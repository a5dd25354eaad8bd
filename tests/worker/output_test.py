"""What cells print: complete, in order, cut into frames, and never torn."""

import os
import unittest

from driver import EXCEPTION, OK, Worker, wire


class OutputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        cls.worker.run("import multiprocessing, os, subprocess, sys, threading, time")

    def run_cell(self, code):
        return self.worker.run(code)

    def check_leaves_at_once(self, code, output):
        # The cell does not end by itself.
        execution_id = self.worker.send(code + "; time.sleep(1e6)")
        self.assertEqual(self.worker.event().value, output)
        self.worker.interrupt_until_done(execution_id)

    def test_each_line_leaves_at_once(self):
        self.check_leaves_at_once("print('one', flush=False)", b"one\n")

    def test_carriage_return_leaves_at_once(self):
        self.check_leaves_at_once("print('50%', end='\\r')", b"50%\r")

    def test_part_of_a_line_leaves_at_the_end_of_the_cell(self):
        cell = self.run_cell("print('no newline', end='')")
        self.assertEqual([event.kind for event in cell.events], ["stdout", "done"])
        self.assertEqual(cell.stdout, "no newline")

    def test_streams_and_displays_keep_their_order(self):
        cell = self.run_cell(
            "print('a'); print('b', file=sys.stderr); display('c')\n"
            "print('d', end=''); display('e')\n"
            "print('f', end=''); 7"
        )
        got = [
            (
                event.kind,
                event.value.parts["text/plain"] if event.kind == "display" else event.value,
            )
            for event in cell.events[:-1]
        ]
        expected = [
            ("stdout", b"a\n"), ("stderr", b"b\n"), ("display", b"'c'"),
            ("stdout", b"d"), ("display", b"'e'"),
            ("stdout", b"f"), ("display", b"7"),
        ]  # fmt: skip
        self.assertEqual(got, expected)

    def test_large_output_comes_whole_in_bounded_chunks(self):
        cell = self.run_cell("for i in range(64): sys.stdout.write(chr(97 + i % 26) * 300_000)")
        self.assertEqual(cell.stdout, "".join(chr(97 + i % 26) * 300_000 for i in range(64)))
        self.assertLessEqual(max(map(len, cell.of("stdout"))), wire.MAX_CHUNK)

    def test_bytes_through_the_buffer(self):
        cell = self.run_cell(
            "_ = sys.stdout.buffer.write(b'\\xff\\x00raw')\n"
            "_ = sys.stdout.buffer.write(memoryview(b'!'))"
        )
        self.assertEqual(b"".join(cell.of("stdout")), b"\xff\x00raw!")

    def test_lone_surrogate_is_shown(self):
        cell = self.run_cell("print('\\ud800')")
        self.assertEqual((cell.outcome, cell.stdout), (OK, "\\ud800\n"))

    def test_threads_do_not_tear_frames(self):
        cell = self.run_cell(
            "def work(c):\n"
            "    for _ in range(300): print(c * 2000)\n"
            "threads = [threading.Thread(target=work, args=(c,)) for c in 'abcd']\n"
            "[t.start() for t in threads]; [t.join() for t in threads]; None"
        )
        self.assertEqual(cell.outcome, OK)
        self.assertEqual(sorted(set(cell.stdout.replace("\n", ""))), list("abcd"))
        self.assertEqual(len(cell.stdout), 4 * 300 * 2001)

    def test_thread_that_prints_between_cells_has_no_cell(self):
        gate = os.path.join(self.worker.home, "gate")
        os.mkfifo(gate)
        self.run_cell(
            "def late():\n"
            f"    open({gate!r}).close(); print('late')\n"
            "threading.Thread(target=late).start()"
        )
        # It waits for the next cell, and the thread for the gate.
        self.worker.until_asleep()
        open(gate, "w").close()
        event = self.worker.event()
        self.assertEqual((event.execution_id, event.kind, event.value), (0, "stdout", b"late\n"))

    def test_closed_and_replaced_streams_come_back(self):
        self.run_cell("sys.stdout.close()")
        self.assertEqual(self.run_cell("print('still here')").stdout, "still here\n")
        self.run_cell("import io; keep = sys.stdout; sys.stdout = io.StringIO(); print('lost')")
        self.run_cell("sys.stdout = None")
        self.assertEqual(self.run_cell("1").result, "1")
        self.assertEqual(self.run_cell("sys.stdout = keep; print('back')").stdout, "back\n")

    def test_write_that_fails_is_the_cells_own_failure(self):
        cell = self.run_cell("sys.stdout.write(5)")
        self.assertEqual((cell.outcome, cell.error[0]), (EXCEPTION, "TypeError"))


class ProcessOutputTest(unittest.TestCase):
    """Output of other processes goes to the raw pipes, and no process but the worker speaks the
    protocol."""

    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        cls.worker.run("import multiprocessing, os, subprocess, sys, threading, time")

    def check(self, code, raw, stdout=""):
        cell = self.worker.run(code)
        self.assertEqual((cell.outcome, cell.stdout), (OK, stdout), cell.events)
        self.assertEqual(self.worker.raw_output("stdout"), raw)
        self.assertEqual(self.worker.run("'alive'").result, "'alive'")

    def test_subprocess(self):
        self.check("subprocess.run(['echo', 'hello']).returncode;", "hello\n")

    def test_subprocess_given_sys_stdout(self):
        self.check("subprocess.run(['echo', 'hello'], stdout=sys.stdout);", "hello\n")

    def test_subprocess_inherits_neither_channel(self):
        program = (
            "import os, errno\nfor fd in 3, 4:\n"
            " try: os.fstat(fd)\n except OSError as e: print(errno.errorcode[e.errno])"
        )
        self.check(
            f"subprocess.run([sys.executable, '-c', {program!r}], close_fds=False);",
            "EBADF\nEBADF\n",
        )

    def test_shell_escape(self):
        self.check("!echo $((6 * 7))", "42\n")

    def test_captured_shell_escape(self):
        self.assertEqual(
            self.worker.run("lines = !printf 'a\\nb\\n'\nlist(lines)").result, "['a', 'b']"
        )

    def test_multiprocessing(self):
        self.check(
            "def work(n): print('child', n)\n"
            "p = multiprocessing.get_context('fork').Process(target=work, args=(1,))\n"
            "p.start(); p.join()\n"
            "print('parent')",
            "child 1\n",
            "parent\n",
        )

    def test_pool(self):
        cell = self.worker.run(
            "def square(n): return n * n\n"
            "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
            "    print(pool.map(square, range(5)))"
        )
        self.assertEqual((cell.outcome, cell.stdout), (OK, "[0, 1, 4, 9, 16]\n"))

    def test_forked_child_that_reaches_the_end_of_the_cell(self):
        self.check(
            "pid = os.fork()\n"
            "if pid == 0: print('child'); display('shown')\n"
            "else: print('parent', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
            "child\n'shown'\n",
            "parent 0\n",
        )

    def test_forked_child_that_fails(self):
        cell = self.worker.run(
            "pid = os.fork()\nif pid == 0: 1/0\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
        )
        self.assertEqual(cell.result, "1")
        self.assertIn("ZeroDivisionError", self.worker.raw_output("stderr"))

    def test_forked_child_that_exits(self):
        cell = self.worker.run(
            "pid = os.fork()\nif pid == 0: sys.exit(9)\n"
            "os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
        )
        self.assertEqual(cell.result, "9")

    def test_forked_child_cannot_take_the_next_request(self):
        self.worker.run(
            "pid = os.fork()\nif pid == 0:\n    os.read(3, 1); os._exit(0)\nos.waitpid(pid, 0)[1]"
        )
        self.assertEqual(self.worker.run("'mine'").result, "'mine'")


if __name__ == "__main__":
    unittest.main()
