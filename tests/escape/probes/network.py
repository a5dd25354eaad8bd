"""Network: none. Not the host's loopback, not a name, not a route."""

import errno
import os
import socket
import struct

from attack import DENIED, Broken, NotOnThisHost, fails, patience, probe


def unreachable(family, address, kind=socket.SOCK_STREAM):
    """Nothing answers at the address, and no packet leaves for it."""
    try:
        opened = socket.socket(family, kind)
    except OSError as error:
        if family == socket.AF_INET6 and error.errno == errno.EAFNOSUPPORT:
            raise NotOnThisHost("this kernel has no IPv6") from error
        raise
    with opened as sock:
        sock.settimeout(patience())
        try:
            sock.connect(address)
            if kind == socket.SOCK_DGRAM:
                sock.send(b"x")
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EADDRNOTAVAIL) + DENIED:
                return
            raise Broken(f"{address}: {error}") from error
        raise Broken(f"{address} is reachable")


@probe("net_namespace")
def probe_host_loopback(host):
    """A server on the host's 127.0.0.1 cannot be reached."""
    unreachable(socket.AF_INET, ("127.0.0.1", host["tcp_port"]))


@probe("net_namespace")
def probe_host_loopback_by_other_names(host):
    """Nor by the other addresses that mean it."""
    for address in ("127.0.1.1", "0.0.0.0"):
        unreachable(socket.AF_INET, (address, host["tcp_port"]))
    for address in ("::1", "::ffff:127.0.0.1"):
        unreachable(socket.AF_INET6, (address, host["tcp_port"]))


@probe("net_namespace")
def probe_no_route(host):
    """There is no route to any address."""
    unreachable(socket.AF_INET, ("192.0.2.1", 80))
    unreachable(socket.AF_INET, ("192.0.2.1", 9), socket.SOCK_DGRAM)


@probe("net_namespace")
def probe_metadata_service(host):
    """The cloud's metadata service cannot be reached."""
    unreachable(socket.AF_INET, ("169.254.169.254", 80))


@probe("net_namespace")
def probe_metadata_service_v6(host):
    """Nor by its IPv6 address."""
    unreachable(socket.AF_INET6, ("fd00:ec2::254", 80))


@probe("net_namespace")
def probe_name_service(host):
    """No name server can be asked."""
    unreachable(socket.AF_INET, ("192.0.2.53", 53), socket.SOCK_DGRAM)
    try:
        with open("/etc/resolv.conf") as file:
            servers = [line.split()[1] for line in file if line.startswith("nameserver")]
    except OSError:
        servers = []
    for server in servers:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        if not server.startswith("127."):
            unreachable(family, (server, 53), socket.SOCK_DGRAM)


@probe("net_namespace")
def probe_multicast(host):
    """Neither broadcast nor multicast reaches anybody."""
    unreachable(socket.AF_INET, ("224.0.0.1", 9), socket.SOCK_DGRAM)
    unreachable(socket.AF_INET6, ("ff0e::1", 9), socket.SOCK_DGRAM)


@probe("net_namespace")
def probe_abstract_sockets(host):
    """An abstract socket of the host cannot be connected to."""
    with socket.socket(socket.AF_UNIX) as sock:
        fails("connect to the host's abstract socket", lambda: sock.connect("\0" + host["abstract"]))
    with open("/proc/net/unix") as file:
        if host["abstract"] in file.read():
            raise Broken("/proc/net/unix lists it")


@probe("template_root")
def probe_sockets_of_host(host):
    """No socket file of the host's services exists inside."""
    places = [host["socket"]] if host["socket"] else []
    places += ["/run/warren/warren.sock", "/run/systemd/private", "/run/dbus/system_bus_socket", "/var/run/docker.sock",
               "/run/containerd/containerd.sock", "/dev/log"]
    for place in places:
        if os.path.lexists(place):
            raise Broken(f"{place} is there")
    # Of the sandbox itself: where its agent is found.
    theirs = set(os.listdir("/run/warren")) - {"sudo"} if os.path.isdir("/run/warren") else ()
    if theirs:
        raise Broken(f"{theirs} of /run/warren")


@probe("net_namespace")
def probe_only_loopback(host):
    """The only network interface is the sandbox's own loopback."""
    names = [name for _, name in socket.if_nameindex()]
    if names != ["lo"]:
        raise Broken(f"interfaces {names}")


@probe("capabilities")
def probe_configure_interface(host):
    """Addresses and interfaces cannot be changed."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.bind((0, 0))
        # RTM_NEWLINK with NLM_F_REQUEST | NLM_F_ACK, for interface 1, changing nothing.
        body = struct.pack("=BBHiII", 0, 0, 0, 1, 0, 0)
        sock.send(struct.pack("=IHHII", 16 + len(body), 16, 5, 1, 0) + body)
        answer = sock.recv(4096)
    error = struct.unpack_from("=i", answer, 16)[0]
    if error not in (-errno.EPERM, -errno.EACCES):
        raise Broken(f"RTM_NEWLINK answered {error}")


@probe("net_namespace")
def probe_interfaces_of_host(host):
    """/proc/net shows no interface, route or connection of the host."""
    with open("/proc/net/dev") as file:
        names = [line.split(":")[0].strip() for line in file if ":" in line]
    with open("/proc/net/route") as file:
        routes = file.readlines()[1:]
    with open("/proc/net/tcp") as file:
        if f":{host['tcp_port']:04X} " in file.read():
            raise Broken("the host's listener is listed")
    if names != ["lo"] or routes:
        raise Broken(f"{names}, {len(routes)} routes")


@probe("net_namespace")
def probe_low_ports(host):
    """A port below 1024 of the host cannot be taken: binding one takes it inside alone, or fails."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", 999))
        except OSError:
            return
    if socket.if_nameindex() != [(1, "lo")] or host["unconfined"]:
        raise Broken("port 999 of the host could be taken")
