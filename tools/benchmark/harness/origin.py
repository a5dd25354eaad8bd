"""What sandboxes with a network talk to: servers of the run's own on 127.0.0.1, and the egress policy that opens them."""

import json

# Known to no name server.
NAME = "origin.bench"
ADDRESS = "127.0.0.1"

_POLICY = """name: "bench"
enabled: true
open {{ host: "{address}" ports {{ first: {echo} }} ports {{ first: {stream} }} }}
names {{ name: "{name}" addresses: "{address}" }}
"""


class Origin:
    """Its ports: echo, which gives back what comes, and stream, which sends as many bytes as it is asked for.
    Lifecycle: Origin() -> close()."""

    def __init__(self, client, policy):
        """policy: where the file for warrend --egress-policy goes."""
        self._server = client.serve_origin()
        ports = json.loads(self._server.first_line)
        self.echo = ports["echo"]
        self.stream = ports["stream"]
        self.policy = policy
        with open(policy, "w") as file:
            file.write(_POLICY.format(address=ADDRESS, name=NAME, **ports))

    def close(self):
        self._server.close()
