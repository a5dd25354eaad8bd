"""SIGINT: stops the cell, and nothing but the cell."""

import os
import signal
import time
import unittest

from driver import INTERRUPTED, OK, Worker, eventually, patience


class InterruptTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        cls.worker.run("import asyncio, os, signal, subprocess, sys, time")

    def setUp(self):
        self.addCleanup(lambda: self.assertEqual(self.worker.run("6 * 7").result, "42"))

    def interrupted(self, code, until=Worker.until_asleep):
        """Runs code, which does not end by itself, and interrupts it where it waits, or where until() says."""
        execution_id = self.worker.send("print('go')\n" + code)
        assert self.worker.event().value == b"go\n"
        until(self.worker)
        return self.worker.interrupt_until_done(execution_id)

    @staticmethod
    def time_of_a_cell(worker):
        """Seconds, so that a stimulus finds every moment of a cell on any machine."""
        times = []
        for _ in range(10):
            start = time.perf_counter()
            worker.run("1 + 1")
            times.append(time.perf_counter() - start)
        return min(times)

    def check_interrupted(self, code, until=Worker.until_asleep):
        cell = self.interrupted(code, until)
        self.assertEqual(
            (cell.outcome, cell.error[0]), (INTERRUPTED, "KeyboardInterrupt"), cell.events
        )
        return cell

    def test_sleep(self):
        self.check_interrupted("time.sleep(1e6)")

    def test_traceback_ends_where_user_code_was(self):
        cell = self.check_interrupted(
            "while True: sys.stdout.write('x' * 100_000)", until=Worker.until_output_waits
        )
        self.assertIn("----> 2 while True", cell.error[2])
        self.assertNotIn("warren_worker", cell.error[2])

    def test_loop(self):
        # Any moment after the print is one in the loop or just before it.
        self.check_interrupted("while True: pass", until=lambda worker: None)

    def test_printing_loop_tears_no_frame(self):
        for _ in range(5):
            execution_id = self.worker.send("while True: sys.stdout.write('x' * 200_000)")
            # In the middle of a frame, which is larger than the pipe.
            self.worker.until_output_waits()
            cell = self.worker.interrupt_until_done(execution_id)
            self.assertEqual(cell.outcome, INTERRUPTED)
            self.assertEqual(cell.stdout.strip("x"), "")

    def test_subprocess(self):
        self.check_interrupted("subprocess.run(['sleep', '1000000'])")

    def test_await_is_cancelled(self):
        self.check_interrupted(
            "ticks = []\n"
            "async def tick():\n    while True: ticks.append(1); await asyncio.sleep(0.01)\n"
            "await tick()"
        )
        # On a loop a tick that is due comes before what is due later, however late both are.
        self.worker.run("ticks.clear()")
        self.assertEqual(self.worker.run("await asyncio.sleep(0.1)\nticks").result, "[]")

    def test_raised_by_the_code_itself(self):
        cell = self.worker.run("raise KeyboardInterrupt('mine')")
        self.assertEqual(
            (cell.outcome, cell.error[:2]), (INTERRUPTED, ("KeyboardInterrupt", "mine"))
        )

    def test_caught_by_the_code(self):
        cell = self.interrupted(
            "try: time.sleep(1e6)\nexcept KeyboardInterrupt: caught = True\ncaught"
        )
        self.assertEqual((cell.outcome, cell.result), (OK, "True"))

    def test_twice_in_one_cell(self):
        execution_id = self.worker.send(
            "try: print('1'); time.sleep(1e6)\nexcept KeyboardInterrupt: print('2'); time.sleep(1e6)"
        )
        self.assertEqual(self.worker.event().value, b"1\n")
        self.worker.until_asleep()
        self.worker.interrupt()
        self.assertEqual(self.worker.event().value, b"2\n")
        self.worker.until_asleep()
        self.assertEqual(self.worker.interrupt_until_done(execution_id).outcome, INTERRUPTED)

    def test_between_cells_is_ignored_and_said(self):
        for _ in range(20):
            self.worker.interrupt()
        connection = self.worker.contexts[0]
        before = connection.interrupts_missed
        self.assertEqual(self.worker.run("'quiet'").result, "'quiet'")
        self.assertEqual(connection.interrupts_missed, before + 1)
        self.worker.run("'on'")
        self.assertEqual(connection.interrupts_missed, before + 1)

    def test_during_the_rehearsal_is_not_lost(self):
        # Sent at once after Ready: the rehearsal runs, or is about to.
        for _ in range(5):
            with Worker() as worker:
                worker.interrupt()
                self.assertEqual(worker.run("'first'").result, "'first'")
                self.assertEqual(worker.contexts[0].interrupts_missed, 1)

    def test_racing_the_end_of_cells(self):
        outcomes = set()
        span = self.time_of_a_cell(self.worker)
        for attempt in range(400):
            execution_id = self.worker.send("1 + 1")
            # Which moment it hits is chance: both outcomes are right.
            deadline = time.perf_counter() + attempt % 40 / 30 * span
            while time.perf_counter() < deadline:
                pass
            self.worker.interrupt()
            cell = self.worker.until_done(execution_id)
            outcomes.add(cell.outcome)
        self.assertLessEqual(outcomes, {OK, INTERRUPTED})

    def test_storm(self):
        for _ in range(20):
            execution_id = self.worker.send("for _ in range(100): print('x' * 1000)")
            for _ in range(200):
                self.worker.interrupt()
            self.worker.until_done(execution_id)

    def test_handlers_that_a_cell_leaves_do_not_deafen_the_next(self):
        for handler in ("signal.SIG_IGN", "signal.SIG_DFL", "lambda *_: None"):
            with self.subTest(handler=handler):
                self.assertEqual(
                    self.worker.run(f"signal.signal(signal.SIGINT, {handler});").outcome, OK
                )
                self.worker.interrupt()
                self.check_interrupted("time.sleep(1e6)")

    def test_alarm_between_cells_is_reported_and_harms_no_cell(self):
        self.worker.run(
            "def handler(*_): raise TimeoutError('late alarm')\n"
            "signal.signal(signal.SIGALRM, handler);"
        )
        os.kill(self.worker.process.pid, signal.SIGALRM)
        cell = self.worker.run("'ran'")
        self.assertEqual((cell.outcome, cell.result), (OK, "'ran'"))
        self.assertIn("TimeoutError: late alarm", cell.stderr)

    def test_alarm_in_a_cell_is_its_exception(self):
        self.worker.run(
            "def handler(*_): raise TimeoutError('alarm')\nsignal.signal(signal.SIGALRM, handler);"
        )
        # An alarm just before one of the sleeps is heard after it.
        cell = self.worker.run(
            "signal.setitimer(signal.ITIMER_REAL, 0.05)\nwhile True: time.sleep(0.1)"
        )
        self.assertEqual(cell.error[:2], ("TimeoutError", "alarm"))

    def test_alarms_at_every_moment(self):
        with Worker() as worker:
            # Each alarm sets the next, one or more to a cell: where a machine is too slow for that they come one inside
            # the other, and end all the same.
            span = self.time_of_a_cell(worker)
            worker.run(
                "import signal\nleft = 500\n"
                "def handler(*_):\n"
                "    global left\n    left -= 1\n"
                f"    if left: signal.setitimer(signal.ITIMER_REAL, (left % 50 + 1) / 40 * {span})\n"
                "    raise TimeoutError\n"
                "signal.signal(signal.SIGALRM, handler)\n"
                "signal.setitimer(signal.ITIMER_REAL, 0.001)"
            )
            ended = eventually(lambda: any(worker.run("left").result == "0" for _ in range(100)))
            self.assertTrue(ended, "500 alarms have not come")

    def test_terminating_signal_really_terminates(self):
        with Worker() as worker:
            os.kill(worker.process.pid, signal.SIGTERM)
            self.assertEqual(worker.process.wait(patience()), -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
