"""What the README promises to who starts with it: a server without flags, `warren exec` without a template, and errors that
say what to do. Needs root and the data-science template."""

import json
import os
import subprocess
import tempfile
import unittest

from warren_server import PREFIX, Server, ServerTest, patience

MIB = 1 << 20

# An ordinary analysis, with data of some size: it must have room in the default limits.
ANALYSIS = """
import numpy as np, pandas as pd, matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
random = np.random.default_rng(0)
frame = pd.DataFrame(random.normal(size=(200_000, 10)), columns=list("abcdefghij"))
frame["group"] = random.integers(0, 50, len(frame))
means = frame.groupby("group").mean()
joined = frame.merge(means, left_on="group", right_index=True)
frame.head(100_000).to_csv("frame.csv")
assert len(pd.read_csv("frame.csv")) == 100_000
few = frame.head(20_000)
RandomForestClassifier(n_estimators=50, random_state=0).fit(few[list("abcdefghij")], few["group"] % 3)
joined.plot.scatter("a_x", "b_x")
plt.show()
"""


def refusal(*flags, **environment):
    """The exit code of a warrend that does not start, and what it says."""
    with tempfile.TemporaryDirectory() as directory:
        place = ("--listen", f"unix://{directory}/run/warren.sock", "--runtime-dir", f"{directory}/run",
                 "--cgroup-parent", f"warren-newcomer-{os.getpid()}")
        done = subprocess.run([f"{PREFIX}/bin/warrend", *place, *flags], capture_output=True, text=True, timeout=patience(),
                              env=os.environ | environment, stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr


class WithoutFlags(ServerTest):
    def test_pandas_is_there(self):
        done = self.server.exec("-c", "import pandas as pd; int(pd.Series([20, 22]).sum())")
        self.assertEqual((done.returncode, done.stdout), (0, "42\n"), done.stderr)

    def test_the_default_is_told(self):
        answer = json.loads(self.server.run("templates", "--json").stdout)
        self.assertEqual(answer["default_template_id"], "data-science")
        self.assertRegex(self.server.run("templates").stdout, "data-science .* ready, the default ")
        self.assertEqual(self.server.events("-c", "1")[0]["template"], "data-science")

    def test_its_pool_is_held_ready(self):
        pools = {pool["template_id"]: pool for pool in json.loads(self.server.run("ps", "--json").stdout)["pools"]}
        self.assertGreaterEqual(pools["data-science"]["target"], 2)

    def test_an_analysis_has_room_in_512_mib(self):
        with self.subTest("limit"):
            process = self.server.popen("exec", "-c", "print('up', flush=True)\nimport time; time.sleep(600)")
            process.stdout.readline()
            limits = self.server.sandboxes()[0]["limits"]
            self.server.run("kill", "--all")
            process.communicate(timeout=patience())
            self.assertEqual(int(limits["memory_bytes"]), 512 * MIB)
            self.assertEqual(int(limits["disk_bytes"]), 256 * MIB)
        events = self.server.events("--timeout", "24h", "-c", ANALYSIS)
        self.assertEqual(events[-1].get("outcome"), "exited", events[-2:])
        self.assertLess(events[-1]["usage"]["peak_memory_bytes"], 512 * MIB)

    def test_a_full_disk_is_an_error_and_no_end(self):
        code = """
            try:
                with open("/tmp/full", "wb", buffering=0) as file:
                    while True: file.write(bytes(1 << 20))
            except OSError as error:
                print(error.strerror)
            """
        done = self.server.exec("-c", code.replace("\n            ", "\n"), "-c", "'alive'")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("alive", done.stdout)

    def test_a_missing_module_names_the_template_that_has_it(self):
        done = self.server.exec("--template", "base", "-c", "import pandas.io.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ModuleNotFoundError: No module named 'pandas'", done.stderr)
        self.assertEqual(done.stderr.splitlines()[-1], "warren: the template data-science has pandas: create the sandbox with it "
                         "(warren exec --template data-science)")

    def hint(self, template, code):
        return [event["hint"] for event in self.server.events("--template", template, "-c", code) if event["type"] == "error"]

    def test_hints_are_only_where_they_help(self):
        for template, code in (("base", "import nosuchmodule"), ("data-science", "import nosuchmodule"),
                               ("base", "raise ValueError(\"No module named 'pandas'\")"),
                               ("base", "raise ModuleNotFoundError(\"No module named 'pandas'; run 'x'\")"),
                               ("base", "import json.nosuch"), ("data-science", "import pandas.nosuch")):
            with self.subTest(code):
                self.assertEqual(self.hint(template, code), [""])
        self.assertRegex(self.hint("base", "import sklearn")[0], "^the template data-science has sklearn: ")


class Refusals(unittest.TestCase):
    def test_a_store_that_is_not_there_is_not_made(self):
        with tempfile.TemporaryDirectory() as directory:
            store = os.path.join(directory, "templtes")
            for code, said in (refusal("--templates", store), refusal(WARREN_TEMPLATES=store)):
                self.assertEqual(code, 2)
                self.assertIn(f"open {store}: No such file or directory; name a directory that exists, or build a template", said)
            doctor = subprocess.run([f"{PREFIX}/bin/warren", "doctor", "--templates", store], capture_output=True, text=True)
            self.assertEqual(doctor.returncode, 125)
            self.assertIn(store, doctor.stderr)
            self.assertFalse(os.path.exists(store))

    def test_a_default_template_that_is_not_there(self):
        code, said = refusal("--default-template", "no-such")
        self.assertEqual(code, 1)
        self.assertIn('--default-template: there is no template "no-such"; name one of: base, data-science', said)

    def test_a_default_template_that_is_not_built(self):
        with tempfile.TemporaryDirectory() as store:
            code, said = refusal("--default-template", "data-science", "--templates", store)
        self.assertEqual(code, 1)
        self.assertIn(f"not built; run `rootfs/build --store {store} data-science`", said)


class NothingBuilt(unittest.TestCase):
    """A server on a store that is empty, as on a fresh machine."""

    def test_base_is_the_default_and_the_rest_is_told(self):
        with tempfile.TemporaryDirectory() as store:
            os.chmod(store, 0o755)
            server = Server("--templates", store)
            try:
                self.assertEqual(server.exec("-c", "6 * 7").stdout, "42\n")
                self.assertEqual(server.events("-c", "1")[0]["template"], "base")
                said = server.exec("-c", "import pandas").stderr
                self.assertIn("warren: the template data-science has pandas, but cannot be used now: not built; run `rootfs/build",
                              said)
            finally:
                self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
