"""The Python client's wheel, as Debian 12 has built it, in a Debian 13 with that one's Python, gRPC and protobuf: against a
real warrend, and its own tests. As root."""

import json
import os
import re
import subprocess
import sys
import unittest

from python_client import CLIENT, HERE, eventually, patience
from debian_root import DebianRoot
from warren_server import ServerTest

TESTS = os.path.dirname(HERE)
FOLDERS = {"client": CLIENT, "clients": HERE, "tools": os.path.join(TESTS, "tools"), "support": os.path.join(TESTS, "support")}
ENVIRONMENT = {"WARREN_PYTHON_CLIENT": "/mnt/client", "WARREN_PACE": str(patience(1)), "PYTHONPATH": "/mnt/client/lib:/mnt/clients",
               "PYTHONDONTWRITEBYTECODE": "1"}


class Debian13(ServerTest):
    flags = ("--default-template", "base", "--max-sandboxes", "20")

    @classmethod
    def setUpClass(cls):
        cls.root = DebianRoot("trixie")
        super().setUpClass()

    def run_python(self, *arguments, **environment):
        folders = {**FOLDERS, "run": os.path.dirname(self.server.socket)}
        return self.root.run(["python3", *arguments], folders, {**ENVIRONMENT, **environment})

    def test_against_a_real_server(self):
        code, said = self.run_python("/mnt/clients/against_server.py",
                                     WARREN_ADDRESS=f"unix:///mnt/run/{os.path.basename(self.server.socket)}")
        self.assertEqual(code, 0, said)
        versions = json.loads(said.splitlines()[-1])
        print("Debian 13:", versions, file=sys.stderr)
        self.assertRegex(versions["python"], r"^3\.13\.")
        self.assertEqual(self.server.sandboxes(), [])

    def test_its_own_tests(self):
        for module in "python_values_test", "python_calls_test":
            code, said = self.run_python("-m", "unittest", module)
            self.assertEqual(code, 0, said[-4000:])
            self.assertGreater(int(re.search(r"^Ran (\d+) tests", said, re.MULTILINE)[1]), 40)

    def test_its_messages_are_made_for_no_newer_protobuf(self):
        """From protoc 26 on they say for which they were made, and refuse an older one."""
        folder = os.path.join(CLIENT, "lib", "warren", "v1")
        made = [name for name in os.listdir(folder) if name.endswith("_pb2.py")]
        self.assertTrue(made)
        for name in made:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                self.assertNotIn("ValidateProtobufRuntimeVersion", file.read(), name)
        code, said = self.run_python("-c", "import google.protobuf; print(google.protobuf.__version__)")
        self.assertEqual(code, 0, said)
        required = subprocess.run([sys.executable, "-c", "from importlib.metadata import requires; print(requires('warren-client'))"],
                                  capture_output=True, text=True, env={"PYTHONPATH": os.path.join(CLIENT, "lib")}).stdout
        oldest, newest = re.search(r"protobuf.*?<(\d+),>=([\d.]+)", required).group(2, 1)
        numbers = tuple(map(int, said.strip().split(".")))
        self.assertLessEqual(tuple(map(int, oldest.split("."))), numbers)
        self.assertLess(numbers[0], int(newest))

    def test_nothing_is_left_of_one_that_is_killed(self):
        path = str(self.root.path)
        child = subprocess.Popen(
            [sys.executable, "-B", "-c", "import sys, debian_root, python_debian13_test as test\n"
             "debian_root.DebianRoot('trixie').run(['python3', '-c', 'import time; time.sleep(1e6)'], test.FOLDERS, {})"],
            cwd=HERE, stdin=subprocess.DEVNULL)
        try:
            self.assertTrue(eventually(lambda: programs_in(path)))
        finally:
            child.kill()
            child.wait()
        self.assertTrue(eventually(lambda: not programs_in(path)), programs_in(path))
        with open("/proc/self/mounts") as mounts:
            self.assertNotIn(path, mounts.read())
        self.assertEqual(os.listdir(self.root.path / "mnt"), [])


def programs_in(path):
    """The processes whose root directory is this one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/root") == path:
                found.append(int(pid))
        except OSError:
            pass  # It has ended, or is none of ours.
    return found


if __name__ == "__main__":
    unittest.main()
