"""Contexts that speak JavaScript: what stays from cell to cell, results, how cells end, and code that attacks the driver."""

import base64
import os
import signal
import subprocess
import unittest

from driver import EXCEPTION, INTERRUPTED, OK, REPOSITORY, Worker, eventually, state_of, wire

LANGUAGES = os.path.join(REPOSITORY, "runtime/worker/warren_worker/languages")


class JavaScriptTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        assert cls.worker.configure(language="javascript") == ("", 0)

    def setUp(self):
        # Whatever a test did before: the context still works, and says nothing of its own.
        self.addCleanup(self.check, "6 * 7", "42")

    def out(self):
        return self.worker.raw_output("stdout")

    def err(self):
        return self.worker.raw_output("stderr")

    def run_cell(self, code, **options):
        """(outcome, result or None, error or None, standard output, standard error)"""
        cell = self.worker.run(code, **options)
        return cell.outcome, cell.result, cell.error, self.out(), self.err()

    def check(self, code, result=None, out="", err="", **options):
        self.assertEqual(self.run_cell(code, **options), (OK, result, None, out, err))

    def error_of(self, code, **options):
        outcome, result, error, _, _ = self.run_cell(code, **options)
        self.assertEqual((outcome, result), (EXCEPTION, None))
        return error

    # State.

    def test_state_stays(self):
        self.check("var a = 1; let b = 2; const c = 3; function f() { return a + b + c }; class D { d = 4 }")
        self.check("f() + new D().d", "10")
        self.check("b = 3; f()", "7")

    def test_declared_anew(self):
        self.check("const again = 1; let more = 1; class Same {}")
        self.check("const again = 2; let more = 2; class Same { x = 3 }; again + more + new Same().x", "7")

    def test_cells_count(self):
        first = self.worker.run("1").count
        self.assertEqual(self.worker.run("1", silent=True).count, first)
        self.assertEqual(self.worker.run("1").count, first + 1)

    def test_a_failed_cell_keeps_what_it_did(self):
        self.assertEqual(self.error_of("let kept = 5; throw new Error('x')")[0], "Error")
        self.check("kept", "5")

    def test_directory_is_kept(self):
        self.check("const { mkdtempSync, writeFileSync } = require('fs'); process.chdir(mkdtempSync('js-'))")
        self.check("writeFileSync('own.js', 'exports.n = 8'); writeFileSync('own.mjs', 'export default 9; export const m = 1')")
        self.check("require('./own').n", "8")
        self.check("(await import('./own.mjs')).default", "9")
        self.check("import nine, { m as one } from './own.mjs'\nimport * as all from './own.mjs'; nine + one + all.m", "11")
        cell = self.worker.run("1", output_files=["own.*"])
        self.assertEqual([os.path.basename(path) for path in cell.files], [b"own.js", b"own.mjs"])
        self.check("process.chdir('..')")

    # Results.

    def test_results(self):
        for code, result in (("1 + 1", "2"), ("'text'", "'text'"), ("[1, { a: 'b' }]", "[ 1, { a: 'b' } ]"), ("null", "null"),
                             ("-0", "-0"), ("12n", "12n"), ("Symbol('s')", "Symbol(s)"), ("NaN", "NaN"), ("x = 3", "3"),
                             ("new Map([[1, 2]])", "Map(1) { 1 => 2 }"), ("undefined", None), ("let quiet = 1", None), ("", None),
                             ("if (true) 'branch'", "'branch'"), ("// remark", None), ("'ä😀'", "'ä😀'")):
            with self.subTest(code):
                self.check(code, result)

    def test_awaits(self):
        self.check("const later = (v) => new Promise((done) => setTimeout(done, 1, v)); await later(4) + 1", "5")
        self.check("later('value of a promise')", "'value of a promise'")
        self.check("async function main() { await later(1); console.log('in') }\nmain()", None, "in\n")
        self.assertEqual(self.error_of("(async () => { await later(1); throw new RangeError('r') })()")[:2], ("RangeError", "r"))

    def test_bundle(self):
        cell = self.worker.run("({ [Symbol.for('Jupyter.display')]() {"
                               " return { 'text/plain': 'p', 'text/html': '<b>', 'application/json': { a: [1] }, 'image/png': 'iVBO' } } })")
        self.assertEqual(cell.displays[0].parts, {"text/plain": b"p", "text/html": b"<b>", "application/json": b'{"a":[1]}',
                                                  "image/png": base64.b64decode("iVBO")})

    def test_large_result_is_left_out(self):
        for size in (5_000_000, 20_000_000):
            cell = self.worker.run(f"'x'.repeat({size})")
            self.assertEqual(cell.outcome, OK)
            self.assertIn("left out", cell.result)
            self.assertLess(len(cell.result), 1000)
        self.assertEqual(len(self.worker.run("'x'.repeat(1000000)").result), 1000002)

    def test_large_cells(self):
        self.check("/*" + "x" * 1000_000 + "*/ 'large'", "'large'")

    # Output.

    def test_output(self):
        self.check("console.log('a', { b: 1 }); process.stdout.write('ä'); console.error('e'); console.log(); console.warn('w')",
                   None, "a { b: 1 }\nä\n", "e\nw\n")
        self.check("require('child_process').execSync('echo child', { stdio: 'inherit' }); console.log('after')", None,
                   "child\nafter\n")

    def test_no_input(self):
        self.check("require('fs').readFileSync(0, 'utf8')", "''")
        self.check("const chunks = []; for await (const c of process.stdin) chunks.push(c); chunks.length", "0")

    def test_what_it_is_run_as(self):
        self.check("process.argv.length", "1")
        self.check("if (require.main === module) console.log('main')", None, "main\n")
        self.check("__dirname === process.cwd()", "true")

    # Errors.

    def test_errors(self):
        name, value, traceback = self.error_of("function f() {\n  return nope;\n}\nf()")
        self.assertEqual((name, value), ("ReferenceError", "nope is not defined"))
        self.assertRegex(traceback, r"^ReferenceError: nope is not defined\n    at f \(<cell-\d+>:2:3\)\n    at <cell-\d+>:4:1$")
        self.assertEqual(self.error_of("throw 5"), ("Error", "5", "Uncaught 5"))
        name, value, traceback = self.error_of("class Lost extends Error { name = 'Lost' }\nthrow new Lost('a', { cause: new Error('why') })")
        self.assertEqual((name, value), ("Lost", "a"))
        self.assertIn("why", traceback)
        self.check("try { nope2 } catch (e) { console.log(e.stack.includes('driver')) }", None, "false\n")

    def test_syntax_errors(self):
        name, value, traceback = self.error_of("let fine = 1;\nlet a b")
        self.assertEqual((name, value), ("SyntaxError", "Unexpected identifier 'b'"))
        self.assertRegex(traceback, r"^<cell-\d+>:2\nlet a b\n      \^\n\nSyntaxError: Unexpected identifier 'b'$")
        for code in ("{", "`open", "/* open", "f(", "'open", "import", "import {", "import x from"):
            with self.subTest(code):
                self.assertEqual(self.error_of(code)[0], "SyntaxError")

    def test_errors_that_fight_back(self):
        for code in ("throw { get name() { throw 1 }, [Symbol.for('nodejs.util.inspect.custom')]() { throw 2 } }",
                     "throw Object.assign(new Error('m'), { name: { a: 1 }, stack: 5 })", "throw new Proxy(Error, {})",
                     "throw Object.defineProperty(new Error, 'message', { get() { throw 3 } })", "throw null", "throw undefined",
                     "throw Object.assign(new Error('m'), { name: '\\0\\ud800' })",
                     "throw Object.assign(new Error('m'.repeat(1e6)), { name: 'n'.repeat(1e6) })",
                     "({ [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('shown') } })",
                     "({ [Symbol.for('Jupyter.display')]() { return null } })"):
            with self.subTest(code):
                self.error_of(code)
                self.check("1", "1")

    def test_errors_beside_a_cell_end_nothing(self):
        seen = [self.run_cell("setTimeout(() => { throw new Error('late') }, 1); Promise.reject(new Error('rejected')); 1")[4]]
        self.assertTrue(eventually(lambda: seen.append(self.err()) or {"late", "rejected"} <= set("".join(seen).split())), seen)
        self.assertNotIn("javascript_driver", "".join(seen))

    # What a cell may ask for.

    def test_env_is_the_cells_own(self):
        self.check("process.env.SET = 'was'; delete process.env.NEW; undefined")
        env = {"SET": "it's\nnew", "NEW": "ä", "TZ": "Asia/Tokyo"}
        self.check("const { SET, NEW } = process.env; process.env.SET = 'changed'; [SET, NEW, new Date(0).getHours()]",
                   "[ \"it's\\nnew\", 'ä', 9 ]", env=env)
        self.check("[process.env.SET, process.env.NEW]", "[ 'was', undefined ]")
        self.error_of("throw 1", env=env)
        self.assertEqual(self.interrupted("await new Promise(() => setInterval(() => {}, 1e6))", env=env).outcome, INTERRUPTED)
        self.check("[process.env.SET, process.env.NEW]", "[ 'was', undefined ]")

    def test_display_style_is_ignored(self):
        self.check("'text'", "'text'", display_style=wire.CODE_INTERPRETER)

    def test_expressions_are_refused(self):
        body = self.worker.send("1", user_expressions={"a": "1"})
        event = self.worker.event()
        self.assertEqual((event.execution_id, event.kind, event.value), (body, "unimplemented", ("user_expressions", True)))

    # Interrupts.

    def interrupted(self, code, **options):
        """Interrupts a cell when it has begun."""
        execution_id = self.worker.send(f"console.log('ready'); {code}", **options)
        seen = []
        self.assertTrue(eventually(lambda: seen.append(self.out()) or "".join(seen) == "ready\n"), seen)
        return self.worker.interrupt_until_done(execution_id)

    def test_interrupt_keeps_the_context(self):
        self.check("var stays = 1; globalThis.never = new Promise(() => {}); undefined")
        for code in ("while (true) {}", "await never", "await 1; while (true) {}", "for (;;) await null",
                     "setTimeout(() => { while (true) {} }, 0); await never", "try { while (true) {} } finally { console.log('no') }",
                     "require('child_process').execSync('sleep 1000'); console.log('no')",
                     "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", "({ get [Symbol.toStringTag]() { for (;;); } })"):
            with self.subTest(code):
                cell = self.interrupted(code)
                self.assertEqual((cell.outcome, cell.error[0]), (INTERRUPTED, "KeyboardInterrupt"))
                self.check("stays", "1")

    def test_programs_in_the_background_live_on(self):
        self.run_cell("const job = require('child_process').spawn('sleep', ['1000']); job.pid")
        self.assertEqual(self.interrupted("while (true) {}").outcome, INTERRUPTED)
        self.check("job.kill(0)", "true")
        self.run_cell("job.kill()")

    def test_interrupts_at_any_moment(self):
        for moment in range(60):
            execution_id = self.worker.send(f"for (let i = 0; i < {moment % 7}e5; i++); await 1")
            self.worker.interrupt()
            self.assertIn(self.worker.until_done(execution_id).outcome, (OK, INTERRUPTED))
            self.check("'on'", "'on'")

    def test_interrupt_between_cells_is_forgotten(self):
        self.check("1", "1")
        self.worker.interrupt()
        self.check("'on'", "'on'")

    # Attacks.

    def test_no_program_has_the_channel(self):
        self.check("require('child_process').execSync('ls /proc/self/fd').toString()", "'0\\n1\\n2\\n3\\n'")
        self.check("require('child_process').execSync('readlink /proc/self/fd/3 || echo none').toString()", "'none\\n'")

    def test_what_a_cell_makes_up(self):
        for line in ("not JSON", "[]", "5", '{\\"number\\": \\"x\\"}', "[".ljust(100_000, "["), '{\\"number\\": 99999999}',
                     '{\\"number\\": ' + "9" * 10_000 + "}", "\\xff\\xfe\\0"):
            with self.subTest(line[:20]):
                self.check(f'require("fs").writeSync(3, Buffer.from("\\n{line}\\n", "latin1")); "real"', "'real'")

    def test_answers_of_a_cells_own(self):
        # It tells of the running cell what it likes, and of whatever type.
        for answer in ("error: 5", "error: {}", "error: { name: 5, value: [], traceback: {} }", "error: { name: '\\0' }",
                       "error: { name: '\\ud800', value: '\\ud800' }", "bundle: 5", "bundle: { '': '' }", "bundle: { 'text/plain': [[]] }",
                       "bundle: { 'x'.repeat: 1 }", "interrupted: 5", "bundle: Object.fromEntries(Array(1000).fill(0).map((_, i) => [`a/${i}`, 'x']))"):
            with self.subTest(answer):
                code = ("{ const number = Number(/cell-(\\d+)/.exec(new Error().stack)[1]);"
                        f" require('fs').writeSync(3, `\\n${{JSON.stringify({{ number, {answer} }})}}\\n`) }}")
                self.worker.run(code)
                self.err()
                self.check("'on'", "'on'")

    def test_a_line_that_does_not_end(self):
        write = ("{ const b = Buffer.alloc(1 << 16, 'x'); for (let left = %d; left > 0;) {"
                 " try { left -= require('fs').writeSync(3, b, 0, Math.min(left, b.length)) }"
                 " catch (e) { if (e.code !== 'EAGAIN') throw e } } } 'real'")
        self.check(write % 10, "'real'")
        self.check(write % 20_000_000, "'real'")

    def test_globals_that_are_gone(self):
        self.check("{ const { stringify } = JSON; JSON.stringify = () => { throw 1 }; globalThis.back = () => { JSON.stringify = stringify } }"
                   " 'on'", "'on'")
        self.check("back()")
        self.check("globalThis.saved = [require, __warren_import]; delete globalThis.require; delete globalThis.__warren_import; 1", "1")
        self.check("[globalThis.require, globalThis.__warren_import] = saved; typeof require", "'function'")


