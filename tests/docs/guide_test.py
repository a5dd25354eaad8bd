"""The pages of docs/guide, run as they stand against a real warrend: each transcript of a shell and each Python example says
what came. A page is one shell, one Python, and a directory of its own. Needs root and the data-science template."""

import contextlib
import glob
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../clients"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))

from python_client import ROOT, patience  # noqa: E402
from pages import blocks, matches, printed_lines, run_python, transcript  # noqa: E402
from warren_server import PREFIX, ServerTest  # noqa: E402
from wheels import example_index  # noqa: E402
from warren_terminal import Terminal  # noqa: E402

GUIDE = os.path.join(ROOT, "docs", "guide")
# What is typed into a shell of a sandbox.
PROMPT = re.compile(r"^(user@sandbox:[^$\n]*\$ )(.*)$", re.MULTILINE)


class Shell:
    """A bash for the commands of a page. Lifecycle: Shell(...) -> run()... -> close()."""

    def __init__(self, environment, directory):
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment, cwd=directory)

    def run(self, command):
        """The exit code of a command and all that it printed. `$?` is that of the command before."""
        mark = uuid.uuid4().hex
        self.process.stdin.write(f"(exit $__code); {{ {command}\n}} </dev/null; __code=$?; printf '\\n{mark} %d\\n' $__code\n"
                                 .encode())
        self.process.stdin.flush()
        output = b""
        while not (end := re.search(rb"\n%s (\d+)\n$" % mark.encode(), output)):
            if not select.select([self.process.stdout], [], [], patience())[0]:
                raise AssertionError(f"{command!r} does not end; it printed {output!r}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise AssertionError(f"the shell ended in {command!r}: {output!r}")
            output += piece
        return int(end[1]), output[: end.start()].decode()

    def close(self):
        self.process.communicate(timeout=patience())


class Guide(ServerTest):
    @classmethod
    def setUpClass(cls):
        index = example_index()
        cls.flags = ("--default-template", "data-science", "--max-sandboxes", "100", *cls.enterClassContext(index))
        super().setUpClass()

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="warren-guide-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.environment = self.server.environment | {"PATH": f"{PREFIX}/bin:{os.environ['PATH']}", "TERM": "dumb"}

    def tearDown(self):
        left = self.server.sandboxes()
        self.server.run("kill", "--all")
        self.assertEqual(left, [], "the page leaves sandboxes behind")

    def run_console(self, shell, block):
        steps = transcript(block)
        for (line, command, shown), following in zip(steps, steps[1:] + [None]):
            if PROMPT.search(shown):
                code, output = self.run_terminal(shell, command, shown)
            else:
                code, output = shell.run(command)
            where = f"{block.path}:{line}: `{command}` ended with {code} and printed\n{output}"
            self.assertTrue(matches(shown, output), f"{where}\nwhere the page shows\n{shown}")
            # Of what fails the page shows the exit code.
            self.assertTrue(code == 0 or (following and "$?" in following[1]), where)

    def run_terminal(self, shell, command, shown):
        """A command that takes a terminal, into which is typed what stands behind each prompt."""
        arguments = shell.run(f"printf '%s\\0' {command}")[1].split("\0")[1:-1]
        terminal = Terminal(self.server, *arguments)
        seen = ""
        for prompt, typed in PROMPT.findall(shown):
            seen += prompt
            terminal.wait_for(prompt.encode(), seen.count(prompt))
            terminal.type(typed.encode() + b"\r")
        return terminal.end()[0], terminal.shown.decode().replace("\r\n", "\n")

    def run_page(self, name):
        names = {"__name__": "example"}
        ran = 0
        with contextlib.ExitStack() as stack:
            stack.enter_context(unittest.mock.patch.dict(os.environ, self.environment))
            before = os.getcwd()
            stack.callback(os.chdir, before)
            os.chdir(self.directory)
            shell = Shell(self.environment, self.directory)
            stack.callback(shell.close)
            for block in blocks(os.path.join(GUIDE, name)):
                self.assertIn(block.language, ("console", "python"), f"{name}:{block.line}: such a block is not run")
                if block.language == "console":
                    self.run_console(shell, block)
                else:
                    self.assertTrue(printed_lines(block.text), f"{name}:{block.line}: the example does not say what comes")
                    run_python(block, names)
                ran += 1
        self.assertGreater(ran, 0)

    def test_cells(self):
        self.run_page("cells.md")

    def test_sessions(self):
        self.run_page("sessions.md")

    def test_files(self):
        self.run_page("files.md")

    def test_processes(self):
        self.run_page("processes.md")

    def test_network(self):
        self.run_page("network.md")

    def test_keys(self):
        self.run_page("keys.md")

    def test_packages(self):
        self.run_page("packages.md")

    def test_backends(self):
        self.run_page("backends.md")

    def test_errors(self):
        self.run_page("errors.md")

    def test_no_page_is_left_out(self):
        pages = {os.path.basename(path)[:-3] for path in glob.glob(os.path.join(GUIDE, "*.md"))}
        tested = {name[len("test_"):] for name in dir(self) if name.startswith("test_")}
        # tests/e2b runs what is written for E2B's SDKs.
        self.assertEqual(pages - {"README", "e2b"}, tested - {"no_page_is_left_out", "what_did_not_come_is_told"})
        self.assertEqual(list(blocks(os.path.join(GUIDE, "README.md"))), [], "the index is not run")

    def test_what_did_not_come_is_told(self):
        for wrong in ("```console\n$ echo a\nb\n```\n", "```console\n$ echo a\n```\n", "```console\n$ false\n```\n",
                      "```console\n$ echo a b c\na …d\n```\n", "```python\nprint(1)  # 2\n```\n", "```python\nx = 1\n```\n",
                      "```sh\nls\n```\n", "```console\nls\n```\n"):
            with self.subTest(wrong):
                page = os.path.join(self.directory, "page.md")
                with open(page, "w", encoding="utf-8") as file:
                    file.write(wrong)
                with self.assertRaises(AssertionError):
                    self.run_page(page)
        with open(page, "w", encoding="utf-8") as file:
            file.write("```console\n$ seq 9; (exit 3)\n1\n…\n9\n$ echo $?\n3\n```\n")
        self.run_page(page)


if __name__ == "__main__":
    unittest.main()
