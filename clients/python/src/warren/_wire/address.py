"""Where the server is, how gRPC is told to speak to it, and with which key."""

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
    """`unix:///PATH`, HOST:PORT or tls://HOST:PORT: the one given, else that of WARREN_ADDRESS, else the server's own default."""
    return address or os.environ.get("WARREN_ADDRESS") or DEFAULT_ADDRESS


_TLS = "tls://"


def tls_target(address: str) -> Optional[str]:
    """HOST:PORT of a tls:// address; None for others. The authorities are gRPC's own, or those of the file that
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names."""
    return address[len(_TLS):] if address.startswith(_TLS) else None


# What goes with each call beside its request.
Metadata = Optional[tuple[tuple[str, str], ...]]


def metadata_with_key(api_key: Optional[str]) -> Metadata:
    """The key given, else that of WARREN_API_KEY, else none. ValueError: it cannot be one; it is not repeated."""
    key = api_key or os.environ.get("WARREN_API_KEY") or ""
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("api_key (or WARREN_API_KEY) has characters that no key has: is there a line's end in it?")
    return (("authorization", f"Bearer {key}"),)