class EndTest(unittest.TestCase):
    def setUp(self):
        self.worker = self.enterContext(Worker())

    def end_of(self, code, **options):
        self.worker.send(code, **options)
        with self.assertRaises(EOFError):
            while True:
                self.worker.event()
        return self.worker.process.wait()

    def test_exit_ends_the_context(self):
        for code, status in (("process.exit(5)", 5), ("process.on('exit', () => console.log('bye')); await 1; process.exit()", 0),
                             ("process.kill(process.pid, 'SIGKILL')", -signal.SIGKILL)):
            with self.subTest(code), Worker() as self.worker:
                self.worker.configure(language="javascript")
                self.assertEqual(self.end_of(code), status)

    def test_end_between_cells_is_told_of_the_next(self):
        for options in ({}, {"input_files": {"a": "x"}}):
            with self.subTest(options), Worker() as self.worker:
                self.worker.configure(language="javascript")
                pid = int(self.worker.run("process.pid").result)
                os.kill(pid, signal.SIGKILL)
                self.assertTrue(eventually(lambda: state_of(pid) == "Z"))
                self.assertEqual(self.end_of("1", **options), -signal.SIGKILL)

    def test_channel_that_is_taken_away(self):
        self.worker.configure(language="javascript")
        self.worker.send("require('fs').closeSync(3); console.log('ready'); while (true) {}")
        self.assertTrue(eventually(lambda: self.worker.raw_output("stdout") == "ready\n"))
        self.worker.interrupt()
        self.assertEqual(self.worker.process.wait(), -signal.SIGKILL)

    def test_node_ends_with_the_context(self):
        self.worker.configure(language="javascript")
        pid = int(self.worker.run("process.pid").result)
        self.worker.contexts[0].close()
        self.worker.contexts[0].close = lambda: None
        self.assertTrue(eventually(lambda: not os.path.exists(f"/proc/{pid}")))

    def test_environment_and_directory(self):
        self.assertEqual(self.worker.configure("javascript", "/usr/bin", {"FOO": "ba\nr"}), ("", 0))
        cell = self.worker.run("[process.cwd(), process.env.FOO]")
        self.assertEqual((cell.result, cell.count), ("[ '/usr/bin', 'ba\\nr' ]", 1))

    def test_no_node(self):
        self.assertEqual(self.worker.configure("javascript", "", {"PATH": "/nowhere"}), ("language", 0))

    def test_node_that_does_not_start(self):
        self.assertEqual(self.worker.configure("javascript", "", {"NODE_OPTIONS": "--no-such-option"})[0], "language")
        self.worker.raw_output("stderr")


