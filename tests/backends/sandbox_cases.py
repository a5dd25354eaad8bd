"""Sandboxes: their life, limits, pauses, network, packages, and the errors of calls."""

import datetime

from contract import LONG, case, warren

NONE = datetime.timedelta()
FETCH = "import urllib.request; urllib.request.urlopen('http://example.org', timeout=100)"


@case("sandboxes")
def made_told_and_ended(t):
    sandbox = t.sandbox(lifetime=600)
    info = sandbox.get_info()
    t.assertEqual((info.id, info.template, info.backend), (sandbox.id, "base", t.serves))
    t.assertIs(info.state, warren.SandboxState.RUNNING)
    t.assertRegex(info.id, "^sb[0-9a-z]{20}$")
    sandbox.kill()
    with t.assertRaises(warren.NotFound):
        sandbox.get_info()
    with t.assertRaises(warren.NotFound):
        sandbox.run_code("1")


@case("sandboxes")
def metadata_and_the_list(t):
    mine = {"case": f"list on {t.backend}", "ü": "ä b&c=d"}
    first, second = t.sandbox(metadata={**mine, "n": "1"}), t.sandbox(metadata={**mine, "n": "2"})
    other = t.sandbox()
    t.assertEqual(first.get_info().metadata, {**mine, "n": "1"})

    def listed(**filters):
        return [info.id for info in warren.Sandbox.list(client=t.client, **filters)]

    t.assertEqual(listed(metadata=mine), [first.id, second.id])
    t.assertEqual(listed(metadata=mine, newest_first=True), [second.id, first.id])
    t.assertEqual(listed(metadata={"n": "2"}), [second.id])
    t.assertEqual(listed(metadata={"n": "3"}), [])
    t.assertEqual(set(listed()), {first.id, second.id, other.id})
    t.assertEqual(listed(states=[warren.SandboxState.PAUSED]), [])


@case("sandboxes")
def found_by_its_id(t):
    sandbox = t.sandbox()
    sandbox.run_code("a = 1")
    t.assertEqual(warren.Sandbox.connect(sandbox.id, client=t.client).run_code("a").text, "1")


@case("sandboxes")
def one_request_id_makes_one(t):
    wanted = {"request_id": f"of {t.backend}", "metadata": {"case": f"request id on {t.backend}"}}
    first, again = t.sandbox(**wanted), t.sandbox(**wanted)
    t.assertEqual(first.id, again.id)
    t.assertEqual(len(warren.Sandbox.list(client=t.client, metadata=wanted["metadata"])), 1)
    with t.assertRaises(warren.InvalidArgument):
        t.sandbox(request_id=wanted["request_id"], lifetime=100)


@case("sandboxes")
def its_usage_tells_backend_and_time(t):
    sandbox = t.sandbox()
    sandbox.run_code("1")
    usage = sandbox.kill()
    t.assertEqual(usage.backend, t.serves)
    t.assertGreater(usage.sandbox_time, NONE)


@case("sandboxes")
def what_it_offers(t):
    environment = t.sandbox().environment()
    t.assertEqual(environment.template, "base")
    t.assertTrue({"python", "bash"} <= set(environment.languages))
    names = [feature.name for feature in environment.features]
    t.assertEqual(names, sorted(set(names)))
    t.assertTrue({"contexts", "files", "processes", "scripts", "terminals"} <=
                 {feature.name for feature in environment.features if feature.available})
    t.assertEqual([feature.name for feature in environment.features if feature.available is not (feature.reason == "")], [])


@case("lifetimes")
def set_and_told(t):
    info = t.sandbox(lifetime=300).info
    t.assertEqual((info.lifetime, info.lifetime_from, info.on_expiry),
                  (datetime.timedelta(minutes=5), warren.LifetimeFrom.LAST_USE, warren.OnExpiry.KILL))
    left = info.expires_at - info.created_at
    t.assertTrue(datetime.timedelta(minutes=4) < left < datetime.timedelta(minutes=6), left)


@case("lifetimes")
def changed(t):
    sandbox = t.sandbox(lifetime=60)
    info = sandbox.set_lifetime(3600)
    t.assertEqual(info.lifetime, datetime.timedelta(hours=1))
    t.assertGreater(info.expires_at, info.created_at + datetime.timedelta(minutes=50))


@case("lifetimes")
def its_end(t):
    sandbox = t.sandbox(lifetime=1, lifetime_from=warren.LifetimeFrom.CREATION)

    def is_gone():
        try:
            sandbox.get_info()
        except warren.NotFound:
            return True
        return False

    t.assertTrue(t.eventually(is_gone))


@case("lifetimes")
def its_end_as_a_pause(t):
    sandbox = t.sandbox(lifetime=2, lifetime_from=warren.LifetimeFrom.CREATION, on_expiry=warren.OnExpiry.PAUSE)
    sandbox.run_code("a = 1")
    t.assertTrue(t.eventually(lambda: sandbox.get_info().state is warren.SandboxState.PAUSED))
    sandbox.resume(600)
    t.assertEqual(sandbox.run_code("a").text, "1")


@case("pause and resume", "pause")
def what_runs_goes_on(t):
    sandbox = t.sandbox()
    sandbox.run_code("a = 1")
    t.assertIs(sandbox.pause().state, warren.SandboxState.PAUSED)
    t.assertIs(sandbox.get_info().state, warren.SandboxState.PAUSED)
    with t.assertRaises(warren.FailedPrecondition):
        sandbox.run_code("a")
    t.assertIs(sandbox.resume(600).state, warren.SandboxState.RUNNING)
    t.assertEqual(sandbox.run_code("a").text, "1")


