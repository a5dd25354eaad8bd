"""Cells: state, await, errors, exits, input, and code that attacks its own worker."""

import unittest

from driver import EXCEPTION, OK, Worker, patience


class RehearsalTest(unittest.TestCase):
    """A context that waits for its first cell runs one of its own."""

    CODE = (
        "import linecache, os\n"
        "(_, __, ___, _i, len(In), Out, _exit_code if '_exit_code' in dir() else None,"
        " [name for name in linecache.cache if 'ipython-input' in name][:-1],"
        " sorted(os.listdir('/proc/self/fd')))"
    )

    def first_cell(self, after):
        with Worker() as worker:
            after(worker)
            cell = worker.run(self.CODE)
            self.assertEqual((cell.outcome, cell.stdout, cell.stderr), (OK, "", ""))
            self.assertEqual(cell.of("done")[0][1], 1)
            return cell.result

    def test_leaves_no_trace(self):
        rehearsed = self.first_cell(Worker.until_asleep)
        self.assertTrue(rehearsed.startswith("('', '', '', '', 2, {}, None, [], ["), rehearsed)
        # Sent along with the start: there may or may not have been time for it.
        self.assertEqual(self.first_cell(lambda worker: None), rehearsed)


class ExecutionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())

    def setUp(self):
        # Whatever a test did before: the context still works.
        self.addCleanup(lambda: self.assertEqual(self.worker.run("6 * 7").result, "42"))

    def run_cell(self, code):
        return self.worker.run(code)

    def check_error(self, code, name, value):
        cell = self.run_cell(code)
        self.assertEqual(cell.outcome, EXCEPTION, cell.events)
        self.assertEqual(cell.error[:2], (name, value))
        self.assertNotIn("\x1b", cell.error[2])
        return cell

    def test_ready_names_the_process(self):
        self.assertEqual(self.worker.ready.value[0], self.worker.process.pid)

    def test_state_persists(self):
        self.run_cell("x = 20\ndef double(n): return 2 * n")
        self.assertEqual(self.run_cell("double(x) + 2").result, "42")

    def test_execution_count(self):
        first = self.run_cell("1").of("done")[0][1]
        self.assertEqual(self.run_cell("1/0").of("done")[0][1], first + 1)
        self.assertEqual(self.run_cell("").of("done")[0][1], first + 2)
        self.assertEqual(self.run_cell("1").of("done")[0][1], first + 3)

    def test_looks_like_a_fresh_interpreter(self):
        self.assertEqual(
            self.run_cell("__name__, import_module if 'import_module' in dir() else None").result,
            "('__main__', None)",
        )
        self.assertEqual(self.run_cell("import sys; sys.argv, sys.path[0]").result, "([''], '')")
        self.assertEqual(
            self.run_cell("import __main__; __main__.answer = 42; answer").result, "42"
        )
        self.assertEqual(self.run_cell("hasattr(__main__, '__file__')").result, "False")
        self.assertEqual(self.run_cell("import threading; threading.active_count()").result, "1")
        self.assertEqual(self.run_cell("len(In) > 1 and In[1] != '1 + 1'").result, "True")

    def test_installs_into_the_user_site_are_found(self):
        cell = self.run_cell(
            "import site, os, importlib\n"
            "os.makedirs(site.getusersitepackages(), exist_ok=True)\n"
            "open(site.getusersitepackages() + '/just_installed.py', 'w').write('answer = 42')\n"
            "importlib.invalidate_caches()\n"
            "import just_installed; just_installed.answer"
        )
        self.assertEqual(cell.result, "42")

    def test_modules_of_the_working_directory_are_found_and_not_ours(self):
        self.run_cell("open('wire.py', 'w').write('mine = True'); import wire")
        self.assertEqual(self.run_cell("wire.mine").result, "True")

    # Errors.

    def test_exception_shows_the_users_frames(self):
        self.run_cell("def inner():\n    raise ValueError('deep')\ndef outer():\n    inner()")
        cell = self.check_error("outer()", "ValueError", "deep")
        for text in ("in outer()", "in inner()", "raise ValueError('deep')"):
            self.assertIn(text, cell.error[2])
        self.assertNotIn("warren_worker", cell.error[2])
        self.assertEqual(cell.stderr + cell.stdout, "")

    def test_chained_exception(self):
        cell = self.check_error(
            "try: 1/0\nexcept Exception as e: raise KeyError('k') from e", "KeyError", "'k'"
        )
        self.assertIn("ZeroDivisionError", cell.error[2])

    def test_syntax_error(self):
        cell = self.run_cell("x = (")
        self.assertEqual((cell.outcome, cell.error[0]), (EXCEPTION, "SyntaxError"))
        self.assertIn("was never closed", cell.error[1])
        self.assertIn("x = (", cell.error[2])

    def test_indentation_error(self):
        self.assertEqual(self.run_cell("if 1:\nprint()").error[0], "IndentationError")

    def test_return_outside_function(self):
        cell = self.run_cell("print('before')\nreturn 5")
        self.assertEqual((cell.outcome, cell.error[0]), (EXCEPTION, "SyntaxError"))

    def test_null_byte(self):
        self.assertEqual(self.run_cell("x = '\0'").outcome, EXCEPTION)

    def test_code_that_is_not_utf8(self):
        self.assertEqual(self.run_cell(b"x = '\xff'").error[0], "UnicodeDecodeError")

    def test_unknown_magic(self):
        cell = self.run_cell("%nosuchmagic")
        self.assertIn("nosuchmagic", cell.stderr + str(cell.error))

    def test_exception_that_a_cell_shows_itself_is_no_failure(self):
        cell = self.run_cell(
            "try: 1/0\nexcept ZeroDivisionError: get_ipython().showtraceback()\n'went on'"
        )
        self.assertEqual((cell.outcome, cell.result, cell.error), (OK, "'went on'", None))
        self.assertIn("ZeroDivisionError", cell.stderr)

    def test_nested_cell_that_fails_is_no_failure(self):
        cell = self.run_cell("_r = get_ipython().run_cell('1/0'); 'went on'")
        self.assertEqual((cell.outcome, cell.result), (OK, "'went on'"))
        self.assertIn("ZeroDivisionError", cell.stderr)

    def test_recursion(self):
        self.run_cell("def forever(): return forever()")
        self.assertEqual(self.run_cell("forever()").error[0], "RecursionError")

    def test_memory_error(self):
        self.assertEqual(self.run_cell("bytearray(1 << 60)").error[0], "MemoryError")

    # Exits.

    def test_system_exit_leaves_the_context_alive(self):
        self.run_cell("alive = 'yes'")
        for code, value in (
            ("import sys; sys.exit(3)", "3"),
            ("raise SystemExit('bye')", "bye"),
            ("exit(4)", "4"),
        ):
            with self.subTest(code=code):
                cell = self.check_error(code, "SystemExit", value)
                self.assertEqual(cell.stderr, "")
        self.check_error("quit", "SystemExit", "None")
        self.assertEqual(self.run_cell("alive").result, "'yes'")

    # Await.

    def test_await(self):
        self.assertEqual(
            self.run_cell("import asyncio\nawait asyncio.sleep(0, 'slept')").result, "'slept'"
        )

    def test_async_comprehension_and_gather(self):
        cell = self.run_cell(
            "import asyncio\nasync def f(n):\n    await asyncio.sleep(0.01)\n    return n\n"
            "await asyncio.gather(*(f(n) for n in range(3)))"
        )
        self.assertEqual(cell.result, "[0, 1, 2]")

    def test_asyncio_run_in_a_plain_cell(self):
        self.assertEqual(
            self.run_cell("import asyncio\nasyncio.run(asyncio.sleep(0, 5))").result, "5"
        )

    def test_exception_in_an_await(self):
        self.run_cell(
            "import asyncio\n"
            "async def bad():\n    await asyncio.sleep(0)\n    raise KeyError('gone')"
        )
        self.check_error("await bad()", "KeyError", "'gone'")

    # What IPython adds to Python.

    def test_escapes(self):
        self.run_cell("n = 7")
        for code, result in (
            ("%pwd", None),
            ("lines = !echo {n}\nlines[0]", "'7'"),
            ("if True:\n    %env WARREN_TEST=1\nimport os; os.environ['WARREN_TEST']", "'1'"),
            ("/len 'abc'", "3"),
            (",str.upper abc", "'ABC'"),
            (">>> 6 * 7", "42"),
            ("    n + 1", "8"),
            ("n % 4", "3"),
            ("'# not / an , escape;'", "'# not / an , escape;'"),
        ):
            with self.subTest(code=code):
                cell = self.run_cell(code)
                self.assertEqual(cell.outcome, OK, cell.events)
                if result is not None:
                    self.assertEqual(cell.result, result)

    def test_transformer_of_the_users_own(self):
        self.run_cell(
            "ip = get_ipython()\n"
            "def shout(lines): return [line.replace('SHOUT', 'print') for line in lines]\n"
            "ip.input_transformers_cleanup.append(shout)"
        )
        self.assertEqual(self.run_cell("SHOUT('hey')").stdout, "hey\n")
        self.run_cell("ip.input_transformers_cleanup.remove(shout)")

    # Input.

    def test_input_is_refused(self):
        for code in ("input('name? ')", "from getpass import getpass; getpass()"):
            with self.subTest(code=code):
                cell = self.run_cell(code)
                self.assertEqual(
                    (cell.outcome, cell.error[0]), (EXCEPTION, "StdinNotImplementedError")
                )
                self.assertIn("is not available in a sandbox", cell.error[1])
                self.assertNotIn("warren_worker", cell.error[2])

    def test_stdin_is_empty(self):
        self.assertEqual(self.run_cell("import sys; sys.stdin.read()").result, "''")

    # Attacks on the worker itself.

    def test_huge_exception_text_is_cut(self):
        cell = self.run_cell("raise ValueError('x' * 10_000_000)")
        name, value, traceback = cell.of("error")[0]
        self.assertEqual(name, b"ValueError")
        self.assertLessEqual(len(value), 64 * 1024)
        self.assertLessEqual(len(traceback), 256 * 1024)
        self.assertIn(b"bytes left out", value)

    def test_huge_exception_name_is_cut(self):
        cell = self.run_cell("raise type('N' * 5000, (Exception,), {})('v')")
        self.assertEqual(len(cell.error[0]), 1024)

    def test_exception_whose_str_raises(self):
        cell = self.run_cell(
            "class Bad(Exception):\n    def __str__(self): raise RuntimeError\nraise Bad()"
        )
        self.assertEqual((cell.outcome, cell.error[0]), (EXCEPTION, "Bad"))

    def test_exception_with_hostile_comparison_and_metaclass(self):
        cell = self.run_cell(
            "class Meta(type):\n    __name__ = property(lambda self: 1/0)\n"
            "class Odd(Exception, metaclass=Meta):\n"
            "    def __eq__(self, other): raise RuntimeError\n"
            "    def __bool__(self): raise RuntimeError\n"
            "    __hash__ = None\n"
            "raise Odd()"
        )
        self.assertEqual((cell.outcome, cell.error[0]), (EXCEPTION, "Odd"))

    def test_exception_that_renders_itself_badly(self):
        cell = self.run_cell(
            "class R(Exception):\n    def _render_traceback_(self): return 1/0\nraise R('value')"
        )
        self.assertEqual((cell.outcome, cell.error[0], cell.error[1]), (EXCEPTION, "R", "value"))

    def test_patched_modules(self):
        self.run_cell(
            "import json, os, struct, time, signal\n"
            "kept = json.dumps, os.getpid, os.write, struct.pack, signal.getsignal\n"
            "json.dumps = os.getpid = os.write = struct.pack = signal.getsignal = None"
        )
        self.assertEqual(self.run_cell("print('out'); 1").result, "1")
        self.run_cell("json.dumps, os.getpid, os.write, struct.pack, signal.getsignal = kept")

    def test_deleted_builtins_break_only_the_cell(self):
        with Worker() as worker:
            worker.run(
                "import builtins\n"
                "for name in ('len', 'isinstance', 'getattr', 'print'): delattr(builtins, name)"
            )
            cell = worker.run("1 + 1")
            self.assertEqual(cell.events[-1].kind, "done")

    def test_patched_shell(self):
        with Worker() as worker:
            worker.run(
                "ip = get_ipython()\n"
                "ip.run_code = None; ip.displayhook.exec_result = 5; ip._showtraceback = 1"
            )
            self.assertEqual(worker.run("1 + 1").outcome, EXCEPTION)
            worker.run("ip.history_manager = None")
            self.assertEqual(worker.run("1 + 1").events[-1].kind, "done")

    def test_real_exit_ends_the_worker(self):
        with Worker() as worker:
            worker.send("import os; os._exit(7)")
            with self.assertRaises(EOFError):
                worker.event()
            self.assertEqual(worker.process.wait(patience()), 7)

    def test_closed_event_pipe_ends_the_worker(self):
        with Worker() as worker:
            worker.send("import os; os.close(4); print('nobody hears this')")
            with self.assertRaises(EOFError):
                worker.event()
            worker.process.wait(patience())

    def test_lost_request_pipe_ends_the_worker(self):
        for code in (
            "os.close(3)",
            "os.dup2(os.open('/dev/null', os.O_RDONLY), 3)",
            "os.dup2(os.open('/', os.O_RDONLY), 3)",
        ):
            with self.subTest(code=code), Worker() as worker:
                self.assertEqual(worker.run("import os; _ = " + code).outcome, OK)
                self.assertEqual(worker.process.wait(patience()), 72)

    def test_request_pipe_that_does_not_block_is_none_the_worse(self):
        self.run_cell("import os; os.set_blocking(3, False)")
        self.assertEqual(self.run_cell("1 + 1").result, "2")
        self.run_cell("os.set_blocking(3, True)")

    def test_no_descriptors_left(self):
        with Worker() as worker:
            worker.run(
                "import os, resource\n"
                "resource.setrlimit(resource.RLIMIT_NOFILE,"
                " (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"
            )
            self.assertEqual(worker.run("6 * 7").result, "42")
            # A child has no part in the protocol, though it cannot open /dev/null over the pipes.
            cell = worker.run(
                "pid = os.fork()\n"
                "if pid == 0:\n"
                "    try: os.fstat(4)\n"
                "    except OSError: os._exit(9)\n"
                "    os._exit(8)\n"
                "os.waitpid(pid, 0)[1] >> 8"
            )
            self.assertEqual(cell.result, "9")

    def test_worker_that_cannot_go_on_ends(self):
        with Worker() as worker:
            worker.send(
                "import sys\nchannel = sys.modules['warren_worker.channel']\n"
                "channel.EventChannel.send = channel.EventChannel.send_chunk = None"
            )
            self.assertEqual(worker.process.wait(patience()), 73)

    def test_end_of_requests_ends_the_worker(self):
        with Worker() as worker:
            worker.run("1")
            worker.close()
            self.assertEqual(worker.process.returncode, 0)
            worker.close = lambda: None


if __name__ == "__main__":
    unittest.main()
