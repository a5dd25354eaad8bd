"""The completion scripts in the shells that they are for; zsh and fish only where they are installed."""

import os
import shutil
import subprocess
import tempfile
import unittest

PREFIX = os.environ.get("WARREN_TEST_PREFIX", "")
WARREN = f"{PREFIX}/bin/warren"


def script(shell):
    return subprocess.run([WARREN, "completion", shell], capture_output=True, text=True, check=True).stdout


def bash_complete(*words):
    """What bash would offer for the last of `words`."""
    driver = script("bash") + f"""
COMP_WORDS=("{WARREN}" "${{@}}")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ :; }}
_warren
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", driver, "bash", *words], capture_output=True, text=True,
                          env=dict(os.environ, WARREN_ADDRESS="unix:///nowhere/warren.sock"))
    assert not done.stderr, done.stderr
    return set(done.stdout.split())


class Bash(unittest.TestCase):
    def test_commands(self):
        self.assertLessEqual({"exec", "run", "cp", "context"}, bash_complete(""))
        self.assertEqual(bash_complete("con"), {"config", "context", "connect"})
        self.assertEqual(bash_complete("context", "cr"), {"create"})
        self.assertEqual(bash_complete("packages", "pr"), {"prefetch", "prune"})
        self.assertNotIn("__sandboxes", bash_complete(""))

    def test_options(self):
        self.assertEqual(bash_complete("create", "--lifetime-f"), {"--lifetime-from"})
        self.assertIn("--language", bash_complete("context", "create", "--"))
        self.assertNotIn("--language", bash_complete("context", "list", "--"))

    def test_choices(self):
        self.assertEqual(bash_complete("create", "--on-expiry", ""), {"kill", "pause"})
        self.assertEqual(bash_complete("create", "--on-expiry", "="), {"kill", "pause"})
        self.assertEqual(bash_complete("create", "--on-expiry", "=", "p"), {"pause"})
        self.assertEqual(bash_complete("signal", "sb1", "p1", "TE"), {"TERM"})
        self.assertEqual(bash_complete("signal", "--address", "a", "sb1", "p1", "TE"), {"TERM"})

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "script.py")
            with open(path, "w"):
                pass
            self.assertEqual(bash_complete("exec", folder + "/s"), {path})
            self.assertEqual(bash_complete("run", "--", folder + "/s"), {path})
            self.assertEqual(bash_complete("install", "sb1", "-r", folder + "/s"), {path})

    def test_no_server_is_silence(self):
        self.assertEqual(bash_complete("pause", ""), set())


class Syntax(unittest.TestCase):
    def check(self, *command, shell):
        done = subprocess.run(command, input=script(shell), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_bash(self):
        self.check("bash", "-n", shell="bash")

    def test_zsh(self):
        if shutil.which("zsh") is None:
            return
        self.check("zsh", "-n", "/dev/stdin", shell="zsh")

    def test_fish(self):
        if shutil.which("fish") is None:
            return
        self.check("fish", "--no-execute", "/dev/stdin", shell="fish")


if __name__ == "__main__":
    unittest.main()
