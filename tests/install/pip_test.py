"""pip as users type it, in a sandbox whose only way out is the index."""

import unittest

import install
from install import InstallTest

setUpModule, tearDownModule = install.setUpModule, install.tearDownModule


class UsersPip(InstallTest):
    def setUp(self):
        self.sandbox = self.create("--network", "index")

    def test_into_the_users_own_site(self):
        # What it needs is not among what may be asked for, and nobody has needed it yet: it comes all the same.
        self.assertRan(self.run_in(self.sandbox, "pip", "install", "-q", "hamilton"))
        self.assertRan(self.python(self.sandbox, "import hamilton, subroutine; print(hamilton.moon, subroutine.__file__)"),
                       "True /home/user/.local/lib/python3.11/site-packages/subroutine.py\n")

    def test_in_a_cell(self):
        done = self.python(self.sandbox, "%pip install -q hopper\nimport hopper\nprint(hopper.jumps)")
        self.assertRan(done)
        self.assertIn("3", done.stdout)

    def test_the_policy_is_the_same(self):
        for name, reason in (("turing", "not among the packages"), ("hoper", "did you mean"), ("poison", "denied")):
            self.assertNotEqual(self.run_in(self.sandbox, "pip", "install", name).returncode, 0, name)
            # pip keeps to itself why an index has no page for it.
            page = self.run_in(self.sandbox, "curl", "-sS", f"http://index.warren.internal/simple/{name}/")
            self.assertIn(reason, page.stdout)
        # What its policy does not allow is not listed either.
        done = self.run_in(self.sandbox, "pip", "download", "--no-deps", "-d", "/tmp/x", "hamilton==1.0")
        self.assertNotEqual(done.returncode, 0)

    def test_there_is_no_other_way_out(self):
        for url in ("http://other.test/public/franklin/", "http://93.184.215.15/", "http://index.warren.internal:8080/"):
            self.assertNotEqual(self.run_in(self.sandbox, "curl", "-sSf", "--max-time", "20", url).returncode, 0, url)

    def test_links_cannot_be_made_up(self):
        page = self.run_in(self.sandbox, "curl", "-sS", "http://index.warren.internal/simple/hopper/").stdout
        link = page.split('href="')[1].split("#")[0]
        parts = link.split("/")
        for changed in ("/".join(parts[:2] + ["A" * len(parts[2])] + parts[3:]), "/".join(parts[:3] + [parts[3][:-4] + "AAAA"] + parts[4:]),
                        "/files/http%3A%2F%2F169.254.169.254/x", "/files/../../etc/passwd", "/simple/..%2f..%2fetc/", "/index/0/"):
            done = self.run_in(self.sandbox, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is",
                               "http://index.warren.internal" + changed)
            self.assertIn(done.stdout, ("400", "403", "404"), changed)
        whole = self.run_in(self.sandbox, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "http://index.warren.internal" + link)
        self.assertEqual(whole.stdout, "200")

    def test_without_a_network_there_is_none(self):
        sandbox = self.create()
        done = self.run_in(sandbox, "pip", "install", "hopper")
        self.assertNotEqual(done.returncode, 0)

    def test_it_is_a_name_as_others_are(self):
        sandbox = self.create("--network", "internet")
        self.assertRan(self.run_in(sandbox, "pip", "install", "-q", "hopper"))
        denied = self.create("--network", "internet", "--deny", "index.warren.internal")
        self.assertNotEqual(self.run_in(denied, "pip", "install", "hopper").returncode, 0)

    def test_what_nothing_needs_stays_closed(self):
        done = self.run_in(self.sandbox, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                           "http://index.warren.internal/simple/subroutine-2/")
        self.assertEqual(done.stdout, "403")


if __name__ == "__main__":
    unittest.main()
