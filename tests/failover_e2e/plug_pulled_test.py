"""The plug of the first backend is pulled while code runs there, and put back. Needs root."""

import unittest

from backends_of_its_own import BackendsTest, patience, warren

TICKS = "import itertools, time\nfor n in itertools.count():\n    print(n, flush=True)\n    time.sleep(0.02)"
COUNT = "import time\nfor n in range(150):\n    print(n, flush=True)\n    time.sleep(0.01)"


class PlugPulled:
    """Of a list whose first is `first`, played by the server of that name."""

    first = ""
    # What a stream that broke says.
    broken = ""

    def node(self):
        return getattr(self, self.first)

    def back(self):
        """The server is there again, and has what is new from now on."""
        self.node().start()
        self.wait_up(self.first)

    def check_a_stream_ends_once_and_what_came_is_kept(self):
        sandbox = self.create_on(self.first)
        events = sandbox.stream_code(TICKS, timeout=patience(60))
        seen = [next(events), next(events), next(events)]
        self.node().kill()
        try:
            error = self.ends(lambda: [seen.append(event) for event in events])
            self.assertIn(self.broken, str(error))
            said = "".join(event.text for event in seen if isinstance(event, warren.Output)).split()
            # In order, each once: nothing was run again.
            self.assertEqual(said, [str(n) for n in range(len(said))])
            self.assertGreaterEqual(len(said), 2)
            # The next one serves at once.
            other = self.create()
            self.assertEqual(other.info.backend, "near")
            execution = other.run_code("6 * 7")
            self.assertEqual((execution.text, execution.usage.backend), ("42", "near"))
            # It is lost, and says so.
            self.wait_down(self.first)
            error = self.ends(lambda: sandbox.run_code("1"))
            self.assertIn(f"lives on backend {self.first}, which cannot be reached", str(error))
            self.assertIn("make a new sandbox", str(error))
            error = self.ends(sandbox.get_info)
            self.assertIn(self.first, str(error))
            listed = warren.Sandbox.list(client=self.client)
            self.assertEqual(listed.missing_backends, (self.first,))
            self.assertIn(other.id, [info.id for info in listed])
            shown = self.front.run("backends").stdout
            self.assertRegex(shown, rf"(?m)^{self.first} .*(open|half-open)")
            self.assert_clean(shown)
        finally:
            self.back()
        again = self.create_on(self.first)
        self.assertEqual(again.run_code("6 * 7").usage.backend, self.first)
        # The server that died has ended what it had.
        self.ends(lambda: sandbox.run_code("1"), warren.NotFound)

    def check_made_anew_where_that_was_asked_for(self):
        sandbox = self.create_on(self.first, on_backend_loss=warren.OnBackendLoss.RECREATE, metadata={"of": "recreate"})
        self.assertEqual((sandbox.info.backend, sandbox.get_info().recreations), (self.first, 0))
        sandbox.run_code("x = 1")
        self.node().kill()
        try:
            self.wait_down(self.first)
            execution = sandbox.run_code("'x' in globals()")
            self.assertEqual((execution.text, execution.usage.backend), ("False", "near"))
            info = sandbox.get_info()
            self.assertEqual((info.id, info.backend, info.recreations), (sandbox.id, "near", 1))
            self.assertEqual([(each.id, each.recreations) for each in
                              warren.Sandbox.list(client=self.client, metadata={"of": "recreate"})], [(sandbox.id, 1)])
        finally:
            self.back()
        # It stays where it is.
        self.assertEqual(sandbox.get_info().backend, "near")
        self.assertEqual(sandbox.kill().backend, "near")
        self.ends(sandbox.get_info, warren.NotFound)


    def check_what_stalls_is_passed_over_and_a_stream_goes_on_behind_it(self):
        sandbox = self.create_on(self.first)
        events = sandbox.stream_code(COUNT, timeout=patience(60))
        seen = [next(events)]
        with self.node().stalled():
            # A create that got there hangs, and is looked after.
            self.assertEqual(self.create().info.backend, "near")
            self.wait_down(self.first)
            self.assertEqual(self.create().info.backend, "near")
            error = self.ends(sandbox.get_info)
            self.assertIn(f"lives on backend {self.first}, which cannot be reached", str(error))
            self.assertEqual(warren.Sandbox.list(client=self.client).missing_backends, (self.first,))
        seen.extend(events)
        said = "".join(event.text for event in seen if isinstance(event, warren.Output)).split()
        self.assertEqual(said, [str(n) for n in range(150)])
        self.wait_up(self.first)
        self.assertEqual(sandbox.run_code("n").text, "149")
        self.assertEqual(sandbox.get_info().recreations, 0)


class CloudTest(PlugPulled, BackendsTest):
    first = "cloud"
    broken = "whether it came to its end is not known, and it was not run again"
    has_far = False
    lists = 'backends { name: "list" failover { backends: "cloud" backends: "near" } }\ndefault_backend: "list"\n'

    def test_a_stream_ends_once_and_what_came_is_kept(self):
        self.check_a_stream_ends_once_and_what_came_is_kept()

    def test_made_anew_where_that_was_asked_for(self):
        self.check_made_anew_where_that_was_asked_for()

    def test_what_stalls_is_passed_over_and_a_stream_goes_on_behind_it(self):
        self.check_what_stalls_is_passed_over_and_a_stream_goes_on_behind_it()


class FarTest(PlugPulled, BackendsTest):
    first = "far"
    broken = 'the remote Warren "far" cannot be reached, or the connection to it broke during the call'
    has_cloud = False
    lists = 'backends { name: "list" failover { backends: "far" backends: "near" } }\ndefault_backend: "list"\n'

    def test_a_stream_ends_once_and_what_came_is_kept(self):
        self.check_a_stream_ends_once_and_what_came_is_kept()

    def test_made_anew_where_that_was_asked_for(self):
        self.check_made_anew_where_that_was_asked_for()

    def test_what_stalls_is_passed_over_and_a_stream_goes_on_behind_it(self):
        self.check_what_stalls_is_passed_over_and_a_stream_goes_on_behind_it()


if __name__ == "__main__":
    unittest.main()
