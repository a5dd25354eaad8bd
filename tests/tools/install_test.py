"""What `cmake --install` leaves runs by itself. Needs root, and everything built in WARREN_TEST_PREFIX."""

import os
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import warren_server
from pace import patience

BUILD = os.environ.get("WARREN_TEST_PREFIX", "")
CMAKE = os.environ.get("WARREN_TEST_CMAKE", "cmake")
PROGRAMS = ("warren", "warrend", "warren-agent", "warren-init", "warren-launcher", "warren-relay", "warren-fetcher", "warren-store")


def files_below(directory):
    return {os.path.relpath(os.path.join(folder, name), directory)
            for folder, _, names in os.walk(directory) for name in names if name != ".stamp"}


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = tempfile.mkdtemp(prefix="warren-install-test-")
        os.chmod(cls.prefix, 0o755)
        done = subprocess.run([CMAKE, "--install", BUILD, "--prefix", cls.prefix], capture_output=True, text=True,
                              timeout=patience(120))
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.prefix)

    def test_has_every_program_and_what_they_read(self):
        self.assertEqual(set(os.listdir(f"{self.prefix}/bin")), set(PROGRAMS))
        self.assertEqual(files_below(f"{self.prefix}/share/warren"), files_below(f"{BUILD}/share/warren"))

    def test_programs_start(self):
        for program in ("warren", "warrend", "warren-launcher"):
            done = subprocess.run([f"{self.prefix}/bin/{program}", "--help"], capture_output=True, text=True,
                                  timeout=patience())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("--help", done.stdout)

    def test_runs_a_cell_far_from_its_build(self):
        with unittest.mock.patch.object(warren_server, "PREFIX", self.prefix):
            server = warren_server.Server("--default-template", "base", "--pool", "base=0")
            try:
                done = server.exec("-c", "print(6 * 7)")
                self.assertEqual((done.returncode, done.stdout), (0, "42\n"), done.stderr + server.log())
            finally:
                self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
