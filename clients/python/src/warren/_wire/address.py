"""Where the server is, and how gRPC is told to speak to it."""

from __future__ import annotations

import os
from typing import Optional

DEFAULT_ADDRESS = "unix:///run/warren/warren.sock"

# A connection of its own for each client, gone with it; no proxy of the environment on the way to a local server; and an
# address that answers again is found soon.
CHANNEL_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


def address_or_default(address: Optional[str]) -> str:
    """`unix:///PATH` or HOST:PORT: the one given, else that of WARREN_ADDRESS, else the server's own default."""
    return address or os.environ.get("WARREN_ADDRESS") or DEFAULT_ADDRESS
