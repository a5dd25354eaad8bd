"""docs/HOST_SETUP.md and its unit name flags that there are, defaults that hold, and say of the unit what it is."""

import os
import re
import subprocess
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PREFIX = os.environ["WARREN_TEST_PREFIX"]


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def flags(*command):
    """Those of a program, from what its --help says."""
    told = subprocess.run([f"{PREFIX}/bin/{command[0]}", *command[1:], "--help"], check=True, capture_output=True, text=True)
    return told.stdout, set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", told.stdout, re.MULTILINE))


class HostSetup(unittest.TestCase):
    def setUp(self):
        self.page = read("docs", "HOST_SETUP.md")
        self.unit = read("docs", "examples", "warrend.service")

    def test_the_unit_is_what_the_page_shows(self):
        shown = re.search(r"```ini\n(.*?)```", self.page, re.DOTALL)[1]
        self.assertIn(shown, self.unit)

    def test_flags_of_the_server_are_there(self):
        _, known = flags("warrend")
        (line,) = re.findall(r"^ExecStart=(.*)$", self.unit, re.MULTILINE)
        named = set(re.findall(r"--[\w-]+", line)) | set(re.findall(r"^\| `(--[\w-]+)", self.page, re.MULTILINE))
        self.assertGreater(len(named), 5)
        self.assertEqual(named - known, set())

    def test_flags_of_the_doctor_are_there(self):
        _, known = flags("warren", "doctor")
        lines = re.findall(r"^warren doctor ([^#\n]*)|`warren doctor ([^`]*)`", self.page, re.MULTILINE)
        named = set(re.findall(r"--[\w-]+", " ".join(a + b for a, b in lines)))
        self.assertGreaterEqual(len(named), 3)
        self.assertEqual(named - known, set())

    def test_defaults_are_those_of_the_server(self):
        told, _ = flags("warrend")
        for flag, default in re.findall(r"^\| `(--[\w-]+)[^|]*` \| `?([\w-]+)`?(?: MiB)? \|", self.page, re.MULTILINE):
            with self.subTest(flag):
                self.assertRegex(told, rf"(?m)^  {flag} .*={default} ")

    def test_every_link_leads_somewhere(self):
        pages = ["README.md", *(os.path.join("docs", name) for name in os.listdir(os.path.join(ROOT, "docs"))),
                 *(os.path.join("docs", "guide", name) for name in os.listdir(os.path.join(ROOT, "docs", "guide")))]
        for page in pages:
            if not page.endswith(".md"):
                continue
            for target in re.findall(r"\]\(([^)#:]+)\)", read(page)):
                with self.subTest(page=page, target=target):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, os.path.dirname(page), target)))


if __name__ == "__main__":
    unittest.main()
