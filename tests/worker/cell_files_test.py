"""Files that a cell is asked for with: those written before its code, and those found behind it."""

import hashlib
import os
import socket
import unittest

from driver import EXCEPTION, INTERRUPTED, OK, Worker, eventually, wire


def digest(data):
    return hashlib.sha256(data).digest()


class CellFilesTest(unittest.TestCase):
    """In Python."""

    # What its cells are written in.
    make_many = "for n in range(1005): open(f'f{n:04}', 'w').close()"
    touch = "open({!r}, 'w').close()"
    change_directory = "import os; os.chdir({!r})"
    leave_deleted = "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    read = "print(open({!r}).read(), end='')"
    failing = "1/0"
    nothing = "pass"

    language = "python"

    @classmethod
    def setUpClass(cls):
        cls.worker = cls.enterClassContext(Worker())
        assert cls.worker.configure(language=cls.language) == ("", 0)

    def setUp(self):
        # A directory of the test's own, and a context that is in it.
        self.home = os.path.join(self.worker.home, self.id().rpartition(".")[2])
        os.mkdir(self.home)
        self.assertEqual(self.worker.run(self.change_directory.format(self.home)).outcome, OK)

    def out(self, cell):
        return cell.stdout

    def path(self, name):
        return os.path.join(self.home, name)

    def write(self, name, data=b"", mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def names(self, cell):
        """Paths of the output files, from the home where they are in it."""
        prefix = os.fsencode(self.home) + b"/"
        return [path.removeprefix(prefix).decode() for path in cell.files]

    def found(self, *patterns, code=None):
        cell = self.worker.run(code or self.nothing, output_files=list(patterns))
        self.assertEqual((cell.outcome, cell.incomplete), (OK, ""))
        return self.names(cell)

    def check_no_temporary(self):
        left = [name for _, _, names in os.walk(self.home) for name in names if ".warren-" in name]
        self.assertEqual(left, [])

    def check_not_written(self, files, *texts):
        before = self.worker.run(self.nothing).count
        code = self.touch.format("ran")
        cell = self.worker.run(code, input_files=files, output_files=["*"])
        self.assertEqual((cell.outcome, cell.not_run, cell.count), (EXCEPTION, True, before))
        name, value, traceback = cell.error
        self.assertEqual((name, traceback), ("InputFileError", ""))
        for text in texts:
            self.assertIn(text, value)
        self.assertEqual((cell.files, cell.incomplete), ({}, "the code did not run"))
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertEqual(self.worker.run(self.nothing).count, before + 1)
        self.check_no_temporary()

    # Input files.

    def test_code_reads_its_files(self):
        cell = self.worker.run(self.read.format("deep/er/a.txt"), input_files={"deep/er/a.txt": "content\n"})
        self.assertEqual((cell.outcome, cell.not_run, self.out(cell)), (OK, False, "content\n"))
        self.assertEqual(os.stat(self.path("deep/er/a.txt")).st_mode & 0o7777, 0o644)
        self.check_no_temporary()

    def test_bytes_and_absolute_paths_and_names_of_every_kind(self):
        absolute = self.path("abs/b")
        data = bytes(range(256)) * 1000
        files = {"empty": b"", absolute: data, "ä ö\n'$x": b"1", "./dot/../same": b"2", "last": b"1"}
        cell = self.worker.run(self.nothing, input_files=files)
        self.assertEqual((cell.outcome, cell.error), (OK, None))
        for name, data in files.items():
            self.assertEqual(self.content(name), data)

    def test_a_later_file_of_the_same_name_wins(self):
        cell = self.worker.run(self.nothing, input_files={"a": "1", "./a": "2"})
        self.assertEqual((cell.outcome, self.content("a")), (OK, b"2"))

    def test_what_was_there_keeps_its_mode_and_links_stay(self):
        self.write("script", b"old and longer", mode=0o750)
        os.symlink("script", self.path("link"))
        os.symlink("new/target", self.path("dangling"))
        with open(self.path("script"), "rb") as held:
            cell = self.worker.run(self.nothing, input_files={"link": "new", "dangling": "made"})
            self.assertEqual(cell.outcome, OK)
            # Whole or not at all: who has the old one open reads on.
            self.assertEqual(held.read(), b"old and longer")
        self.assertEqual(self.content("script"), b"new")
        self.assertEqual(os.stat(self.path("script")).st_mode & 0o7777, 0o750)
        self.assertTrue(os.path.islink(self.path("link")) and os.path.islink(self.path("dangling")))
        self.assertEqual(self.content("new/target"), b"made")

    def test_they_go_where_the_code_has_gone(self):
        os.mkdir(self.path("else where"))
        self.worker.run(self.change_directory.format("else where"))
        cell = self.worker.run(self.read.format("a"), input_files={"a": "x"}, output_files=["a", "../else*/a"])
        self.assertEqual(self.out(cell), "x")
        self.assertEqual(self.content("else where/a"), b"x")
        self.assertEqual(self.names(cell), ["else where/a", "else where/../else where/a"])

    def test_what_cannot_be_written(self):
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("directory"))
        self.write("file")
        self.write("link_to_file")
        os.symlink("loop", self.path("loop"))
        os.symlink("fifo", self.path("to_fifo"))
        os.symlink("nowhere", self.path("nowhere_directory"))
        listener = self.enterContext(socket.socket(socket.AF_UNIX))
        listener.bind(self.path("socket"))
        for name, why in {
            "fifo": "is a FIFO",
            "to_fifo": "is a FIFO",
            "directory": "is a directory",
            "directory/": "is a directory",
            ".": "is a directory",
            "/": "is a directory",
            "file/below": "Not a directory",
            "loop": "Too many levels of symbolic links",
            "loop/below": "Too many levels of symbolic links",
            "nowhere_directory/below/it": "No such file or directory",
            "n" * 256: "File name too long",
            ("d" * 200 + "/") * 21 + "f": "File name too long",
            "socket": "is a socket",
            "/dev/null": "is a device",
            "/proc/self/no": "No such file or directory",
        }.items():
            with self.subTest(name[:40]):
                told = f'input_files[1].path "{name}": {why}'
                self.check_not_written({"before": "written", name: "x", "after": "not"}, told)
                self.assertEqual(self.content("before"), b"written")
                self.assertFalse(os.path.exists(self.path("after")))

    def test_working_directory_that_is_gone(self):
        self.worker.run(self.leave_deleted)
        cell = self.worker.run(self.nothing, input_files={"a": "x"})
        self.assertEqual(cell.error[:2], ("InputFileError", 'input_files[0].path "a": No such file or directory'))
        cell = self.worker.run(self.nothing, input_files={self.path("b"): "x"}, output_files=["*", self.path("b")])
        self.assertEqual((cell.outcome, self.names(cell)), (OK, ["b"]))

    @unittest.skipUnless(os.geteuid() == 0, "mounts a file system that is full")
    def test_full_disk_leaves_the_old_file(self):
        self.mount_tmpfs("full", "size=64k")
        self.write("full/old", b"old")
        self.check_not_written(
            {"full/old": "x" * 100_000},
            'input_files[0].path "full/old": No space left on device; remove something, or create a sandbox with a '
            "higher disk limit",
        )
        self.assertEqual(self.content("full/old"), b"old")

    def mount_tmpfs(self, name, options):
        os.mkdir(self.path(name))
        status = os.spawnlp(os.P_WAIT, "mount", "mount", "-t", "tmpfs", "-o", options, "none", self.path(name))
        if status != 0:
            self.skipTest("cannot mount here")
        self.addCleanup(os.spawnlp, os.P_WAIT, "umount", "umount", "-l", self.path(name))

    # Output files.

    def test_size_and_digest(self):
        content = os.urandom(700_000)
        self.write("a.bin", content)
        self.write("empty.bin")
        cell = self.worker.run(self.touch.format("new.bin"), output_files=["*.bin"])
        self.assertEqual(self.names(cell), ["a.bin", "empty.bin", "new.bin"])
        self.assertEqual(
            list(cell.files.values()),
            [[700_000, digest(content), ""], [0, digest(b""), ""], [0, digest(b""), ""]],
        )
        # Behind all output, before the end.
        self.assertEqual([event.kind for event in cell.events[-4:]], ["output_file"] * 3 + ["done"])

    def test_patterns(self):
        for name in (
            "a.csv", "b.txt", "ä.txt", ".hidden.csv", "d/a.csv", "d/e/f/a.csv", "d/e/x.csv", "d/.h/a.csv", "[x]",
            "z/d/a.csv", "back\\slash",
        ):
            self.write(name)
        for pattern, names in {
            "*.csv": ["a.csv"],
            "?.txt": ["b.txt", "ä.txt"],
            "[ab].*": ["a.csv", "b.txt"],
            "[!ab].*": ["ä.txt"],
            "[[]x]": ["[x]"],
            "[x": [],
            "back\\slash": ["back\\slash"],
            "back\\*": ["back\\slash"],
            ".*": [".hidden.csv"],
            "d/*": ["d/a.csv"],
            "*/*.csv": ["d/a.csv"],
            "**/a.csv": ["a.csv", "d/a.csv", "d/e/f/a.csv", "z/d/a.csv"],
            "d/**/*.csv": ["d/a.csv", "d/e/x.csv", "d/e/f/a.csv"],
            "d/**": ["d/a.csv", "d/e/x.csv", "d/e/f/a.csv"],
            "**/d/**/a.csv": ["d/a.csv", "d/e/f/a.csv", "z/d/a.csv"],
            "**/**/**/f/**/*": ["d/e/f/a.csv"],
            "**/.h/*": ["d/.h/a.csv"],
            "d//./a.csv": ["d/a.csv"],
            "*/../a.csv": ["d/../a.csv", "z/../a.csv"],
            "d": [],
            "none/*": [],
            "a.csv/*": [],
            "none": [],
            ".": [],
            "/": [],
            "**/none": [],
        }.items():
            with self.subTest(pattern):
                self.assertEqual(self.found(pattern), names)
        self.assertEqual(self.found(self.path("*.csv")), ["a.csv"])
        self.assertEqual(self.found("*.csv", "a*", "./a.csv", self.path("a.csv"), "b.txt"), ["a.csv", "b.txt"])

    def test_names_that_are_not_utf8(self):
        path = os.fsencode(self.home) + b"/\xff\xfe.bin"
        with open(path, "wb"):
            pass
        cell = self.worker.run(self.nothing, output_files=["?*.bin"])
        self.assertEqual(list(cell.files), [path])

    def test_links(self):
        self.write("d/a", b"a")
        os.symlink("d", self.path("to_d"))
        os.symlink("d/a", self.path("to_a"))
        os.symlink("nowhere", self.path("dangling"))
        os.symlink(".", self.path("d/round"))
        os.symlink("loop", self.path("loop"))
        cell = self.worker.run(self.nothing, output_files=["*"])
        self.assertEqual(
            {name.decode().rpartition("/")[2]: rest for name, rest in cell.files.items()},
            {
                "dangling": [0, b"", "No such file or directory"],
                "loop": [0, b"", "Too many levels of symbolic links"],
                "to_a": [1, digest(b"a"), ""],
            },
        )
        self.assertEqual(self.found("*/a"), ["d/a", "to_d/a"])
        self.assertEqual(self.found("**/a"), ["d/a"])

    def test_what_is_no_regular_file_is_not_opened(self):
        os.mkfifo(self.path("fifo"))
        os.symlink("/dev/zero", self.path("zero"))
        listener = self.enterContext(socket.socket(socket.AF_UNIX))
        listener.bind(self.path("socket"))
        cell = self.worker.run(self.nothing, output_files=["*"])
        self.assertEqual(
            list(cell.files.values()),
            [[0, b"", "is a FIFO"], [0, b"", "is a socket"], [0, b"", "is a device"]],
        )

    def test_no_more_than_there_may_be(self):
        cell = self.worker.run(self.make_many, output_files=["f*", "f0001"])
        self.assertEqual(len(cell.files), wire.MAX_OUTPUT_FILES)
        self.assertEqual(cell.incomplete, "more than 1,000 files match")
        self.assertEqual(self.found("f000?", "f000*"), [f"f{n:04}" for n in range(10)])

    def test_directories_are_not_counted_among_the_files(self):
        for number in range(1100):
            os.mkdir(self.path(f"{number}"))
        self.write("file")
        self.assertEqual(self.found("*"), ["file"])

    def test_no_more_directories_than_there_may_be(self):
        for number in range(101):
            for below in range(101):
                os.makedirs(self.path(f"{number}/{below}"))
        cell = self.worker.run(self.nothing, output_files=["**/none"])
        self.assertEqual(cell.incomplete, "more than 10,000 directories: name them more closely")

    def test_deep_trees(self):
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.home)
        for _ in range(300):
            os.mkdir("d" * 20)
            os.chdir("d" * 20)
        os.chdir(here)
        cell = self.worker.run(self.nothing, output_files=["**/*"])
        self.assertEqual((cell.outcome, cell.files), (OK, {}))
        self.assertIn("cannot be listed: File name too long", cell.incomplete)

    def test_they_are_told_after_a_failure(self):
        self.write("a", b"a")
        cell = self.worker.run(self.failing, output_files=["a"])
        self.assertEqual((cell.outcome, self.names(cell), cell.incomplete), (EXCEPTION, ["a"], ""))
        self.assertEqual([event.kind for event in cell.events[-3:]], ["output_file", "error", "done"])

    # Interrupts.

    def test_interrupt_ends_the_search(self):
        with open(self.write("a", b"first"), "rb"), open(self.path("b"), "wb") as sparse:
            os.truncate(sparse.fileno(), 1 << 43)
        execution_id = self.worker.send(self.nothing, output_files=["a", "b"])
        event = self.worker.event()
        while event.kind != "output_file":
            event = self.worker.event()
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.incomplete, cell.files), (INTERRUPTED, "the cell was interrupted", {}))
        self.assertEqual(cell.error, ("KeyboardInterrupt", "", ""))
        self.assertEqual(self.worker.run(self.nothing).outcome, OK)

    def test_failure_stays_where_the_search_is_interrupted(self):
        with open(self.path("b"), "wb") as sparse:
            os.truncate(sparse.fileno(), 1 << 43)
        self.write("a")
        execution_id = self.worker.send(self.failing, output_files=["a", "b"])
        while self.worker.event().kind != "output_file":
            pass
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.incomplete), (EXCEPTION, "the cell was interrupted"))
        self.assertNotEqual(cell.error[0], "KeyboardInterrupt")

    def test_cells_without_files_are_as_before(self):
        self.write("a")
        self.worker.run(self.nothing, output_files=["*"])
        cell = self.worker.run(self.nothing)
        self.assertEqual((cell.files, cell.incomplete, cell.not_run), ({}, "", False))


