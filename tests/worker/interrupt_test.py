"""SIGINT: stops the cell, and nothing but the cell."""

import os
import signal
import time
import unittest

from driver import INTERRUPTED, OK, Worker


class InterruptTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        cls.worker.run("import asyncio, os, signal, subprocess, sys, time")

    def setUp(self):
        self.addCleanup(lambda: self.assertEqual(self.worker.run("6 * 7").result, "42"))

    def interrupted(self, code, delay=0.2):
        execution_id = self.worker.send("print('go')\n" + code)
        assert self.worker.event(10).value == b"go\n"
        time.sleep(delay)
        self.worker.interrupt()
        return self.worker.until_done(execution_id, 10)

    def check_interrupted(self, code):
        cell = self.interrupted(code)
        self.assertEqual(
            (cell.outcome, cell.error[0]), (INTERRUPTED, "KeyboardInterrupt"), cell.events
        )
        return cell

    def test_sleep(self):
        self.check_interrupted("time.sleep(60)")

    def test_traceback_ends_where_user_code_was(self):
        cell = self.check_interrupted("while True: sys.stdout.write('x' * 100_000)")
        self.assertIn("----> 2 while True", cell.error[2])
        self.assertNotIn("warren_worker", cell.error[2])

    def test_loop(self):
        self.check_interrupted("while True: pass")

    def test_printing_loop_tears_no_frame(self):
        for _ in range(5):
            execution_id = self.worker.send("while True: sys.stdout.write('x' * 200_000)")
            time.sleep(0.2)  # The pipe is full by now: the worker waits in the middle of a frame.
            self.worker.interrupt()
            cell = self.worker.until_done(execution_id, 10)
            self.assertEqual(cell.outcome, INTERRUPTED)
            self.assertEqual(cell.stdout.strip("x"), "")

    def test_subprocess(self):
        self.check_interrupted("subprocess.run(['sleep', '60'])")

    def test_await_is_cancelled(self):
        self.check_interrupted(
            "ticks = []\n"
            "async def tick():\n    while True: ticks.append(1); await asyncio.sleep(0.01)\n"
            "await tick()"
        )
        self.worker.run("ticks.clear()")
        self.assertEqual(self.worker.run("await asyncio.sleep(0.1)\nticks").result, "[]")

    def test_raised_by_the_code_itself(self):
        cell = self.worker.run("raise KeyboardInterrupt('mine')")
        self.assertEqual(
            (cell.outcome, cell.error[:2]), (INTERRUPTED, ("KeyboardInterrupt", "mine"))
        )

    def test_caught_by_the_code(self):
        cell = self.interrupted(
            "try: time.sleep(60)\nexcept KeyboardInterrupt: caught = True\ncaught"
        )
        self.assertEqual((cell.outcome, cell.result), (OK, "True"))

    def test_twice_in_one_cell(self):
        execution_id = self.worker.send(
            "try: print('1'); time.sleep(60)\nexcept KeyboardInterrupt: print('2'); time.sleep(60)"
        )
        for _ in range(2):
            self.worker.event(10)
            time.sleep(0.1)
            self.worker.interrupt()
        self.assertEqual(self.worker.until_done(execution_id, 10).outcome, INTERRUPTED)

    def test_between_cells_is_ignored_and_said(self):
        for _ in range(20):
            self.worker.interrupt()
        cell = self.worker.run("'quiet'")
        self.assertEqual(cell.result, "'quiet'")
        self.assertEqual(len(cell.of("interrupt_missed")), 1)
        self.assertEqual(self.worker.run("'on'").of("interrupt_missed"), [])

    def test_racing_the_end_of_cells(self):
        outcomes = set()
        for attempt in range(400):
            execution_id = self.worker.send("1 + 1")
            deadline = time.perf_counter() + attempt % 40 * 20e-6
            while time.perf_counter() < deadline:
                pass
            self.worker.interrupt()
            cell = self.worker.until_done(execution_id, 10)
            outcomes.add(cell.outcome)
        self.assertLessEqual(outcomes, {OK, INTERRUPTED})

    def test_storm(self):
        for _ in range(20):
            execution_id = self.worker.send("for _ in range(100): print('x' * 1000)")
            for _ in range(200):
                self.worker.interrupt()
            self.worker.until_done(execution_id, 10)

    def test_handlers_that_a_cell_leaves_do_not_deafen_the_next(self):
        for handler in ("signal.SIG_IGN", "signal.SIG_DFL", "lambda *_: None"):
            with self.subTest(handler=handler):
                self.assertEqual(
                    self.worker.run(f"signal.signal(signal.SIGINT, {handler});").outcome, OK
                )
                self.worker.interrupt()
                self.check_interrupted("time.sleep(60)")

    def test_alarm_between_cells_is_reported_and_harms_no_cell(self):
        self.worker.run(
            "def handler(*_): raise TimeoutError('late alarm')\n"
            "signal.signal(signal.SIGALRM, handler); signal.setitimer(signal.ITIMER_REAL, 0.1);"
        )
        time.sleep(0.2)
        cell = self.worker.run("'ran'")
        self.assertEqual((cell.outcome, cell.result), (OK, "'ran'"))
        self.assertIn("TimeoutError: late alarm", cell.stderr)

    def test_alarm_in_a_cell_is_its_exception(self):
        self.worker.run(
            "def handler(*_): raise TimeoutError('alarm')\nsignal.signal(signal.SIGALRM, handler);"
        )
        cell = self.worker.run("signal.setitimer(signal.ITIMER_REAL, 0.2); time.sleep(60)")
        self.assertEqual(cell.error[:2], ("TimeoutError", "alarm"))

    def test_alarms_at_every_moment(self):
        with Worker() as worker:
            worker.run(
                "import signal\nleft = 500\n"
                "def handler(*_):\n"
                "    global left\n    left -= 1\n"
                "    if left == 0: signal.setitimer(signal.ITIMER_REAL, 0)\n"
                "    raise TimeoutError\n"
                "signal.signal(signal.SIGALRM, handler)\n"
                "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)"
            )
            for _ in range(5000):
                if worker.run("left", timeout=10).result == "0":
                    break
            self.assertEqual(worker.run("left").result, "0")

    def test_terminating_signal_really_terminates(self):
        with Worker() as worker:
            os.kill(worker.process.pid, signal.SIGTERM)
            self.assertEqual(worker.process.wait(5), -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
