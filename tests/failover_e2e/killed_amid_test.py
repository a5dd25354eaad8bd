"""A backend is killed in the middle of every kind of call at once: each ends, and says why. Needs root."""

import threading
import time
import unittest

from backends_of_its_own import BackendsTest, patience, warren

FOREVER = "import time\nprint('here', flush=True)\nwhile True:\n    time.sleep(0.05)"


class Work:
    """One kind of call, on a thread, until it fails as calls to what was killed do."""

    def __init__(self, name, function):
        self.name = name
        self.function = function
        self.under_way = threading.Event()
        self.error = None
        self.answers = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while True:
                try:
                    self.function(self.under_way)
                    self.answers += 1
                except warren.WarrenError as error:
                    # Refused, as an install of what there is not; that is an answer of the backend's.
                    if isinstance(error, (warren.Unavailable, warren.Internal)):
                        raise
                self.under_way.set()
                time.sleep(0.01)
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error
            self.under_way.set()


class KilledAmid:
    first = ""

    def node(self):
        return getattr(self, self.first)

    def works(self):
        sandbox, quiet = self.create_on(self.first, template="base"), self.create_on(self.first, template="base")
        sandbox.files.write("/tmp/big", b"x" * (4 << 20))

        def cell(under_way):
            for _ in sandbox.stream_code(FOREVER, timeout=patience(300)):
                under_way.set()

        def script(under_way):
            for _ in sandbox.stream_script(source=FOREVER, timeout=patience(300)):
                under_way.set()

        def process(under_way):
            with sandbox.processes.start(["cat"]) as cat:
                while True:
                    cat.write("line\n")
                    next(cat)
                    under_way.set()

        def upload(under_way):
            def pieces():
                while True:
                    yield b"y" * 4096
                    under_way.set()
                    time.sleep(0.002)
            sandbox.files.write("/tmp/upload", pieces())

        def download(under_way):
            for _ in sandbox.files.stream("/tmp/big"):
                under_way.set()
                time.sleep(0.01)

        def watch(under_way):
            with sandbox.files.watch("/tmp", recursive=True) as events:
                under_way.set()
                for _ in events:
                    pass

        def create(_):
            warren.Sandbox.create("base", client=self.client).kill()

        def pause(_):
            quiet.pause()
            quiet.resume()

        return [Work(each.__name__, each) for each in (cell, script, process, upload, download, watch, create, pause)] + [
            Work("install", lambda _: sandbox.install_package("no-such-package-of-anybody")),
            Work("stat", lambda _: sandbox.files.stat("/tmp")),
            Work("look", lambda _: sandbox.get_info()),
            Work("metrics", lambda _: sandbox.metrics()),
        ], sandbox

    def check_every_call_ends_and_says_why(self):
        works, sandbox = self.works()
        for work in works:
            self.assertTrue(work.under_way.wait(patience(60)), f"{work.name} has not begun\n{self.front.log()}")
            self.assertIsNone(work.error, f"{work.name}: {work.error!r}")
        self.node().kill()
        try:
            for work in works:
                work.thread.join(patience(60))
                with self.subTest(work.name):
                    self.assertFalse(work.thread.is_alive(), f"it hangs\n{self.front.log()}")
                    self.assertIsInstance(work.error, warren.Unavailable, repr(work.error))
                    self.assert_clean(str(work.error))
            # The front serves on: what needs that backend says so, what does not is served.
            error = self.ends(lambda: warren.Sandbox.create("base", client=self.client))
            self.assertIn(f"backend {self.first}: ", str(error))
            self.assertEqual(warren.Sandbox.list(client=self.client).missing_backends, (self.first,))
            other = self.create()
            self.assertEqual((other.info.backend, other.run_code("6 * 7").text), ("near", "42"))
        finally:
            self.node().start()
        self.wait_up(self.first)
        self.ends(sandbox.get_info, warren.NotFound)
        self.assertEqual(self.create_on(self.first, template="base").run_code("6 * 7").text, "42")


class CloudTest(KilledAmid, BackendsTest):
    first = "cloud"
    has_far = False
    lists = 'routes { template_ids: "base" to { backend: "cloud" } }\ndefault_backend: "near"\n'

    def test_every_call_ends_and_says_why(self):
        self.check_every_call_ends_and_says_why()


class FarTest(KilledAmid, BackendsTest):
    first = "far"
    has_cloud = False
    lists = 'routes { template_ids: "base" to { backend: "far" } }\ndefault_backend: "near"\n'

    def test_every_call_ends_and_says_why(self):
        self.check_every_call_ends_and_says_why()


if __name__ == "__main__":
    unittest.main()
