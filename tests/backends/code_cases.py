"""Code: what a cell says, shows, costs and how it ends."""

import datetime

from contract import LONG, case, warren

KINDS = warren.TerminationKind
ENDLESS = "print('up', flush=True)\nimport time; time.sleep(1e6)"

PNG = """
import struct, zlib
from IPython.display import Image
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
Image(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
      + chunk(b"IDAT", zlib.compress(b"\\0\\7")) + chunk(b"IEND", b""))
"""
TABLE = """
class Table:
    def _repr_html_(self):
        return "<table><tr><td>1</td></tr></table>"
    def __repr__(self):
        return "one row"
Table()
"""


def first_output(stream):
    return next(event for event in stream if isinstance(event, warren.Output))


@case("code")
def output_and_the_last_value(t):
    done = t.sandbox().run_code("import sys; print('out'); print('err', file=sys.stderr); 6 * 7")
    t.assertEqual((done.stdout, done.stderr, done.text, done.execution_count), ("out\n", "err\n", "42", 1))
    t.assertTrue(done.ok and done.termination.context_alive)
    t.assertRegex(done.id, "^ex")


@case("code")
def state_stays(t):
    sandbox = t.sandbox()
    sandbox.run_code("a = 20").raise_for_error()
    t.assertEqual(sandbox.run_code("a + 1").text, "21")


@case("code")
def events_come_as_they_happen(t):
    sandbox = t.sandbox()
    with sandbox.stream_code(ENDLESS, timeout=LONG) as stream:
        event = first_output(stream)
        t.assertEqual((event.stream, event.text), (warren.Stream.STDOUT, "up\n"))
        t.assertTrue(stream.execution_id)
    # Leaving it cancels the code, and nothing else would end it.
    t.assertEqual(sandbox.run_code("1", timeout=LONG).text, "1")


@case("code")
def two_megabytes_of_output(t):
    done = t.sandbox().run_code("for turn in range(32): print(chr(228) * 32767)")
    t.assertEqual(done.stdout, ("ä" * 32767 + "\n") * 32)


@case("code")
def the_environment_of_a_sandbox_and_of_a_cell(t):
    sandbox = t.sandbox(env={"A": "sandbox", "B": "sandbox"})
    done = sandbox.run_code("import os; os.environ['A'], os.environ['B']", env={"A": "cell"})
    t.assertEqual(done.text, "('cell', 'sandbox')")


@case("code")
def usage_names_the_backend_and_the_time(t):
    usage = t.sandbox().run_code("sum(range(10 ** 5))").usage
    t.assertEqual(usage.backend, t.serves)
    t.assertGreater(usage.wall, datetime.timedelta())


@case("code")
def one_request_id_runs_once(t):
    sandbox = t.sandbox()
    sandbox.run_code("n = 0")
    first = sandbox.run_code("n += 1; n", request_id="once")
    again = sandbox.run_code("n += 1; n", request_id="once")
    t.assertEqual((first.id, first.text, sandbox.run_code("n").text), (again.id, "1", "1"))


@case("code")
def what_goes_on_without_its_client_is_found_again(t):
    sandbox = t.sandbox()
    code = "import itertools, time\nfor n in itertools.count(): print(n, flush=True); time.sleep(0.01)"
    with sandbox.stream_code(code, timeout=LONG, on_disconnect=warren.OnDisconnect.CONTINUE) as stream:
        first_output(stream)
    with sandbox.connect_execution(stream.execution_id, after_sequence=stream.last_sequence) as again:
        t.assertGreater(next(again).sequence, stream.last_sequence)
        sandbox.interrupt()
        done = again.execution()
    t.assertEqual((done.id, done.error.name), (stream.execution_id, "KeyboardInterrupt"))


@case("code", "executions.expressions")
def user_expressions(t):
    done = t.sandbox().run_code("1", user_expressions={"n": "6 * 7", "bad": "x"})
    t.assertEqual((done.user_expressions["n"].text, done.user_expressions["bad"].name), ("42", "NameError"))


@case("code", "executions.silent")
def silent_cells(t):
    sandbox = t.sandbox()
    silent = sandbox.run_code("1", silent=True)
    t.assertEqual((silent.result, sandbox.run_code("2").execution_count), (None, 1))


@case("code", "executions.files")
def input_and_output_files(t):
    code = "open('b.txt', 'w').write(open('a.txt').read() * 2)"
    done = t.sandbox().run_code(code, input_files={"a.txt": "x"}, output_files=["b*"])
    t.assertEqual([(file.path, file.size_bytes) for file in done.output_files], [("/home/user/b.txt", 2)])


@case("results")
def text(t):
    done = t.sandbox().run_code("[1, 'a']")
    t.assertEqual((done.text, done.result.is_result), ("[1, 'a']", True))


@case("results")
def the_text_of_a_string(t):
    # The page tells the difference.
    t.assertEqual(t.sandbox().run_code("'it'").text, "it" if t.backend == "e2b" else "'it'")


@case("results")
def a_table(t):
    result = t.sandbox().run_code(TABLE).result
    t.assertEqual((result.html, result.text), ("<table><tr><td>1</td></tr></table>", "one row"))


@case("results")
def a_figure(t):
    figure = t.sandbox().run_code(PNG).result.png
    t.assertEqual((figure[:8], figure[-8:-4]), (b"\x89PNG\r\n\x1a\n", b"IEND"))


