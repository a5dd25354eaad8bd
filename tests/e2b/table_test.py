"""The page of docs/E2B_COMPATIBILITY.md, made and read back."""

import json
import os
import re
import unittest

import table
from table import COLUMNS, Table

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "../../docs/E2B_COMPATIBILITY.md")


def result(capability, case, outcome="passed", reason=""):
    return {"capability": capability, "case": case, "outcome": outcome, "reason": reason, "ms": 1}


RUN = [result("files", "read"), result("files", "write", "failed", "nothing came"),
       result("forks", "two", "not_applicable", "501: no\n fork of sb0123456789ab | sorry"),
       result("files", "gzip", "not_applicable", "501: no")]


class Page(unittest.TestCase):
    def rendered(self, *runs):
        made = Table()
        for column, results in runs:
            made.replace(column, results)
        return made.render()

    def test_it_is_read_back_as_it_was(self):
        text = self.rendered((COLUMNS[0], RUN), (COLUMNS[2], RUN[:2]))
        self.assertEqual(Table(text).render(), text)
        self.assertEqual(Table(Table(text).render()).cells, Table(text).cells)

    def test_a_column_is_replaced_alone(self):
        text = self.rendered((COLUMNS[0], RUN), (COLUMNS[1], RUN))
        again = Table(text)
        again.replace(COLUMNS[0], RUN)
        self.assertEqual(again.render(), text)
        again.replace(COLUMNS[0], [result("files", "read", "failed")])
        other = again.render()
        self.assertIn("| read | FAILS | passes | – |", other)
        self.assertIn("| gzip | – | not served | – |", other)
        again.replace(COLUMNS[1], [])
        self.assertNotIn("gzip", again.render())

    def test_what_it_counts(self):
        text = self.rendered((COLUMNS[0], RUN))
        self.assertIn("| files | 1/2, 1 not served | – | – |", text)
        self.assertIn("| forks | not served | – | – |", text)
        self.assertIn("| **all** | 1/2, 2 not served | – | – |", text)

    def test_why_something_is_not_served(self):
        text = self.rendered((COLUMNS[0], RUN), (COLUMNS[1], RUN))
        self.assertIn(f"| forks | two | {COLUMNS[0]}, {COLUMNS[1]} | 501: no fork of ID / sorry |", text)

    def test_what_it_does_not_know(self):
        for results in ([result("telepathy", "one")], [result("files", "one"), result("files", "one")]):
            with self.assertRaises(ValueError):
                Table().replace(COLUMNS[0], results)
        with self.assertRaises(ValueError):
            Table().replace("e2b 1.0", [])

    def test_the_page_is_one_of_its_own(self):
        with open(PAGE, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(Table(text).render(), text)
        self.assertNotIn("FAILS", text)


class Sources(unittest.TestCase):
    def test_the_columns_are_the_packages(self):
        for folder, column in (("e2b-2.51.0", COLUMNS[0]), ("e2b-2.45.0", COLUMNS[1])):
            with open(os.path.join(HERE, "sdk", folder, "package-lock.json"), encoding="utf-8") as file:
                packages = json.load(file)["packages"]
            self.assertEqual(column, f"e2b {packages['node_modules/e2b']['version']}")
            said = re.search(r"`@e2b/code-interpreter` ([\d.]+) ", table.HEAD[table.HEAD.index(f"| {column} |"):])[1]
            self.assertEqual(packages["node_modules/@e2b/code-interpreter"]["version"], said)
            ours = [name for name in packages if name.endswith("node_modules/e2b")]
            self.assertEqual(ours, ["node_modules/e2b"], "one e2b for both")
            # Else they come from wherever the lock was made.
            self.assertFalse([name for name, package in packages.items() if "resolved" in package])

    def test_every_capability_of_a_case_is_in_the_page(self):
        found = set()
        for name in os.listdir(os.path.join(HERE, "suite")):
            with open(os.path.join(HERE, "suite", name), encoding="utf-8") as file:
                found |= set(re.findall(r"= group\('([^']*)'\)", file.read()))
        self.assertEqual(found, set(table.CAPABILITIES))


if __name__ == "__main__":
    unittest.main()
