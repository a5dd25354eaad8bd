"""Packages, asked for through the API: installed, imported, shared, refused."""

import base64
import binascii
import contextlib
import json
import re
import unittest

import install
from install import InstallTest, here, requirements
from pace import eventually

setUpModule, tearDownModule = install.setUpModule, install.tearDownModule


class Installing(InstallTest):
    def test_a_living_context_imports_what_was_installed(self):
        sandbox = self.create()
        self.assertNotEqual(self.python(sandbox, "kept = 1\nimport hopper").returncode, 0)
        done = self.installed(sandbox, "hopper")
        self.assertEqual(self.versions(done), {"hopper": "1.0", "lovelace": "1.2"})
        self.assertRan(self.python(sandbox, "import hopper; print(kept + hopper.jumps, hopper.lovelace.notes)"), "4 G\n")

    def test_scripts_commands_and_their_programs_too(self):
        sandbox = self.create()
        self.installed(sandbox, "hopper")
        self.assertRan(self.run_in(sandbox, "python3", "-c", "import hopper; print(hopper.jumps)"), "3\n")
        self.assertRan(self.run_in(sandbox, "notes"), "G\n")
        self.assertRan(self.run_in(sandbox, "play"), "played\n")
        self.assertRan(self.python(sandbox, "!notes"), "G\n")
        listed = json.loads(here.server.run("environment", "--json", sandbox).stdout)
        self.assertIn(("lovelace", "1.2"), [(package["name"], package["version"]) for package in listed["python_packages"]])

    def test_the_second_time_it_is_a_mount(self):
        self.installed(self.create(), "hopper")
        sandbox = self.create()
        done = self.installed(sandbox, "hopper")
        self.assertTrue(done["cached"])
        self.assertRan(self.python(sandbox, "import hopper; print(hopper.jumps)"), "3\n")
        # And in the same one again, it is there.
        self.assertEqual(self.installed(sandbox, "hopper")["set_digest"], done["set_digest"])
        self.assertTrue(self.installed(sandbox, "hopper")["cached"])

    def test_extras_markers_versions_and_hashes(self):
        done = self.installed(self.create(), "hopper[light]>=0.9", "hamilton; python_version < '3'")
        self.assertEqual(self.versions(done), {"franklin": "2.0", "hopper": "1.0", "lovelace": "1.2"})
        refused = self.install(self.create(), "lovelace==1.1 --hash=sha256:" + "0" * 64)
        self.assertRefused(refused, "HASHES")

    def test_requirements_and_constraints_files(self):
        with requirements("# of the project", "hopper", "hamilton >= 2", "") as wanted, requirements("lovelace<1.2") as bounds:
            done = self.installed(self.create(), "-r", wanted.name, "-c", bounds.name)
        self.assertEqual(self.versions(done), {"hamilton": "2.1", "hopper": "1.0", "lovelace": "1.1", "subroutine": "3.0"})

    def test_what_was_installed_before_stays(self):
        sandbox = self.create()
        self.installed(sandbox, "lovelace==1.1")
        done = self.installed(sandbox, "hopper", "hamilton")
        self.assertEqual(self.versions(done), {"hamilton": "2.1", "hopper": "1.0", "lovelace": "1.1", "subroutine": "3.0"})
        # Asked for by name it may change.
        self.assertEqual(self.versions(self.installed(sandbox, "lovelace"))["lovelace"], "1.2")
        self.assertRan(self.run_in(sandbox, "python3", "-c", "import hamilton, lovelace; print(hamilton.moon, lovelace.notes)"), "True G\n")

    def test_what_the_template_has_is_not_installed_again(self):
        done = self.installed(self.create(), "ipython<99")
        self.assertEqual(done.get("packages", []), [])

    def test_files_of_two_packages_with_one_name(self):
        done = self.installed(self.create(), "clash-one", "clash-two")
        self.assertEqual(done["conflicts"], ["clash/shared.py"])

    def test_prefetched_for_sandboxes_to_come(self):
        fetched = here.server.run("packages", "prefetch", "--json", "--template", "base", "hamilton")
        self.assertRan(fetched)
        self.assertTrue(self.installed(self.create(), "hamilton")["cached"])

    def test_many_at_once_are_one_build(self):
        sandboxes = [self.create() for _ in range(4)]
        here.publish("slowly", "1.0", {"slowly.py": "x = 1\n"})
        running = [here.server.popen("install", sandbox, "slowly") for sandbox in sandboxes]
        self.assertEqual([process.wait() for process in running], [0] * 4)
        for process in running:
            process.stdout.close()
        wheels = [path for _, path in here.world.https.requests if path.endswith("slowly-1.0-py3-none-any.whl")]
        # One to resolve, one to unpack.
        self.assertEqual(len(wheels), 2)


class Sharing(InstallTest):
    """Nobody writes into what another reads, and nobody notices another there."""

    def setUp(self):
        self.one, self.other = self.create(), self.create()
        for sandbox in (self.one, self.other):
            self.installed(sandbox, "hopper")

    def test_it_is_read_only(self):
        for user in ("user", "root"):
            script = ("cd /opt/packages && ! touch new && ! sh -c 'echo x >> lovelace.py' && ! rm lovelace.py && ! mv lovelace.py o"
                      " && ! ln lovelace.py link && ! ln -s lovelace.py link && ! chmod 777 lovelace.py && ! mkdir d"
                      " && ! truncate -s 0 lovelace.py")
            self.assertRan(self.run_in(self.one, "sh", "-c", script, user=user))
        self.assertRan(self.python(self.other, "import hopper; print(hopper.lovelace.notes)"), "G\n")

    def test_locks_do_not_meet(self):
        hold = "import fcntl; held = open('/opt/packages/lovelace.py'); fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB); print('held')"
        for sandbox in (self.one, self.other):
            self.assertRan(self.python(sandbox, hold), "held\n")

    def test_it_goes_with_the_sandbox(self):
        digest = self.installed(self.one, "hopper")["set_digest"]
        uses = {entry["digest"]: int(entry.get("uses", 0)) for entry in self.stored()["sets"]}
        self.assertGreaterEqual(uses[digest], 2)
        for sandbox in (self.one, self.other):
            here.server.run("kill", sandbox)
        eventually(lambda: {entry["digest"]: int(entry.get("uses", 0)) for entry in self.stored()["sets"]}[digest] == uses[digest] - 2)


