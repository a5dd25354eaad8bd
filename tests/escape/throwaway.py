"""A throwaway host: throwaway.py GROUP PROBE runs one probe there, without a sandbox; throwaway.py --run COMMAND... a command.

Started through `unshare` in pid, mount, IPC, UTS and network namespaces of its own, so that nothing here reaches the
host's processes or network: not even when a test takes a sandbox's walls down. A probe's report is printed as in a sandbox.
"""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import subprocess
import sys

PACE = float(os.environ.get("WARREN_PACE", 1))
PROBES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probes")
SIOCSIFADDR, SIOCSIFFLAGS, SIOCSIFNETMASK, SIOCADDRT = 0x8916, 0x8914, 0x891C, 0x890B


def configure(request, name, payload):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, request, struct.pack("16s24s", name.encode(), payload))


def route_multicast():
    """As a host's default route does: 224.0.0.0/4, through the loopback."""
    device = ctypes.create_string_buffer(b"lo")
    addresses = [struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(each)) for each in ("224.0.0.0", "0.0.0.0", "240.0.0.0")]
    # struct rtentry: destination, gateway, mask, RTF_UP, the device.
    route = struct.pack("@L16s16s16sHhLPhP2LH", 0, *addresses, 1, 0, 0, 0, 0, ctypes.addressof(device), 0, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCADDRT, route)


def make_network():
    """The loopback of this namespace answers at the addresses that probes ask for."""
    # As hosts have it where services start without root: nothing but a namespace of its own keeps a user from these ports.
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as file:
        file.write("0")
    configure(SIOCSIFFLAGS, "lo", struct.pack("H", 0x49))
    for number, address in enumerate(("192.0.2.1", "169.254.169.254")):
        name = f"lo:{number}"
        configure(SIOCSIFADDR, name, struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(address)))
        configure(SIOCSIFNETMASK, name, struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton("255.255.255.0")))
    route_multicast()
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        address = socket.inet_pton(socket.AF_INET6, "fd00:ec2::254")
        fcntl.ioctl(sock, SIOCSIFADDR, struct.pack("16sIi", address, 128, socket.if_nametoindex("lo")))


def make_interface():
    """A second interface, as hosts have, for as long as the result is open."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"host0", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
    return fd


def listen(family, address):
    sock = socket.socket(family)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(address)
    sock.listen()
    return sock


def listen_as_services():
    """Those that probes look for on a host's network, as long as the result is kept."""
    return [listen(family, ("", 80)) for family in (socket.AF_INET, socket.AF_INET6)]


def make_host():
    """What the runner of the suite has on its host, here."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", "/tmp"], check=True)
    with open("/tmp/marker", "w") as file:
        file.write("secret of the host")
    kept = [listen(socket.AF_UNIX, "\0unconfined"), listen(socket.AF_UNIX, "/tmp/service"), listen(socket.AF_INET, ("", 0))]
    kept += listen_as_services()
    # What a careless parent leaves open.
    kept.append(os.open("/usr", os.O_RDONLY))
    neighbour = subprocess.Popen(["sleep", "1000"])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host = {"marker": "/tmp/marker", "tcp_port": kept[2].getsockname()[1], "abstract": "unconfined",
            "socket": "/tmp/service", "pid": neighbour.pid, "hostname": socket.gethostname(), "token": "warren-unconfined",
            "planted": None, "unconfined": True, "pace": PACE, "profile": "user"}
    return host, kept


def run_probe(group, name):
    sys.path.insert(0, PROBES)
    # Before make_host covers /tmp: these files may lie there themselves.
    attack, probes = __import__("attack"), __import__(group)
    host, kept = make_host()
    attack.run(probes, f"probe_{name}", host)
    del kept


def main():
    if os.getpid() != 1:
        sys.exit("throwaway.py is for a pid namespace of its own: see unconfined_test.py")
    make_network()
    interface = make_interface()
    # A probe alone makes the whole host.
    services = listen_as_services() if sys.argv[1] == "--run" else []
    # In a child: pid 1 is to it what init is in a sandbox, and some calls treat it apart.
    child = os.fork()
    if child == 0:
        if sys.argv[1] == "--run":
            os.execv(sys.argv[2], sys.argv[2:])
        # What only a hang takes.
        signal.alarm(int(60 * PACE))
        run_probe(*sys.argv[1:])
        os._exit(0)
    code = None
    while code is None:
        pid, status = os.wait()
        code = os.waitstatus_to_exitcode(status) if pid == child else None
    os.close(interface)
    del services
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