@case("metrics")
def what_it_uses(t):
    sandbox = t.sandbox()
    sandbox.run_code("x = b'x' * (32 << 20)")

    def is_seen():
        metrics = sandbox.metrics()
        return (metrics.memory_bytes > 32 << 20 and metrics.memory_limit_bytes >= metrics.memory_bytes and metrics.cpu_millis > 0
                and metrics.disk_limit_bytes > 0)

    t.assertTrue(t.eventually(is_seen), sandbox.metrics())


@case("limits", "limits")
def of_a_create(t):
    sandbox = t.sandbox(limits=warren.Limits(memory_bytes=96 << 20, pids=64))
    t.assertEqual((sandbox.info.limits.memory_bytes, sandbox.info.limits.pids), (96 << 20, 64))
    done = sandbox.run_code("x = b'x' * (300 << 20)")
    t.assertIs(done.termination.kind, warren.TerminationKind.OUT_OF_MEMORY)


@case("limits", "limits.change")
def changed_later(t):
    sandbox = t.sandbox()
    t.assertEqual(sandbox.set_limits(warren.Limits(pids=64)).limits.pids, 64)


@case("network", "network")
def none_where_nobody_asks(t):
    sandbox = t.sandbox()
    t.assertIsNotNone(sandbox.run_code(FETCH).error)


@case("network", "network")
def a_policy_is_told(t):
    sandbox = t.sandbox(network=warren.NetworkPolicy(allow=["pip.test"]))
    t.assertEqual([str(rule) for rule in sandbox.get_info().network.allow], ["pip.test"])
    t.assertIsNotNone(sandbox.run_code(FETCH).error)


@case("network", "network")
def switched(t):
    sandbox = t.sandbox()
    sandbox.set_network("internet")
    t.assertEqual(sandbox.environment().network.preset, "internet")
    sandbox.set_network("none")
    t.assertEqual(sandbox.environment().network.allow, ())
    t.assertIsNotNone(sandbox.run_code(FETCH).error)


@case("network", "network.presets")
def one_for_packages(t):
    t.assertEqual(t.sandbox(network="index").environment().network.preset, "index")


@case("network", "network.ports")
def rules_for_ports(t):
    sandbox = t.sandbox(network=warren.NetworkPolicy(allow=["pip.test:443"]))
    t.assertEqual([str(rule) for rule in sandbox.environment().network.allow], ["pip.test:443"])


@case("network", "network.watch")
def what_it_connects_to(t):
    sandbox = t.sandbox(network=warren.NetworkPolicy(allow=["pip.test"]))
    with sandbox.watch_network() as events:
        sandbox.run_code(FETCH)
        event = next(events)
    t.assertEqual((event.verdict, event.name, event.port), (warren.NetworkVerdict.DENIED, "example.org", 80))


@case("packages", "packages.install")
def installed_and_imported(t):
    sandbox = t.sandbox(network="internet")
    installed = sandbox.install_package("plotly")
    t.assertEqual(installed.packages["plotly"], "6.0.0")
    t.assertEqual(sandbox.run_code("import plotly; print(plotly.__name__)").stdout, "plotly\n")


@case("packages", "packages.install")
def they_are_listed_or_it_is_said_that_they_are_not(t):
    sandbox = t.sandbox(network="internet")
    sandbox.install_package("plotly")
    environment = sandbox.environment()
    if not environment.python_packages_incomplete:
        t.assertEqual(environment.python_packages["plotly"], "6.0.0")


@case("packages", "packages.install")
def what_the_policy_does_not_allow(t):
    with t.assertRaises(warren.PermissionDenied):
        t.sandbox(network="internet").install_package("surely-not-allowed")


@case("packages", "packages.install")
def what_cannot_be_understood(t):
    with t.assertRaises(warren.InvalidArgument):
        t.sandbox(network="internet").install_package("./here.whl")


@case("errors of calls")
def what_is_not_there(t):
    sandbox = t.sandbox()
    for call in (lambda: t.sandbox(template="nope"), lambda: sandbox.run_code("1", context="other"),
                 lambda: sandbox.processes.connect("none"),
                 lambda: next(sandbox.connect_execution("exnone"))):
        with t.assertRaises(warren.NotFound):
            call()


@case("errors of calls")
def a_sandbox_that_never_was(t):
    # One of the server's backends cannot be asked for it, whichever serves, and its answer says so.
    with t.assertRaisesRegex((warren.NotFound, warren.Unavailable), "no such sandbox|could not be asked of gone"):
        warren.Sandbox.connect("sb" + "0" * 20, client=t.client)


@case("errors of calls")
def what_is_out_of_bounds(t):
    sandbox = t.sandbox()
    for says, call in (("lifetime", lambda: t.sandbox(lifetime=0.1)),
                       ("timeout", lambda: sandbox.run_code("1", timeout=LONG * 48)),
                       ("metadata", lambda: t.sandbox(metadata={"a": "x" * 2000})), ("env", lambda: t.sandbox(env={"1": "x"})),
                       ("language", lambda: sandbox.contexts.create("cobol"))):
        with t.assertRaisesRegex(warren.InvalidArgument, says):
            call()


@case("errors of calls")
def those_of_another_tenant_are_not_there(t):
    sandbox = t.sandbox()
    for client in t.others:
        with t.assertRaises(warren.NotFound):
            warren.Sandbox.connect(sandbox.id, client=client)
