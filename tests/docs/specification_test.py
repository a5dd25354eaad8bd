"""docs/SPECIFICATION.md names nothing that is not there: every promise names a test, a row of the benchmark, or a constant with
its number."""

import os
import re
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "tools", "benchmark"))

from harness import rows  # noqa: E402


def promises(text):
    """(line, promise, number, references) of each row of its tables; a reference is (place, name)."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line == "| promise | number | held by |":
            continue
        promise, how_much, held = (cell.strip() for cell in line.strip("|").split(" | "))
        yield number, promise, how_much, [tuple(found.split(": ", 1)) for found in re.findall(r"`([^`]*)`", held)]


def without_spaces(text):
    return re.sub(r"\s+", "", text)


def read(place):
    path = os.path.join(ROOT, place)
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def python_test(text, name):
    """Whether a module has this Class.test_method."""
    suite, _, test = name.partition(".")
    of_class = re.search(rf"^class {re.escape(suite)}\(.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    of_test = rf"^    def {re.escape(test)}\("
    return bool(of_class and test.startswith("test_") and re.search(of_test, of_class[0], re.MULTILINE))


def is_there(place, name):
    """Whether a reference leads to something."""
    if place == "tools/bench":
        return name in rows.IDS
    if found := re.fullmatch(r"(\d+) probes", name):
        folder = os.path.join(ROOT, place)
        return sum(len(re.findall(r"^@probe\(", read(os.path.join(place, file)), re.MULTILINE))
                   for file in os.listdir(folder) if file.endswith(".py")) >= int(found[1])
    text = read(place)
    if text is None:
        return False
    if os.path.basename(place) == "CMakeLists.txt":
        # A variable of a loop stands for one word.
        return any(re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", r"[\\w-]+", re.escape(test)), name)
                   for test in re.findall(r"add_test\(NAME (\S+)", text))
    if place.startswith("tests/") and place.endswith(".cc"):
        suite, _, test = name.partition(".")
        return bool(re.search(rf"^TEST(_[FP])?\(\s*{re.escape(suite)},\s*{re.escape(test)}\)", text, re.MULTILINE))
    if place.startswith("tests/"):
        return python_test(text, name)
    # A constant, as it stands there.
    return without_spaces(name) in without_spaces(text)


class Specification(unittest.TestCase):
    def setUp(self):
        self.text = read("docs/SPECIFICATION.md")

    def test_every_promise_is_held_by_something_that_is_there(self):
        count = 0
        for line, promise, number, references in promises(self.text):
            with self.subTest(line=line, promise=promise):
                self.assertTrue(number)
                self.assertTrue(references, "it names nothing that holds it")
                for reference in references:
                    self.assertEqual(len(reference), 2, reference)
                    self.assertTrue(is_there(*reference), f"there is no `{': '.join(reference)}`")
                count += 1
        self.assertGreaterEqual(count, 50)

    def test_what_is_not_there_is_found(self):
        for place, name in (
                ("tools/bench", "create"), ("tests/no_test.cc", "A.B"), ("tests/supervisor/validate_test.cc", "ValidateT.No"),
                ("tests/docs/specification_test.py", "Specification.test_no"), ("tests/docs/specification_test.py", "No.setUp"),
                ("tests/docs/specification_test.py", "Specification.setUp"), ("tests/escape/CMakeLists.txt", "escape.attack"),
                ("tests/escape/probes", "10000 probes"), ("supervisor/session/sandbox.h", "kMaxContexts = 17")):
            with self.subTest(place=place, name=name):
                self.assertFalse(is_there(place, name))


if __name__ == "__main__":
    unittest.main()