class Refusing(InstallTest):
    """In words that say what would work."""

    @classmethod
    def setUpClass(cls):
        created = here.server.run("create")
        cls.shared = created.stdout.strip()

    @classmethod
    def tearDownClass(cls):
        here.server.run("kill", cls.shared)

    def test_every_package_that_is_not_allowed(self):
        self.assertRefused(self.install(self.shared, "hopper", "turing", "hoper"), "turing", 'did you mean "hopper"')

    def test_what_is_denied_is_no_dependency_either(self):
        self.assertRefused(self.install(self.shared, "needy"), "poison")
        self.assertRefused(self.install(self.shared, "lovelace==0.9"), "1.2")

    def test_versions_that_are_not_allowed(self):
        self.assertRefused(self.install(self.shared, "hamilton==1.0"), "2.1")

    def test_what_does_not_exist(self):
        self.assertRefused(self.install(self.shared, "hostile-many"), "no index", "hostile-many")
        self.assertRefused(self.install(self.shared, "hopper==7"), "the newest that it can use is 1.0")

    def test_no_wheel_for_this_interpreter(self):
        self.assertRefused(self.install(self.shared, "native"), "no wheel for this interpreter", "cp39")

    def test_conflicts(self):
        self.assertRefused(self.install(self.shared, "hopper", "lovelace<1.0"), "lovelace")
        sandbox = self.create()
        self.installed(sandbox, "hopper")
        with requirements("lovelace==1.1") as bounds:
            self.assertRefused(self.install(sandbox, "hamilton", "-c", bounds.name), "lovelace")

    def test_what_the_zygote_has_imported_is_not_replaced(self):
        self.assertRefused(self.install(self.shared, "ipython==99.0"), "cannot be replaced")

    def test_what_is_no_requirement(self):
        for requirement in ("hopper @ https://other.test/x.whl", "./hopper", "hopper>>1", "hopper[", "-e .", ""):
            self.assertRefused(self.install(self.shared, "--", requirement))
        with requirements("hopper", "--index-url http://other.test/") as wanted:
            self.assertRefused(self.install(self.shared, "-r", wanted.name), "line 2")

    def test_a_sandbox_that_is_not_there(self):
        self.assertRefused(self.install("nobody", "hopper"))
        sandbox = self.create()
        self.assertRan(here.server.run("pause", sandbox))
        self.assertRefused(self.install(sandbox, "hopper"), "paused")


class Indexes(InstallTest):
    """Who is asked for what, and what they hear."""

    def setUp(self):
        for server in (here.world.https, here.world.other):
            server.requests.clear()
            server.authorizations.clear()
            self.addCleanup(setattr, server, "broken", None)

    def test_the_first_that_has_a_package_has_all_of_it(self):
        sandbox = self.create()
        self.assertEqual(self.versions(self.installed(sandbox, "--refresh", "both")), {"both": "1.0"})
        self.assertEqual([path for _, path in here.world.other.requests if "/both/" in path], [])

    def test_a_name_of_ours_is_never_asked_for_elsewhere(self):
        self.assertRefused(self.install(self.create(), "--refresh", "acme-secret"), "acme-secret")
        self.assertEqual([path for _, path in here.world.other.requests if "acme" in path], [])
        self.assertEqual(self.versions(self.installed(self.create(), "acme-tools")), {"acme-tools": "1.0"})

    def test_an_index_that_fails_is_not_passed_over(self):
        here.world.https.broken = 503
        self.assertRefused(self.install(self.create(), "--refresh", "franklin"), "rest")
        here.world.https.broken = None
        self.assertEqual(self.versions(self.installed(self.create(), "--refresh", "franklin")), {"franklin": "2.0"})

    def test_the_password_goes_to_its_index_alone(self):
        self.installed(self.create(), "--refresh", "hopper[light]")
        self.assertEqual(set(here.world.other.authorizations), {""})
        self.assertNotIn("", here.world.https.authorizations)

    def test_nothing_inside_knows_it(self):
        sandbox = self.create("--network", "index")
        self.installed(sandbox, "hopper")
        looked = self.run_in(sandbox, "sh", "-c", "env; cat /proc/*/environ /etc/pip.conf 2>/dev/null; grep -r s3cret /etc /opt /home /tmp 2>/dev/null; "
                             "curl -sS http://index.warren.internal/simple/hopper/")
        self.assertIn("hopper-1.0", looked.stdout)
        self.assertNotIn("s3cret", looked.stdout + looked.stderr)
        self.assertNotIn("allowed.test", looked.stdout)
        # Nor in what a link is made of.
        parts = re.findall(r"[A-Za-z0-9_-]{16,}", looked.stdout)
        self.assertTrue(parts)
        for part in parts:
            with contextlib.suppress(binascii.Error):
                self.assertNotIn(b"allowed", base64.urlsafe_b64decode(part + "=="))


if __name__ == "__main__":
    unittest.main()
