"""Sockets: of the kernel's families, protocols and options only those that loopback and local processes need are open."""

import ctypes
import errno
import os
import socket

from attack import DENIED, Broken, fails, probe, refused, syscall


def closed_family(family, kind=socket.SOCK_STREAM, protocol=0):
    """socket() is refused by the filter, not by the kernel for want of a module."""
    refused(41, family, kind, protocol, errnos=(errno.EPERM, errno.ENOSYS, errno.EACCES))


@probe("seccomp")
def probe_socket_alg(host):
    """The kernel's cryptography (AF_ALG) is closed."""
    closed_family(38, socket.SOCK_SEQPACKET)


@probe("seccomp")
def probe_socket_vsock(host):
    """Sockets to the hypervisor (AF_VSOCK), which no namespace separates, are closed."""
    closed_family(40)


@probe("seccomp, capabilities")
def probe_socket_packet(host):
    """Packet sockets are closed, by their family and by their old type."""
    closed_family(17, socket.SOCK_RAW)
    closed_family(2, 10)


@probe("seccomp, capabilities")
def probe_socket_raw(host):
    """Raw sockets are closed."""
    closed_family(2, socket.SOCK_RAW, 1)
    closed_family(10, socket.SOCK_RAW, 58)


@probe("seccomp")
def probe_socket_rare_families(host):
    """All socket families but Unix, IPv4, IPv6 and netlink are closed."""
    for family in range(3, 46):
        if family not in (10, 16):
            closed_family(family, socket.SOCK_DGRAM)


@probe("seccomp")
def probe_socket_rare_protocols(host):
    """Protocols that would load rarely used modules (SCTP, DCCP, MPTCP, UDP-Lite) are closed."""
    for kind, protocol in ((socket.SOCK_STREAM, 132), (6, 33), (socket.SOCK_DGRAM, 136), (socket.SOCK_STREAM, 262)):
        result, error = syscall(41, 2, kind, protocol)
        if result >= 0:
            os.close(result)
            raise Broken(f"protocol {protocol} opens")
        if error not in DENIED + (errno.EPROTONOSUPPORT, errno.EACCES) or (host["unconfined"] and protocol == 132):
            raise Broken(f"protocol {protocol}: {errno.errorcode.get(error, error)}")


@probe("seccomp")
def probe_family_high_bits(host):
    """Bits that the kernel cuts off do not let a closed family or request through."""
    closed_family(38 | 1 << 32, socket.SOCK_SEQPACKET)
    closed_family(17 | 1 << 32, socket.SOCK_RAW)


@probe("seccomp")
def probe_netlink(host):
    """Of netlink only routing is open: no packet filter, no IPsec, no connector, no device events."""
    for protocol in (2, 4, 6, 9, 11, 12, 15, 16, 18, 20, 21):
        refused(41, 16, socket.SOCK_RAW, protocol,
                errnos=(errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EPROTONOSUPPORT) if not host["unconfined"] else ())


@probe("seccomp, capabilities")
def probe_socket_namespace_handle(host):
    """A socket does not give out the network namespace that it was made in (SIOCGSKNS)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        refused(16, sock.fileno(), 0x894C, 0)


@probe("seccomp")
def probe_socket_peer_pidfd(host):
    """A socket does not turn its peer into a process handle (SO_PEERPIDFD, SO_PASSPIDFD)."""
    left, right = socket.socketpair()
    with left, right:
        refused(55, left.fileno(), 1, 77, 0, 0, errnos=DENIED + (errno.ENOPROTOOPT,) if not host["unconfined"] else ())
        refused(54, left.fileno(), 1, 76, 0, 0, errnos=DENIED + (errno.ENOPROTOOPT,))


@probe("seccomp")
def probe_socket_filters(host):
    """Sockets take no BPF program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for option in (26, 50, 51, 52):
            refused(54, sock.fileno(), 1, option, 0, 0, errnos=DENIED + (errno.ENOPROTOOPT,))


@probe("seccomp")
def probe_kernel_tls(host):
    """Encryption in the kernel (TLS in TCP, ESP in UDP) is closed."""
    with socket.socket() as sock:
        refused(54, sock.fileno(), 6, 31, ctypes.c_char_p(b"tls"), 4,
                errnos=DENIED + ((errno.ENOPROTOOPT,) if not host["unconfined"] else ()))


@probe("seccomp")
def probe_out_of_band_data(host):
    """Out-of-band data on Unix sockets is closed (CVE-2025-38236)."""
    left, right = socket.socketpair()
    with left, right:
        fails("send out-of-band data", lambda: left.send(b"x", socket.MSG_OOB))


@probe("seccomp, capabilities")
def probe_packet_filter_tables(host):
    """Packet filter tables cannot be replaced through socket options (CVE-2021-22555)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        refused(54, sock.fileno(), 0, 64, 0, 0)
