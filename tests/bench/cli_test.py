import contextlib
import io
import json
import os
import tempfile
import unittest

from results import results, row

from harness import cli


class ParseTest(unittest.TestCase):
    def test_one_repetition_where_nothing_is_said(self):
        self.assertEqual(cli.parse([]).repeat, 1)
        self.assertEqual(cli.parse(["--repeat", "3"]).repeat, 3)

    def test_refuses_no_repetition(self):
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            cli.parse(["--repeat", "0"])


class FormatTest(unittest.TestCase):
    def test_refuses_results_of_another_version(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "old.json")
            with open(path, "w") as file:
                json.dump(results(row()) | {"format": 1}, file)
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                self.assertEqual(cli.main(["--render", path, "--out", folder]), 1)
            self.assertIn("another version", said.getvalue())
