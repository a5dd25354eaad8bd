"""What a request asks for beside its code, and requests that the worker has not built."""

import os
import unittest

from driver import EXCEPTION, INTERRUPTED, OK, Display, Worker, encode_field, wire


class RequestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())

    def setUp(self):
        # Whatever a test did before: the context still works.
        self.addCleanup(lambda: self.assertEqual(self.worker.run("6 * 7").result, "42"))

    def run_cell(self, code, **options):
        return self.worker.run(code, **options)

    # Silent, store_history.

    def test_silent_cell_shows_no_result_and_does_not_count(self):
        before = self.run_cell("'counted'").count
        cell = self.run_cell("print('printed'); x = 1\n5", silent=True, store_history=True)
        self.assertEqual((cell.outcome, cell.result, cell.stdout), (OK, None, "printed\n"))
        self.assertEqual(cell.count, before)
        self.assertEqual(self.run_cell("In[-2], _, x").result, "(\"'counted'\", 'counted', 1)")
        self.assertEqual(self.run_cell("1").count, before + 2)

    def test_cell_that_is_not_stored_shows_its_result(self):
        before = self.run_cell("1;").count
        # The cell in the history ends with a semicolon, this one does not, and the other way round.
        cell = self.run_cell("2 + 3", store_history=False)
        self.assertEqual((cell.result, cell.count), ("5", before))
        self.run_cell("1")
        self.assertEqual(self.run_cell("4;", store_history=False).result, None)
        self.assertEqual(self.run_cell("1").count, before + 2)

    def test_failure_of_a_silent_cell_does_not_count(self):
        before = self.run_cell("1").count
        for code in ("1/0", "x = ("):
            cell = self.run_cell(code, silent=True)
            self.assertEqual((cell.outcome, cell.count), (EXCEPTION, before))

    # Expressions.

    def test_values_of_expressions(self):
        values = self.run_cell(
            "x = 20",
            user_expressions={"a": "x + 1", "b": "'<' + 'b'", "none": "None"},
        ).values
        self.assertEqual(values["a"].parts, {"text/plain": b"21"})
        self.assertEqual(values["b"].parts, {"text/plain": b"'<b'"})
        self.assertEqual(values["none"].parts, {"text/plain": b"None"})
        self.assertFalse(values["a"].is_result)

    def test_errors_in_expressions_are_values(self):
        cell = self.run_cell(
            "class Bad:\n    def __repr__(self): raise KeyError('no repr')",
            user_expressions={"zero": "1/0", "syntax": "x =", "exit": "exit()", "good": "1"},
        )
        self.assertEqual((cell.outcome, cell.error), (OK, None))
        self.assertEqual(
            cell.values["zero"],
            ("ZeroDivisionError", "division by zero", "ZeroDivisionError: division by zero"),
        )
        self.assertEqual(cell.values["syntax"][0], "SyntaxError")
        self.assertEqual(cell.values["exit"][0], "SystemExit")
        self.assertEqual(cell.values["good"].parts, {"text/plain": b"1"})
        self.assertEqual(self.run_cell("", user_expressions={"bad": "Bad()"}).values["bad"].parts, {})

    def test_expressions_are_not_evaluated_after_a_failure(self):
        cell = self.run_cell("touched = 0\n1/0", user_expressions={"a": "globals().update(touched=1)"})
        self.assertEqual((cell.outcome, cell.values), (EXCEPTION, {}))
        self.assertEqual(self.run_cell("touched").result, "0")

    def test_interrupt_of_an_expression_ends_the_cell(self):
        self.run_cell("import time")
        execution_id = self.worker.send(
            "print('go')", user_expressions={"a": "time.sleep(1e6)", "b": "time.sleep(1e6)"}
        )
        self.assertEqual(self.worker.event().value, b"go\n")
        self.worker.until_asleep()
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.values), (INTERRUPTED, {}))

    def test_large_values_are_left_out(self):
        values = self.run_cell(
            "", user_expressions={"big": "'x' * 2_000_000", "half": "'x' * 600_000", "small": "1"}
        ).values
        self.assertIn("those of a cell may take", values["big"][1])
        self.assertEqual(len(values["half"].parts["text/plain"]), 600_002)
        self.assertEqual(values["small"].parts, {"text/plain": b"1"})

    def test_more_expressions_than_there_may_be(self):
        many = {str(n): str(n) for n in range(100)}
        self.assertEqual(len(self.run_cell("", user_expressions=many).values), wire.MAX_EXPRESSIONS)

    # Colours.

    def test_colours_of_tracebacks(self):
        for code in ("1/0", "x = (", "if 1:\nprint()"):
            with self.subTest(code=code):
                self.assertIn("\x1b[", self.run_cell(code, colors=True).error[2])
                self.assertNotIn("\x1b", self.run_cell(code).error[2])

    # Displays.

    def display(self, code):
        displays = self.run_cell("from IPython.display import *\n" + code).displays
        self.assertEqual(len(displays), 1, displays)
        return displays[0]

    def test_metadata(self):
        display = self.display(
            "display({'text/plain': 'x'}, raw=True, metadata={'text/plain': {'a': [1, 'ä']}})"
        )
        self.assertEqual(display.metadata, {"text/plain": {"a": [1, "ä"]}})

    def test_metadata_of_a_result(self):
        display = self.display(
            "class Wide:\n    def _repr_html_(self): return '<b>', {'isolated': True}\nWide()"
        )
        self.assertEqual((display.is_result, display.metadata), (True, {"text/html": {"isolated": True}}))

    def test_metadata_that_cannot_be_sent_is_left_out_and_said(self):
        deep = "__import__('functools').reduce(lambda x, _: {'a': x}, range(%d), {})"
        for name, metadata, good in (
            ("large", "{'a': 'x' * 70_000}", False),
            ("nan", "{'a': float('nan')}", False),
            ("too deep", deep % 64, False),
            ("deep enough", deep % 63, True),
            ("brackets in text", "{'a': '{[' * 100}", True),
            ("endless", "(lambda d: d.update(a=d) or d)({})", False),
            ("foreign", "{'a': {1}}", True),
            ("surrogate", "{'a': chr(0xd800)}", True),
        ):
            with self.subTest(name):
                display = self.display(
                    f"display({{'text/plain': 'x'}}, raw=True, metadata={metadata})"
                )
                self.assertEqual(bool(display.metadata), good)
                self.assertEqual(b"left out: metadata" in display.parts["text/plain"], not good)

    def test_update_of_a_display(self):
        self.run_cell("from IPython.display import update_display")
        first, second = self.run_cell("h = display('one', display_id='mine'); h.update('two')").displays
        self.assertEqual((first.display_id, first.update), ("mine", False))
        self.assertEqual((second.display_id, second.update), ("mine", True))
        self.assertEqual(second.parts, {"text/plain": b"'two'"})
        later = self.run_cell("update_display('three', display_id='mine')").displays[0]
        self.assertEqual((later.display_id, later.update), ("mine", True))
        self.assertEqual(self.display("display(1)").display_id, "")

    def test_long_display_id_is_cut_the_same_way_each_time(self):
        first, second = self.run_cell("h = display(1, display_id='ä' * 999); h.update(2)").displays
        self.assertEqual(first.display_id, "ä" * 128)
        self.assertEqual(second.display_id, first.display_id)

    def test_clear_output_keeps_its_place(self):
        cell = self.run_cell(
            "from IPython.display import clear_output\n"
            "print('a', end=''); clear_output(); print('b', end=''); clear_output(wait=True)"
        )
        self.assertEqual(
            [(event.kind, event.value) for event in cell.events[:-1]],
            [("stdout", b"a"), ("clear_output", False), ("stdout", b"b"), ("clear_output", True)],
        )

    def test_forked_child_clears_nothing(self):
        cell = self.run_cell(
            "import os; from IPython.display import clear_output\n"
            "pid = os.fork()\nif pid == 0: clear_output(); os._exit(0)\nos.waitpid(pid, 0)[1]"
        )
        self.assertEqual([event.kind for event in cell.events], ["display", "done"])

    # Environment.

    def test_env_is_the_cells_own(self):
        self.run_cell("import os, subprocess; os.environ['SET'] = 'was'; os.environ.pop('NEW', None)")
        env = {"SET": "for\nit", "NEW": "n"}
        cell = self.run_cell(
            "print(os.environ['SET'], flush=True)\n"
            "print(subprocess.check_output('echo $NEW', shell=True, text=True))\n"
            "os.environ['SET'] = 'changed'; del os.environ['NEW']; os.environ['OWN'] = 'stays'",
            env=env,
        )
        self.assertEqual((cell.outcome, cell.stdout), (OK, "for\nit\nn\n\n"))
        after = "os.environ['SET'], os.environ.get('NEW'), os.environ['OWN']"
        self.assertEqual(self.run_cell(after).result, "('was', None, 'stays')")
        self.assertEqual(self.run_cell("1/0", env=env).outcome, EXCEPTION)
        self.assertEqual(self.run_cell(after).result, "('was', None, 'stays')")

    # Not built.

    def check_unimplemented(self, execution_id, what):
        event = self.worker.event()
        self.assertEqual(
            (event.execution_id, event.kind, event.value),
            (execution_id, "unimplemented", (what, False)),
        )

    def test_every_other_kind_is_answered(self):
        for number, name in wire.REQUEST_NAMES.items():
            if number not in (wire.EXECUTE, wire.CONFIGURE):
                with self.subTest(name):
                    body = encode_field(1, "code") + encode_field(2, 3)
                    self.check_unimplemented(self.worker.send_request(body, number), name)
        self.check_unimplemented(self.worker.send_request(b"", 99), "request 99")
        # A message with nothing but an id.
        execution_id = self.worker.contexts[0]._next_id
        self.worker.contexts[0]._next_id += 1
        os.write(self.worker.contexts[0].requests, b"\2\0\0\0\x08" + wire.varint(execution_id))
        self.check_unimplemented(execution_id, "request 0")

    def test_cell_that_asks_for_what_is_not_built_does_not_run(self):
        before = self.run_cell("ran = False").count
        execution_id = self.worker.send("ran = True", allow_stdin=True)
        self.check_unimplemented(execution_id, "execute.allow_stdin")
        cell = self.run_cell("ran")
        self.assertEqual((cell.result, cell.count), ("False", before + 1))


class WarmTest(unittest.TestCase):
    """Options of a first cell: what a warm-up or rehearsal left does not show."""

    def test_first_cell_silent(self):
        with Worker() as worker:
            cell = worker.run("5", silent=True, user_expressions={"n": "1"})
            self.assertEqual((cell.result, cell.count), (None, 0))
            self.assertIsInstance(cell.values["n"], Display)
            self.assertEqual(worker.run("1").count, 1)


if __name__ == "__main__":
    unittest.main()
