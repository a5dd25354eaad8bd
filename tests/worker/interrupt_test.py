"""SIGINT: stops the cell, and nothing but the cell."""

import itertools
import os
import signal
import subprocess
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

    def test_printing_loop_says_no_line_twice(self):
        for _ in range(20):
            execution_id = self.worker.send(
                "n = 0\nwhile True:\n    print(n, file=(sys.stdout, sys.stderr)[n % 2]); n += 1"
            )
            said = [int(self.worker.event().value)]
            cell = self.worker.interrupt_until_done(execution_id)
            said += [int(each.value) for each in cell.events if each.kind in ("stdout", "stderr")]
            # Nor is one left out.
            self.assertEqual(said, list(range(len(said))))

    def test_a_write_that_waits_says_nothing_twice(self):
        """Of what fills the pipe, and of what is larger than the buffer before it."""
        for size in (10_000, 200_000):
            execution_id = self.worker.send(
                "n = 0\n"
                f"while n < 1000: n += 1; sys.stdout.write(f'{{n}},' + ' ' * {size} + chr(10))"
            )
            self.worker.until_output_waits()
            cell = self.worker.interrupt_until_done(execution_id)
            said = [int(line.split(",")[0]) for line in cell.stdout.splitlines() if "," in line]
            self.assertEqual(said, list(range(1, len(said) + 1)))
            self.assertEqual(self.worker.run("print('next')").stdout, "next\n")

    def test_exception_of_another_handler_says_nothing_twice(self):
        cell = self.worker.run(
            "def late(*_): raise TimeoutError\n"
            "before = signal.signal(signal.SIGALRM, late)\n"
            "said = []\n"
            "for n in range(200):\n"
            "    try:\n"
            "        signal.setitimer(signal.ITIMER_REAL, 0.0003)\n"
            "        while True: said.append(0); print(n, len(said))\n"
            "    except TimeoutError: pass\n"
            "_ = signal.signal(signal.SIGALRM, before)"
        )
        self.assertEqual(cell.outcome, OK, cell.events)
        lines = cell.stdout.splitlines()
        self.assertEqual(len(lines), len(set(lines)))

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

    def check_interrupted_at_once(self, code):
        """As check_interrupted, of a cell that says nothing before it waits."""
        execution_id = self.worker.send(code)
        self.worker.until_asleep()
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.error[0]), (INTERRUPTED, "KeyboardInterrupt"))

    def test_before_the_task_of_an_await_has_come_to_user_code(self):
        self.worker.run(
            "class Slow:\n"
            "    def visit(self, node): ip.ast_transformers.clear(); time.sleep(1e6)\n"
            "ip = get_ipython(); ip.ast_transformers.append(Slow())"
        )
        self.check_interrupted_at_once("await asyncio.sleep(1e6)")

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

    # Where Python or IPython swallows exceptions.

    def test_in_a_finalizer(self):
        self.check_interrupted(
            "class Slow:\n    def __del__(self): time.sleep(1e6)\nSlow(); time.sleep(1e6)"
        )

    def test_in_a_callback_of_a_weak_reference(self):
        self.check_interrupted(
            "import weakref\n"
            "class Thing: pass\n"
            "thing = Thing()\n"
            "slow = weakref.ref(thing, lambda _: time.sleep(1e6))\n"
            "del thing; time.sleep(1e6)"
        )

    def test_in_a_callback_of_ipython(self):
        self.worker.run(
            "events = get_ipython().events\n"
            "def slow(): events.unregister('pre_execute', slow); time.sleep(1e6)\n"
            "events.register('pre_execute', slow)"
        )
        self.check_interrupted_at_once("time.sleep(1e6)")

    def test_exceptions_in_finalizers_are_still_told(self):
        cell = self.worker.run("class Bad:\n    def __del__(self): 1/0\nBad(); 'went on'")
        self.assertIn("ZeroDivisionError", cell.stderr)
        self.assertEqual(cell.result, "'went on'")

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