class PythonFilesTest(unittest.TestCase):
    def setUp(self):
        self.worker = self.enterContext(Worker())

    def test_interrupted_code_tells_no_files(self):
        execution_id = self.worker.send("import time\nprint('go')\ntime.sleep(1e6)", output_files=["*"])
        self.assertEqual(self.worker.event().value, b"go\n")
        self.worker.until_asleep()
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.files, cell.incomplete), (INTERRUPTED, {}, "the cell was interrupted"))

    def test_code_that_took_sigint_away_does_not_make_the_search_deaf(self):
        code = (
            "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
            "open('a', 'w').close()\nb = open('b', 'w')\nos.truncate('b', 1 << 43)"
        )
        execution_id = self.worker.send(code, output_files=["a", "b"])
        self.assertEqual(self.worker.event().kind, "output_file")
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.incomplete), (INTERRUPTED, "the cell was interrupted"))

    def test_patched_modules_and_little_room_on_the_stack(self):
        code = (
            "import os, sys, builtins\n"
            "os.open = os.stat = os.scandir = builtins.open = None\n"
            "sys.setrecursionlimit(60)"
        )
        cell = self.worker.run(code, input_files={"a/b": "x"}, output_files=["**/b"])
        self.assertEqual((cell.outcome, [size for size, _, _ in cell.files.values()]), (OK, [1]))

    def test_alarm_of_the_code_does_not_disturb(self):
        code = (
            "import signal\ndef late(*_): raise RuntimeError('late')\n"
            "signal.signal(signal.SIGALRM, late)\nsignal.setitimer(signal.ITIMER_REAL, 0.001)\n"
            "for n in range(500): open(f'f{n}', 'w').close()"
        )
        for _ in range(5):
            cell = self.worker.run(code, output_files=["f*"])
            self.assertTrue(cell.outcome == EXCEPTION or len(cell.files) == 500, cell.incomplete)

    def test_forked_child_tells_nothing(self):
        cell = self.worker.run("import os\npid = os.fork()\npid and os.waitpid(pid, 0)[1]", output_files=["/etc/passwd"])
        self.assertEqual([event.kind for event in cell.events], ["display", "output_file", "done"])


class BashFilesTest(CellFilesTest):
    """In bash."""

    language = "bash"

    make_many = "for n in {0000..1004}; do : >f$n; done"
    touch = ": >'{}'"
    change_directory = "cd '{}'"
    leave_deleted = "mkdir gone; cd gone; rmdir ../gone"
    read = "cat '{}'"
    failing = "false"
    nothing = ":"

    def out(self, cell):
        return self.worker.raw_output("stdout")

    def test_interrupts_go_to_the_shell_again_behind_the_files(self):
        execution_id = self.worker.send(
            "echo go; sleep 1000", input_files={"a": "x"}, output_files=["a"]
        )
        told = ""

        def goes():
            nonlocal told
            told += self.worker.raw_output("stdout")
            return told == "go\n"

        self.assertTrue(eventually(goes))
        self.worker.until_asleep()
        cell = self.worker.interrupt_until_done(execution_id)
        self.assertEqual((cell.outcome, cell.incomplete), (INTERRUPTED, "the cell was interrupted"))
        cell = self.worker.run(":", output_files=["a"])
        self.assertEqual((cell.outcome, self.names(cell)), (OK, ["a"]))


if __name__ == "__main__":
    unittest.main()
