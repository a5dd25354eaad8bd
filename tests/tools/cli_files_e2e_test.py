"""`warren cp`, `ls` and `files` against a real warrend."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from warren_server import PREFIX, ServerTest, patience


class Files(ServerTest):
    flags = ("--default-template", "base")

    def setUp(self):
        self.sandbox = self.server.run("create").stdout.strip()
        self.folder = tempfile.TemporaryDirectory()
        self.here = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.server.run("kill", self.sandbox)
        self.folder.cleanup()

    def warren(self, *arguments, code=0, **options):
        done = self.server.run(*arguments, **options)
        self.assertEqual(done.returncode, code, done.stdout[-500:] + done.stderr[-1500:])
        return done

    def inside(self, code):
        return self.warren("exec", "--sandbox", self.sandbox, "-c", code).stdout

    def test_a_file_in_and_out(self):
        data = os.urandom(5_000_001)
        (self.here / "a b").write_bytes(data)
        (self.here / "a b").chmod(0o750)
        told = json.loads(self.warren("cp", "--json", str(self.here / "a b"), f"{self.sandbox}:").stdout)
        self.assertEqual((told["size_bytes"], told["sha256"]), (len(data), hashlib.sha256(data).hexdigest()))
        self.assertEqual(self.inside("import os; print(oct(os.stat('/home/user/a b').st_mode))"), "0o100750\n")
        self.warren("cp", f"{self.sandbox}:a b", str(self.here / "back"))
        self.assertEqual((self.here / "back").read_bytes(), data)
        self.assertEqual(sorted(os.listdir(self.here)), ["a b", "back"])

    def test_standard_streams(self):
        self.warren("cp", "-", f"{self.sandbox}:/tmp/x/y", input="hello")
        self.assertEqual(self.warren("cp", f"{self.sandbox}:/tmp/x/y", "-").stdout, "hello")
        self.warren("cp", "-", f"{self.sandbox}:/tmp/x/", code=125, input="hello")

    def test_directories(self):
        tree = self.here / "tree"
        (tree / "sub" / "empty").mkdir(parents=True)
        (tree / "sub" / "one").write_text("1")
        (tree / "two").write_text("2")
        self.warren("cp", str(tree), f"{self.sandbox}:/tmp/")
        self.warren("cp", str(tree), f"{self.sandbox}:/tmp/other")
        listed = self.warren("ls", "-R", f"{self.sandbox}:/tmp/tree").stdout.splitlines()
        self.assertEqual(listed, ["sub/", "sub/empty/", "sub/one", "two"])
        self.warren("cp", f"{self.sandbox}:/tmp/other", str(self.here / "back"))
        self.assertEqual((self.here / "back" / "sub" / "one").read_text(), "1")
        self.assertTrue((self.here / "back" / "sub" / "empty").is_dir())
        # Once more, into what is there.
        self.warren("cp", f"{self.sandbox}:/tmp/other", str(self.here / "back"))
        self.assertEqual((self.here / "back" / "other" / "two").read_text(), "2")

    def test_links_lead_nowhere_else(self):
        victim = self.here / "victim"
        victim.write_text("mine")
        self.inside(f"""