class ForegroundTest(unittest.TestCase):
    """What a cell waits for ends with it; what it started for the background lives on."""

    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        cls.worker.run("import os, signal, subprocess, sys, time")

    def setUp(self):
        self.addCleanup(lambda: self.assertEqual(self.worker.run("6 * 7").result, "42"))

    def alive(self, mark):
        """Processes of this worker with the mark in their command lines."""
        found = subprocess.run(
            ["ps", "--no-headers", "-eo", "pid,stat,args"], capture_output=True, text=True
        ).stdout.splitlines()
        return [line for line in found if mark in line and line.split()[1][0] != "Z"]

    marks = itertools.count(1)

    def check_ends(self, code, started=False):
        """started: not interrupted before LONG has been started by what comes before it."""
        # Its own name, so that no other test's processes are taken for it.
        mark = f"{os.getpid()}{next(self.marks):04}"
        execution_id = self.worker.send(code.replace("LONG", f"sleep {mark}"))
        itself = ["sleep", mark]
        self.assertTrue(
            eventually(lambda: any(not started or line.split()[2:] == itself for line in self.alive(mark)))
        )
        self.worker.until_asleep()
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual(cell.outcome, INTERRUPTED, cell.events)
        self.assertTrue(eventually(lambda: not self.alive(mark)), self.alive(mark))
        return cell

    def test_shell_escape(self):
        self.check_ends("!LONG; true")

    def test_shell_escapes_in_a_loop(self):
        self.check_ends("for _ in range(99):\n    !LONG; true")

    def test_captured_shell_escape(self):
        self.check_ends("x = !LONG; true")

    def test_bash(self):
        self.check_ends("%%bash\nLONG\ntrue")

    def test_bash_with_captured_output(self):
        self.check_ends("%%bash --out x\nLONG | cat\ntrue")

    def test_bash_that_a_function_calls_in_a_loop(self):
        self.check_ends(
            "for _ in range(99): get_ipython().run_cell_magic('bash', '', 'LONG; true')"
        )

    def test_python_script(self):
        self.check_ends("%%script python3\nimport os\nos.system('LONG; true')")

    def test_subprocess_run_with_descendants(self):
        self.check_ends("subprocess.run('(LONG; true) | cat; true', shell=True)")

    def test_check_output(self):
        self.check_ends("subprocess.check_output('LONG; true', shell=True)")

    def test_os_system(self):
        self.check_ends("os.system('LONG; true')")

    def test_one_that_ignores_interrupts(self):
        self.check_ends("subprocess.run('trap \"\" INT TERM; LONG; true', shell=True)")
        self.check_ends("%%bash\ntrap '' INT TERM\nLONG\ntrue")

    def test_one_that_ends_by_itself_at_an_interrupt_may(self):
        # On any host it ends by itself before it would be killed.
        grace = "sys.modules['warren_worker.foreground'].GRACE_S"
        before = self.worker.run(grace).result
        self.addCleanup(self.worker.run, f"{grace} = {before}")
        self.worker.run(f"{grace} = {patience()}")
        self.worker.run("open('done', 'w').close()")
        self.check_ends("!trap 'echo cleaned > done; kill $!; exit' INT; LONG & wait $!", started=True)
        self.assertEqual(self.worker.run("open('done').read()").result, "'cleaned\\n'")

    def test_the_background_lives_on(self):
        self.worker.run(
            "p = subprocess.Popen(['sleep', '98765'])\nq = os.spawnlp(os.P_NOWAIT, 'sleep', 'sleep', '98765')"
        )
        self.worker.run("!sleep 98765 &")
        # A fork has its parent's command line at first.
        self.assertTrue(eventually(lambda: len(self.alive("sleep 98765")) == 3))
        self.check_ends("!LONG; true")
        execution_id = self.worker.send("p.wait()")
        self.worker.until_asleep()
        self.assertEqual(self.worker.interrupt_until_done(execution_id).outcome, INTERRUPTED)
        self.assertEqual(len(self.alive("sleep 98765")), 3)
        self.worker.run("p.kill(); p.wait(); os.kill(q, 9); os.waitpid(q, 0)")
        self.worker.run("!pkill -x -f 'sleep 98765'")

    def test_at_every_moment_of_a_start(self):
        mark = f"4321{os.getpid()}"
        starts = (
            f"!sleep {mark}; true",
            f"%%bash\nsleep {mark}",
            f"subprocess.run(['sleep', '{mark}'])",
            f"os.system('sleep {mark}')",
        )
        for attempt in range(120):
            execution_id = self.worker.send(starts[attempt % 4])
            deadline = time.perf_counter() + attempt * 0.0001
            while time.perf_counter() < deadline:
                pass
            missed = self.worker.contexts[0].interrupts_missed
            self.worker.interrupt()

            def nudge():
                # As the supervisor: what came before the cell is asked for again.
                if self.worker.contexts[0].interrupts_missed != missed:
                    self.worker.interrupt()
                os.kill(self.worker.process.pid, signal.SIGURG)

            cell = self.worker.until_done(execution_id, nudge=nudge)
            self.assertEqual(cell.outcome, INTERRUPTED, (attempt, cell.events))
        self.assertTrue(eventually(lambda: not self.alive(mark)), self.alive(mark))

    def test_os_system_returns_a_status_as_ever(self):
        for command, result in (("exit 3", "768"), ("true", "0"), ("kill -9 $$", "9")):
            self.assertEqual(self.worker.run(f"os.system('{command}')").result, result)

    def test_exit_codes_of_shell_escapes(self):
        for command, result in (("exit 3", "3"), ("true", "0"), ("kill -9 $$", "-9")):
            self.assertEqual(self.worker.run(f"!{command}\n_exit_code").result, result)

    def test_variables_in_shell_escapes(self):
        self.worker.run("def f():\n    local = 5\n    !exit {local}\nf()")
        self.assertEqual(self.worker.run("_exit_code").result, "5")


if __name__ == "__main__":
    unittest.main()