@case("results")
def html_json_and_the_others(t):
    code = """
from IPython.display import HTML, JSON, SVG, Javascript, Latex, Markdown, display
display(HTML("<b>x</b>"), JSON({"a": [1, None]}), Markdown("*m*"), Latex("$l$"), Javascript("f()"))
SVG("<svg xmlns='http://www.w3.org/2000/svg'><path/></svg>")
"""
    done = t.sandbox().run_code(code).raise_for_error()
    html, json, markdown, latex, javascript, svg = done.results
    t.assertEqual((html.html, json.json, markdown.markdown, latex.latex, javascript.javascript),
                  ("<b>x</b>", {"a": [1, None]}, "*m*", "$l$", "f()"))
    t.assertIn("<path/>", svg.svg)
    t.assertEqual([result.is_result for result in done.results], [False] * 5 + [True])


@case("errors of code")
def an_exception_with_its_traceback(t):
    sandbox = t.sandbox()
    done = sandbox.run_code("def f():\n    return 1 / 0\nf()")
    t.assertEqual((done.error.name, done.error.value), ("ZeroDivisionError", "division by zero"))
    t.assertIn("return 1 / 0", done.error.traceback)
    t.assertEqual((done.termination.kind, done.termination.context_alive), (KINDS.EXCEPTION, True))
    t.assertEqual(sandbox.run_code("2").text, "2")


@case("errors of code")
def a_syntax_error(t):
    t.assertEqual(t.sandbox().run_code("if:").error.name, "SyntaxError")


@case("errors of code")
def what_came_before_it_is_kept(t):
    done = t.sandbox().run_code("print('before')\ndisplay(1)\nraise ValueError('no')")
    t.assertEqual((done.stdout, [result.text for result in done.results], done.error.value), ("before\n", ["1"], "no"))


@case("timeouts and interrupts")
def a_cell_that_takes_too_long(t):
    sandbox = t.sandbox()
    sandbox.run_code("a = 1")
    done = sandbox.run_code("import time; time.sleep(1e6)", timeout=0.3)
    t.assertEqual((done.termination.kind, done.termination.context_alive), (KINDS.TIMED_OUT, True))
    t.assertEqual(sandbox.run_code("a").text, "1")


@case("timeouts and interrupts")
def an_interrupt(t):
    sandbox = t.sandbox()
    with t.assertRaises(warren.FailedPrecondition):
        sandbox.interrupt()
    with sandbox.stream_code("a = 1\n" + ENDLESS, timeout=LONG) as stream:
        first_output(stream)
        sandbox.interrupt()
        done = stream.execution()
    t.assertEqual((done.error.name, done.termination.kind), ("KeyboardInterrupt", KINDS.EXCEPTION))
    t.assertEqual(sandbox.run_code("a").text, "1")


@case("output limits")
def a_cell_that_says_too_much(t):
    sandbox = t.sandbox()
    done = sandbox.run_code("while True: print('x' * 1000)", max_output_bytes=10_000)
    t.assertIs(done.termination.kind, KINDS.OUTPUT_LIMIT)
    t.assertLessEqual(len(done.stdout_bytes), 10_000)
    t.assertGreater(len(done.stdout_bytes), 0)


@case("output limits")
def a_process_that_says_too_much(t):
    done = t.sandbox().processes.run(["yes"], max_output_bytes=10_000)
    t.assertIs(done.termination.kind, KINDS.OUTPUT_LIMIT)
    t.assertLessEqual(len(done.stdout_bytes), 10_000)


@case("contexts")
def a_second_one(t):
    sandbox = t.sandbox()
    sandbox.run_code("a = 1")
    context = sandbox.contexts.create(cwd="/tmp", env={"A": "1"})
    t.assertEqual(context.run("import os; os.getcwd(), os.environ['A']").text, "('/tmp', '1')")
    t.assertEqual(context.run("a").error.name, "NameError")
    t.assertEqual([info.id for info in sandbox.contexts.list()], [sandbox.info.default_context_id, context.id])
    context.delete()
    with t.assertRaises(warren.NotFound):
        context.run("1")
    t.assertEqual(sandbox.run_code("a").text, "1")


@case("contexts")
def a_restart(t):
    context = t.sandbox().contexts.create()
    context.run("b = 1")
    t.assertTrue(context.restart().alive)
    t.assertEqual(context.run("b").error.name, "NameError")


@case("contexts", "languages.bash")
def bash(t):
    context = t.sandbox().contexts.create("bash", cwd="/tmp")
    context.run("x=7")
    t.assertEqual(context.run("echo $x; pwd").stdout, "7\n/tmp\n")


@case("contexts")
def the_default_one(t):
    sandbox = t.sandbox()
    context = sandbox.contexts.get(sandbox.info.default_context_id)
    t.assertEqual((context.language, context.run("6 * 7").text), ("python", "42"))


@case("scripts")
def one_with_arguments_and_input(t):
    done = t.sandbox().run_script(source="import sys; print(sys.argv[1:], input())", arguments=["a"], standard_input="b\n")
    t.assertEqual(done.raise_for_error().stdout, "['a'] b\n")


@case("scripts")
def one_of_bash_that_fails(t):
    done = t.sandbox().run_script(source="echo no >&2; exit 3", language="bash")
    t.assertEqual((done.termination.exit_code, done.stderr, done.ok), (3, "no\n", False))


@case("scripts")
def a_file_of_the_sandbox(t):
    sandbox = t.sandbox()
    sandbox.files.write("/tmp/s.py", "import os, sys; print(os.getcwd(), sys.argv[1:])")
    t.assertEqual(sandbox.run_script("s.py", cwd="/tmp", arguments=["a b"]).raise_for_error().stdout, "/tmp ['a b']\n")
