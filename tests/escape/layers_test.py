"""For every layer: with it switched off, the probes of the claims that it enforces report Broken.

Needs root, and a build with WARREN_TEST_LAYERS=ON (preset `layers`), whose PREFIX is in WARREN_TEST_PREFIX. Runs in
throwaway namespaces, for sandboxes with a layer off are no sandboxes: nothing of it reaches the host's processes, network,
or IPC objects. Each combination of layers that some probe names is one run of `warren doctor --attack`.
"""

import collections
import json
import os
import subprocess
import sys
import unittest

import missing
from unconfined_test import HERE, all_probes, environment, patience, report_of

PREFIX = os.environ.get("WARREN_TEST_PREFIX", "")

# TestLayer of runtime/launch/child/test_layers.h, in its order.
LAYERS = ("seccomp", "landlock", "capabilities", "no_new_privileges", "identity", "descriptors", "rlimits", "pid_namespace",
          "mount_namespace", "net_namespace", "ipc_namespace", "uts_namespace", "cgroup_namespace", "user_ids", "cgroup",
          "proc_masks", "layer_size", "undumpable")
# Without no_new_privs and without a capability the kernel loads no filter: both have to go.
ALONG = {"no_new_privileges": ("capabilities",)}


def combinations():
    """(Layers, who attacks) → the probes whose claims those enforce together."""
    found = collections.defaultdict(list)
    for probe in all_probes():
        if set(probe["layer"]) <= set(LAYERS):
            attacker = "root" if probe["profiles"] == ["root"] else "user"
            found[tuple(sorted(probe["layer"])), attacker].append(probe)
    return found


def attack_without(layers, attacker):
    """{name: report} of the probes of these layers, in sandboxes without them."""
    off = set(layers).union(*(ALONG.get(layer, ()) for layer in layers))
    bits = sum(1 << LAYERS.index(layer) for layer in off)
    command = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", "--ipc", "--uts", "--net", "--kill-child", "--",
               sys.executable, "-B", os.path.join(HERE, "throwaway.py"), "--run",
               os.path.join(PREFIX, "bin/warren"), "doctor", "--attack", "--json", "--jobs", "1", "--as", attacker,
               "--layers", ",".join(layers)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=patience(900), stdin=subprocess.DEVNULL,
                          env=dict(environment(), WARREN_UNSAFE_LAYERS_OFF=str(bits)))
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    reports = [line for line in lines if "verdict" in line]
    if not reports:
        raise AssertionError(f"no report; standard error: {done.stderr[-800:]}")
    return {report["name"]: report for report in reports}


def lacking(probe, report):
    """True where the host lacks what the probe attacks.

    Inside a sandbox the kernel's own refusal looks like the filter's. So where a claim holds without its layer, the probe is
    asked once more without a sandbox, where it can tell.
    """
    if report["verdict"] == "held":
        report = report_of(probe)
    return missing.allowed(f"{probe['group']}/{probe['name']}", report)


class Layers(unittest.TestCase):
    def test_every_layer_is_what_keeps_its_claims(self):
        for (layers, attacker), probes in sorted(combinations().items()):
            try:
                reports = attack_without(layers, attacker)
            except AssertionError as error:
                with self.subTest(without=layers, attacker=attacker):
                    raise error
                continue
            for probe in probes:
                with self.subTest(without=layers, attacker=attacker, probe=probe["name"]):
                    report = reports.get(probe["name"], {"verdict": "missing", "detail": ""})
                    if report["verdict"] != "broken" and not lacking(probe, report):
                        # The name in the reason too: a summary shows no more than that.
                        self.fail(f"{probe['group']}/{probe['name']} without {', '.join(layers)}: {report['verdict']}: "
                                  f"{report['detail']}")

    def test_every_layer_is_tried(self):
        tried = {layer for layers, _ in combinations() for layer in layers}
        self.assertEqual(set(LAYERS) - tried, set())


if __name__ == "__main__":
    unittest.main()
