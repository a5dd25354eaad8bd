"""tools/lint layers: a folder that includes what it may not is found, whatever else is clean."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class LayersLintTest(unittest.TestCase):
    """A tree of its own, with the repository's lint and its table of layers."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="warren-layers-")
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        (self.root / "tools").mkdir()
        for name in ("lint", "common.sh", "layers.txt"):
            shutil.copy(ROOT / "tools" / name, self.root / "tools" / name)
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        self.write("supervisor/backend/backend.h", '#include "warren/v1/sandbox.pb.h"\n')
        self.write("supervisor/session/sandbox.cc", '#include "warren/internal/launcher.pb.h"\n')

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def lint(self):
        run = subprocess.run(["tools/lint", "layers"], cwd=self.root, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    def assert_denied(self, path, text, what):
        self.write(path, text)
        code, out = self.lint()
        self.assertEqual(code, 1, out)
        self.assertIn(what, out)
        self.assertIn("lint layers: FAILED", out)

    def test_what_the_table_allows_is_clean(self):
        self.write(
            "supervisor/api/a.cc",
            '#include "supervisor/api/b.h"\n#include "supervisor/backend/backend.h"\n#include "grpcpp/grpcpp.h"\n'
            '#include "warren/v1/sandbox.grpc.pb.h"\n#include <vector>\n#include "absl/time/time.h"\n',
        )
        self.assertEqual(self.lint(), (0, "lint layers: clean\n"))

    def test_a_door_sees_nothing_behind_the_backend(self):
        for path in ("supervisor/session/sandbox.h", "supervisor/pool/pool.h", "supervisor/local/local_backend.h",
                     "supervisor/main/flags.h", "warren/internal/launcher.pb.h"):
            self.assert_denied("supervisor/api/a.cc", f'#include "{path}"\n',
                               f"supervisor/api/a.cc:1: supervisor/api may not include {path}")

    def test_a_path_from_where_the_file_is_hides_nothing(self):
        for path in ("../session/sandbox.h", "./../session/sandbox.h"):
            self.assert_denied("supervisor/api/a.cc", f'#include "{path}"\n', f"supervisor/api may not include {path}")

    def test_grpc_is_for_the_doors_and_the_remote_backend(self):
        for include in ('<grpcpp/grpcpp.h>', '"grpc/grpc.h"', '"warren/v1/sandbox.grpc.pb.h"'):
            self.assert_denied("supervisor/backend/a.h", f"#include {include}\n", "supervisor/backend may not include")

    def test_an_interface_knows_nothing_of_its_implementations(self):
        self.assert_denied("supervisor/backend/a.h", '\n#  include "supervisor/local/local_backend.h"\n',
                           "supervisor/backend/a.h:2: supervisor/backend may not include")

    def test_what_runs_after_a_fork_links_nothing(self):
        self.assert_denied("runtime/launch/child/a.cc", '#include "runtime/base/status.h"\n',
                           "runtime/launch/child may not include runtime/base/status.h")

    def test_a_folder_without_a_line_fails(self):
        self.assert_denied("supervisor/unheard_of/a.cc", "\n", "tools/layers.txt has no line for supervisor/unheard_of")


if __name__ == "__main__":
    unittest.main()