class ImportsTest(unittest.TestCase):
    def replaced(self, source):
        script = ("const { replaceImports } = require(process.argv[1]); "
                  "process.stdout.write(replaceImports(require('fs').readFileSync(0, 'utf8'), 'F'))")
        command = ["node", "-e", script, os.path.join(LANGUAGES, "javascript_imports.js")]
        return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout

    def test_statements(self):
        for source, result in (
            ("import 'a'", "await F('a')"),
            ("import a from 'a';", "const { default: a } = await F('a');"),
            ("import * as a from \"a\"", "const a = await F(\"a\")"),
            ("import {a, b as c,} from 'a'; import d from 'd'", "const { a, b: c } = await F('a'); const { default: d } = await F('d')"),
            ("import a, {b} from 'a'", "const { default: a, b } = await F('a')"),
            ("import a, * as b from 'a'", "const b = await F('a'), { default: a } = b"),
            ("import{a}from'a'", "const { a } = await F('a')"),
            ("import {\n  a, // one\n  b\n} from 'a'\nb", "const { a, b } = await F('a')\n\n\n\nb"),
            ("import a from './a.json' with { type: 'json' }", "const { default: a } = await F('./a.json', { with: { type: 'json' } })"),
            ("x = 1\nimport from_ from 'a'", "x = 1\nconst { default: from_ } = await F('a')"),
        ):
            with self.subTest(source):
                self.assertEqual(self.replaced(source), result)

    def test_calls(self):
        self.assertEqual(self.replaced("import('a'); f(await import ( 'b'), `${import('c')} import('d')`)"),
                         "F('a'); f(await F ( 'b'), `${F('c')} import('d')`)")

    def test_what_is_left_alone(self):
        for source in ("'import(1)'", "// import('a')\n/* import a from 'a' */", "`import a from 'a'`", "/import('a')/.test(x)",
                       "x.import('a')", "f(/[/]import(1)/)", "a = `\\`import(1)`", "({ important: 1 })", "import", "import.meta.url",
                       "`${`import(1)`}` + `import(2)`", "{ import a from 'a' }", "x = 'it\\'s import(1)'"):
            with self.subTest(source):
                self.assertEqual(self.replaced(source), source)

    def test_a_slash_that_divides(self):
        self.assertEqual(self.replaced("a / import('b') / c; (1) / import('d')"), "a / F('b') / c; (1) / F('d')")


if __name__ == "__main__":
    unittest.main()
