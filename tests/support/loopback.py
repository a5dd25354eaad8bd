"""What a server of a test's own listens by: a port that is free, and a certificate."""

import os
import socket
import subprocess


# Until this process ends: a port that is let go may be the next one that somebody is given.
_held = []


def free_port():
    """A port where nobody listens, and nobody can but a server that sets SO_REUSEADDR, as Warren's do."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _held.append(probe)
    return probe.getsockname()[1]


def make_certificate(folder, *names):
    """For these names of hosts, as an authority of its own; of two days. The paths of it and of its key."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={','.join(f'DNS:{name}' for name in names)}",
                    "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
