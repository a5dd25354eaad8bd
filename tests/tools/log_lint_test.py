"""tools/lint log: a line of another dialect, or with a text that is not escaped, is found."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class LogLintTest(unittest.TestCase):
    """A tree of its own, with the repository's lint."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="warren-log-")
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        (self.root / "tools").mkdir()
        (self.root / "supervisor").mkdir()
        for name in ("lint", "log_lint", "common.sh"):
            shutil.copy(ROOT / "tools" / name, self.root / "tools" / name)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)

    def lint(self, call):
        (self.root / "supervisor/a.cc").write_text(f"void F() {{\n  {call};\n}}\n")
        run = subprocess.run(["tools/lint", "log"], cwd=self.root, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    def assert_clean(self, call):
        self.assertEqual(self.lint(call), (0, "lint log: clean\n"))

    def assert_found(self, call, what):
        code, out = self.lint(call)
        self.assertEqual(code, 1, out)
        self.assertIn("supervisor/a.cc:2: ", out)
        self.assertIn(what, out)
        self.assertIn("lint log: FAILED", out)

    def test_the_dialect_is_clean(self):
        self.assert_clean('spdlog::info("event=stopped")')
        self.assert_clean('spdlog::info("event=pace pace={:.1f}", Pace(1, 2))')
        self.assert_clean('spdlog::warn("event=failed id={} error=\\"{}\\" "\n      "remedy=\\"raise it, ulimit\\"",\n'
                          '      id(), absl::CEscape(status.message()))')

    def test_a_sentence_is_found(self):
        self.assert_found('spdlog::info("serving at {}", address)', "not of the form")
        self.assert_found('spdlog::info("event=serving at {}", address)', "not of the form")
        self.assert_found('spdlog::info("event=serving said={} {}", a, b)', "not of the form")

    def test_a_text_that_is_not_escaped_is_found(self):
        self.assert_found('spdlog::error("event=failed error=\\"{}\\"", std::string(status.message()))',
                          "quoted and escaped go together")
        self.assert_found('spdlog::error("event=failed id={} error=\\"{}\\"", absl::CEscape(id), why)',
                          "quoted and escaped go together")

    def test_an_escaped_text_without_quotes_is_found(self):
        self.assert_found('spdlog::error("event=failed error={}", absl::CEscape(why))', "quoted and escaped go together")

    def test_a_line_that_is_put_together_is_found(self):
        self.assert_found('spdlog::error(absl::StrCat("event=failed ", why))', "not one literal")
        self.assert_found("spdlog::error(status.message())", "not one literal")


if __name__ == "__main__":
    unittest.main()
