"""What honest code does all day works under the default policy and limits, in every template: shells, git, pip, threads,
processes, databases, archives. Each piece of work is a cell that asserts its own result. Needs root."""

import textwrap
import unittest

from warren_server import ServerTest, patience

WORK = {
    "a shell's pipeline": """
        import subprocess
        out = subprocess.run("seq 1000 | sort -r | head -2", shell=True, capture_output=True, text=True, check=True).stdout
        assert out == "999\\n998\\n", out
        """,
    "git, from init to gc": """
        import os, subprocess
        who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        def git(*arguments):
            return subprocess.run(["git", *arguments], env=os.environ | who, check=True, capture_output=True, text=True).stdout
        git("init", "-q", "/tmp/repository")
        open("/tmp/repository/file", "w").write("x")
        git("-C", "/tmp/repository", "add", "file")
        git("-C", "/tmp/repository", "commit", "-q", "-m", "first")
        git("clone", "-q", "/tmp/repository", "/tmp/clone")
        git("-C", "/tmp/clone", "gc", "-q")
        assert git("-C", "/tmp/clone", "log", "--format=%s") == "first\\n"
        """,
    "pip, with a wheel": """
        import subprocess, sys, zipfile
        wheel = "/tmp/hello-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("hello/__init__.py", "ANSWER = 42")
            about = "hello-1.0.dist-info/"
            archive.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: hello\\nVersion: 1.0\\n")
            archive.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
            archive.writestr(about + "RECORD", "")
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-index", "--target", "/tmp/site", wheel], check=True)
        sys.path.insert(0, "/tmp/site")
        import hello
        assert hello.ANSWER == 42
        """,
    "threads and processes": """
        import concurrent.futures, multiprocessing
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(abs, range(-100, 0))) == 5050
        with concurrent.futures.ProcessPoolExecutor(3) as pool:
            assert list(pool.map(abs, range(-9, 0))) == list(range(9, 0, -1))
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
        """,
    "ending a subprocess": """
        import signal, subprocess
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            process = subprocess.Popen(["sleep", "1000000"])
            process.send_signal(number)
            assert process.wait() == -number, number
        """,
    "asyncio with a subprocess": """
        import asyncio
        process = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
        assert (await process.communicate())[0] == b"hi\\n"
        """,
    "files: SQLite, archives, temporary ones": """
        import shutil, sqlite3, tarfile, tempfile
        with sqlite3.connect("/tmp/database") as database:
            database.execute("create table numbers (n)")
            database.executemany("insert into numbers values (?)", [(n,) for n in range(100)])
            assert database.execute("select sum(n) from numbers").fetchone() == (4950,)
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy("/tmp/database", directory)
            with tarfile.open("/tmp/archive.tgz", "w:gz") as archive:
                archive.add(directory, "d")
            assert tarfile.open("/tmp/archive.tgz").getnames() == ["d", "d/database"]
        """,
    "a server on the sandbox's own loopback": """
        import socket, threading
        server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=lambda: server.accept()[0].sendall(b"x"), daemon=True).start()
        assert socket.create_connection(server.getsockname()).recv(1) == b"x"
        """,
}


class DailyWork(ServerTest):
    def check(self, template):
        for what, code in WORK.items():
            with self.subTest(what):
                done = self.server.exec("--template", template, "--timeout", f"{patience():.0f}s", "-c", textwrap.dedent(code))
                self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr[-1500:])

    def test_in_base(self):
        self.check("base")

    def test_in_data_science(self):
        self.check("data-science")


if __name__ == "__main__":
    unittest.main()
