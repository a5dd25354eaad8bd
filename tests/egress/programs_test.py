"""The programs that people use, unmodified, in sandboxes that may go out."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import egress
from egress import EgressTest, Sandbox, here

setUpModule, tearDownModule = egress.setUpModule, egress.tearDownModule


class Programs(EgressTest):
    """Without proxy variables, and without a word about Warren."""

    @classmethod
    def setUpClass(cls):
        cls.shared = Sandbox("--allow", "allowed.test", "--allow", "*.allowed.test")

    @classmethod
    def tearDownClass(cls):
        cls.shared.kill()

    def test_curl(self):
        self.assertRan(self.shared.run("curl", "-sS", "http://allowed.test/hello"), "hello from outside")
        self.assertRan(self.shared.run("curl", "-sS", "https://allowed.test/hello"), "hello from outside")
        self.assertRan(self.shared.run("curl", "-sS", "https://files.allowed.test/hello"), "hello from outside")

    def test_large_bodies_both_ways(self):
        data = os.urandom(5 << 20)
        self.file("large", data)
        script = "curl -sS https://allowed.test/large | sha256sum && head -c 3000000 /dev/zero | curl -sS --data-binary @- http://allowed.test/in"
        done = self.shared.sh(script)
        digest = subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout.decode()
        self.assertRan(done, digest + "3000000")

    def test_requests_one_after_another_and_chunked(self):
        done = self.shared.python("""
            import http.client
            connection = http.client.HTTPConnection("allowed.test")
            for _ in range(3):
                connection.request("GET", "/hello")
                print(connection.getresponse().read().decode())
            connection.request("POST", "/in", iter([b"a" * 1000, b"b" * 70000]), encode_chunked=True,
                               headers={"Transfer-Encoding": "chunked"})
            print(connection.getresponse().read().decode())
            """)
        self.assertRan(done, "hello from outside\n" * 3 + "71000\n")

    def test_python(self):
        done = self.shared.python("""
            import asyncio, socket, ssl, urllib.request
            print(urllib.request.urlopen("https://allowed.test/hello").read().decode())
            stream = socket.create_connection(("allowed.test", 2525)).makefile("rw")
            print(stream.readline().strip())
            stream.write("and back\\n"); stream.flush()
            print(stream.readline().strip())

            async def main():
                reader, writer = await asyncio.open_connection("allowed.test", 443, ssl=ssl.create_default_context())
                writer.write(b"GET /hello HTTP/1.0\\r\\n\\r\\n")
                print((await reader.read()).decode().split("\\r\\n\\r\\n")[1])
            asyncio.run(main())
            """)
        self.assertRan(done, "hello from outside\nwelcome\nand back\nhello from outside\n")

    def test_requests_library(self):
        self.assertRan(self.shared.python('from pip._vendor import requests; print(requests.get("https://allowed.test/hello").text)'),
                       "hello from outside\n")

    def test_node(self):
        script = 'fetch("https://allowed.test/hello").then(r => r.text()).then(t => console.log(t))'
        self.assertRan(self.shared.run("node", "-e", script), "hello from outside\n")

    def test_git_over_https(self):
        with tempfile.TemporaryDirectory() as work:
            git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-C", work]
            for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"], ["update-server-info"]):
                subprocess.run(git + command, check=True)
            shutil.copytree(os.path.join(work, ".git"), os.path.join(here.world.files, "project.git"), dirs_exist_ok=True)
        done = self.shared.sh("git clone -q https://allowed.test/project.git /tmp/project && git -C /tmp/project log --format=%s")
        self.assertRan(done, "first\n")

    def test_pip(self):
        with tempfile.TemporaryDirectory() as work:
            with open(os.path.join(work, "setup.py"), "w") as file:
                file.write("from setuptools import setup\nsetup(name='hopper', version='1.2', py_modules=['hopper'])\n")
            with open(os.path.join(work, "hopper.py"), "w") as file:
                file.write("jumps = 3\n")
            subprocess.run([sys.executable, "setup.py", "-q", "bdist_wheel"], cwd=work, check=True, capture_output=True)
            wheel, = os.listdir(os.path.join(work, "dist"))
            with open(os.path.join(work, "dist", wheel), "rb") as built:
                self.file("simple/hopper/" + wheel, built.read())
        self.file("simple/hopper/index.html", f'<a href="{wheel}">{wheel}</a>')
        done = self.shared.sh("pip install -q --no-cache-dir --target /tmp/site --index-url https://allowed.test/simple/ hopper "
                              "&& PYTHONPATH=/tmp/site python3 -c 'import hopper; print(hopper.jumps)'")
        self.assertRan(done, "3\n")

    def test_apt(self):
        package = "Package: leaf\nVersion: 1\nArchitecture: all\nFilename: leaf.deb\nSize: 0\nDescription: a leaf\n"
        self.file("apt/Packages", package)
        done = self.shared.sh("""
            mkdir -p /tmp/apt/lists/partial /tmp/apt/cache/archives/partial && cd /tmp/apt && touch status
            echo 'deb [trusted=yes] http://allowed.test/apt ./' > sources.list
            set -- -o Dir::State=/tmp/apt -o Dir::State::status=/tmp/apt/status -o Dir::Cache=/tmp/apt/cache \\
                   -o Dir::Etc::sourcelist=/tmp/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=
            apt-get "$@" -qq update && apt-cache "$@" search leaf
            """)
        self.assertRan(done, "leaf - a leaf\n")

    def test_own_loopback_is_its_own(self):
        done = self.shared.python("""
            import socket, threading
            server = socket.create_server(("0.0.0.0", 8080))
            threading.Thread(target=lambda: server.accept()[0].send(b"mine"), daemon=True).start()
            print(socket.create_connection(("127.0.0.1", 8080)).recv(10).decode())
            """)
        self.assertRan(done, "mine\n")


if __name__ == "__main__":
    unittest.main()