import os
os.makedirs('/tmp/t/d'); open('/tmp/t/d/f', 'w').write('x')
os.symlink('d/f', '/tmp/t/good'); os.symlink('{victim}', '/tmp/t/bad'); os.symlink('../../../x', '/tmp/t/d/up')
os.mkfifo('/tmp/t/fifo')""")
        done = self.warren("cp", f"{self.sandbox}:/tmp/t", str(self.here), code=1)
        self.assertEqual(done.stderr.count("left out"), 3, done.stderr)
        self.assertEqual((self.here / "t" / "good").read_text(), "x")
        self.assertFalse(os.path.lexists(self.here / "t" / "bad"))
        self.assertEqual(victim.read_text(), "mine")
        # A link that is there already is not written through.
        os.remove(self.here / "t" / "d" / "f")
        os.symlink(victim, self.here / "t" / "d" / "f")
        self.warren("cp", f"{self.sandbox}:/tmp/t/d", str(self.here / "t"), code=1)
        self.assertEqual((self.here / "t" / "d" / "f").read_text(), "x")
        self.assertEqual(victim.read_text(), "mine")

    def test_what_fails_leaves_nothing(self):
        self.warren("cp", f"{self.sandbox}:/no/such", str(self.here / "x"), code=125)
        self.warren("cp", str(self.here / "none"), f"{self.sandbox}:", code=125)
        self.warren("cp", f"{self.sandbox}:/tmp", "/dev/null", code=125)
        self.assertEqual(os.listdir(self.here), [])

    def test_what_may_not_be_read_is_told(self):
        self.inside("import os\nos.makedirs('d/sub'); open('d/sub/f', 'w').write('x')\n"
                    f"os.makedirs('{'deep/' * 65}')")
        self.warren("run", "--sandbox", self.sandbox, "--user", "root", "--", "sh", "-c",
                    "cd /home/user; mkdir -p -m 0700 d/secret; touch d/secret/f; chmod 0700 $0; chown root $0", "deep/" * 65)
        done = self.warren("cp", f"{self.sandbox}:d", str(self.here), code=1)
        self.assertEqual(done.stderr.splitlines(),
                         ["warren: left out /home/user/d/secret: a directory that its user may not read"])
        self.assertEqual((self.here / "d" / "sub" / "f").read_text(), "x")
        self.assertFalse((self.here / "d" / "secret").exists())
        done = self.warren("ls", "-R", f"{self.sandbox}:d", code=1)
        self.assertEqual(done.stdout.splitlines(), ["secret/", "sub/", "sub/f"])
        self.assertEqual(done.stderr, "warren: left out what is in /home/user/d/secret: its user may not read it\n")
        listed = [json.loads(line) for line in self.warren("ls", "-R", "--json", f"{self.sandbox}:d", code=1).stdout.splitlines()]
        self.assertEqual([entry["path"] for entry in listed if entry.get("not_listed")], ["/home/user/d/secret"])
        self.warren("ls", f"{self.sandbox}:d")
        self.warren("ls", "-R", "--user", "root", f"{self.sandbox}:d")
        # Deeper than one call lists.
        done = self.warren("ls", "-R", f"{self.sandbox}:deep", code=1)
        self.assertEqual(done.stderr.count("left out"), 1, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 64)

    def test_ls(self):
        self.inside("open(b'/tmp/n\\xff\\n\\x1b[31m', 'w').write('abc')")
        self.assertEqual(self.warren("ls", f"{self.sandbox}:/tmp").stdout.splitlines()[-1], "n\\xff\\n\\x1b[31m")
        entry = [json.loads(line) for line in self.warren("ls", "--json", f"{self.sandbox}:/tmp").stdout.splitlines()
                 if "path_base64" in line][0]
        self.assertEqual((entry["type"], entry["size_bytes"]), ("regular", 3))
        self.assertRegex(self.warren("ls", "-l", f"{self.sandbox}:/tmp").stdout, r"-rw-\S+ +user +user +3 .*n\\xff")
        self.assertIn("/etc/passwd", self.warren("ls", f"{self.sandbox}:/etc/passwd").stdout)
        self.warren("ls", f"{self.sandbox}:/no/such", code=125)

    def test_files_group(self):
        self.warren("files", "mkdir", self.sandbox, "/tmp/a/b", "--mode", "0700")
        self.assertIn("drwx------", self.warren("files", "stat", self.sandbox, "/tmp/a/b").stdout)
        self.warren("files", "mv", self.sandbox, "/tmp/a/b", "/tmp/a/c")
        self.warren("files", "rm", self.sandbox, "/tmp/a", code=125)
        self.warren("files", "rm", "-r", self.sandbox, "/tmp/a")
        self.warren("files", "stat", self.sandbox, "/tmp/a", code=125)

    def test_an_interrupted_copy_leaves_nothing(self):
        self.inside("import os; os.truncate(os.open('/tmp/big', os.O_CREAT | os.O_RDWR), 200 << 20)")
        process = subprocess.Popen([f"{PREFIX}/bin/warren", "cp", f"{self.sandbox}:/tmp/big", str(self.here / "x")],
                                   env=self.server.environment, stderr=subprocess.PIPE)
        process.send_signal(2)
        process.communicate(timeout=patience())
        if process.returncode != 0:
            self.assertEqual(os.listdir(self.here), [])


if __name__ == "__main__":
    unittest.main()
