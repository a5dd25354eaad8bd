"""The code that is run, the same text in Warren and in what it is compared with."""

ONE = "1+1"
ONE_EXPECT = "2"

# Long enough that many at once are under way at once.
WAITING = "import time; time.sleep(0.05); 1+1"
WAITING_EXPECT = "2"

# The end of the work shows in the output; nothing is printed before.
DONE = "done"

PANDAS = """import pandas
frame = pandas.DataFrame({"a": range(200), "b": [n * 0.5 for n in range(200)], "c": [n % 7 for n in range(200)]})
text = str(frame.describe())
print("done")
"""

# A model of scikit-learn's and a figure, drawn and written as PNG.
FIGURE = """import pandas
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
data = load_iris(as_frame=True)
model = RandomForestClassifier(n_estimators=10, random_state=0).fit(data.data, data.target)
text = str(data.data.describe())
figure, axes = plt.subplots()
axes.scatter(data.data.iloc[:, 0], data.data.iloc[:, 1], c=model.predict(data.data))
axes.set_title("iris")
figure.savefig("/tmp/figure.png")
plt.close(figure)
print("done")
"""

# {session} is the session's number: a later cell shows that it met the state of its own session.
SESSION_FIRST = PANDAS.replace('print("done")', 'session = {session}\nprint("session", session, "end")')
SESSION_FIRST_EXPECT = "session {session} end"
SESSION_FURTHER = 'print("still", session, len(frame), "end")'
SESSION_FURTHER_EXPECT = "still {session} 200 end"


# A process that computes, and whether it is still there.
BUSY = """import subprocess
busy = subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
print("done")
"""
BUSY_STILL = 'print("ended:", busy.poll())'
BUSY_STILL_EXPECT = "ended: None"

# The least that a command can do.
COMMAND = "true"


def flood(size):
    """Writes size bytes to standard output, in the largest pieces that a pipe takes at once."""
    return f"""import os
piece = memoryview(b"x" * (1 << 20))
left = {size}
while left > 0:
    left -= os.write(1, piece[: min(left, len(piece))])
"""


def connects(host, port, count):
    """Prints times in nanoseconds: "connect", from the call with the host's name or address to the byte that came back, one after
    the other; "lookup", of the host alone."""
    return f"""import json, socket, time
def connect():
    begin = time.perf_counter_ns()
    with socket.create_connection(("{host}", {port}), 60) as connection:
        connection.sendall(b"x")
        if connection.recv(1) != b"x":
            raise OSError("the byte did not come back")
        return time.perf_counter_ns() - begin
def lookup():
    begin = time.perf_counter_ns()
    socket.getaddrinfo("{host}", {port}, 0, socket.SOCK_STREAM)
    return time.perf_counter_ns() - begin
for _ in range(10):
    connect()
print(json.dumps({{"connect": [connect() for _ in range({count})], "lookup": [lookup() for _ in range({count})]}}))
"""


def stream(host, port, size):
    """Prints the time in nanoseconds, "elapsed", from the request for size bytes to the last of them."""
    return f"""import json, socket, time
buffer = bytearray(1 << 20)
with socket.create_connection(("{host}", {port}), 60) as connection:
    begin = time.perf_counter_ns()
    connection.sendall(({size}).to_bytes(8, "big"))
    left = {size}
    while left > 0:
        got = connection.recv_into(buffer)
        if got == 0:
            raise OSError(f"the stream ended {{left}} bytes early")
        left -= got
    print(json.dumps({{"elapsed": time.perf_counter_ns() - begin}}))
"""


def uses(package):
    """Imports a package that was installed meanwhile."""
    return f"import {package}\nprint({package}.what)"


USES_EXPECT = "installed"

# What an idle connection takes of Python itself it takes here, without a network: by a lookup that fails, and a connection to
# itself.
MEET = """import socket
def meet(host, port, answer=lambda: None):
    connection = socket.create_connection((host, port), 60)
    connection.sendall(b"x")
    answer()
    return connection, connection.recv(1)
def rehearse():
    try:
        socket.getaddrinfo("nobody.bench", 1)
    except OSError:
        pass
    listener = socket.create_server(("127.0.0.1", 0))
    def answer():
        accepted, _ = listener.accept()
        accepted.sendall(accepted.recv(1))
    return meet(*listener.getsockname(), answer)
print("alone", rehearse()[1])
"""
MEET_EXPECT = "alone b'x'"
MEETING_EXPECT = "met b'x'"


def meeting(host, port):
    """After MEET: a connection that a byte went over and back, and that stays."""
    return f'held = meet("{host}", {port})\nprint("met", held[1])'


# Forks, memory, disk, output, descriptors and signals at once; it ends only by its own excess.
HOSTILE = """import os, signal, time
def rage(kind):
    while True:
        try:
            if kind == 0:
                os.fork()
            elif kind == 1:
                with open(f"/tmp/{time.monotonic_ns()}", "wb") as file:
                    file.write(b"x" * 65536)
            elif kind == 2:
                os.open("/dev/null", os.O_RDONLY)
            elif kind == 3:
                os.write(1, b"y" * 65536)
            elif kind == 4:
                os.kill(os.getpid(), signal.SIGURG)
            else:
                hoard = [b"x" * 1048576 for _ in range(64)]
        except (OSError, MemoryError):
            pass
for number in range(12):
    try:
        if os.fork() == 0:
            rage(number % 6)
    except OSError:
        pass
rage(4)
"""


def _attack(body, processes=8):
    """`body` defines rage(number), one round of one kind of excess, which that many processes repeat without an end; what is
    refused is tried again."""
    return f"""{body}
def rage_on(number):
    while True:
        try:
            rage(number)
        except (OSError, MemoryError, ValueError):
            pass
for number in range({processes}):
    try:
        if os.fork() == 0:
            rage_on(number)
    except OSError:
        pass
rage_on({processes})
"""


# One kind of excess each; none ends by itself.
ATTACKS = {
    # Who is refused ends, so that there is room for the fork of another: all of them fork and end all the time.
    "forks": """import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def rage():
    while True:
        try:
            os.fork()
        except OSError:
            os._exit(0)
while True:
    try:
        if os.fork() == 0:
            rage()
    except OSError:
        time.sleep(0.001)
""",
    # As many descriptors as there may be, of every kind, closed at once.
    "closes": _attack("""import os, select, socket
def rage(number):
    held = []
    try:
        while True:
            held += [os.pipe(), socket.socketpair(), select.epoll(), os.memfd_create("held"), os.open("/tmp", os.O_RDONLY)]
    except OSError:
        pass
    held.clear()
    os.closerange(9, 1024)
"""),
    # Written, read back and dropped; and files of the template read, more than there is memory for.
    "pages": _attack("""import os
def read(path, buffer):
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
def rage(number):
    buffer = bytearray(1048576)
    if number % 2:
        for folder, _, names in os.walk("/usr/lib"):
            for name in names:
                try:
                    read(os.path.join(folder, name), buffer)
                except OSError:
                    pass
        return
    path = f"/tmp/{number}"
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(24):
                file.write(buffer)
        read(path, buffer)
    finally:
        os.unlink(path)
"""),
    "files": _attack("""import os
def rage(number):
    folder = f"/tmp/{number}"
    os.makedirs(folder, exist_ok=True)
    try:
        for name in range(2000):
            with open(f"{folder}/{name}", "wb", buffering=0) as file:
                file.write(b"x" * 1024)
    finally:
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
"""),
    "memory": _attack("""import mmap, os
def rage(number):
    with mmap.mmap(-1, 16 << 20) as block:
        for at in range(0, len(block), 4096):
            block[at] = 1
"""),
    "output": _attack("""import os
def rage(number):
    os.write(1, b"y" * 65536)
""", 4),
    "signals": _attack("""import os, signal
signal.signal(signal.SIGURG, lambda number, frame: None)
def rage(number):
    os.kill(os.getpid(), signal.SIGURG)
"""),
}

# A sandbox that holds what small limits allow: files, processes and memory. They stay when the cell has ended.
FULL = """import mmap, os, signal
os.mkdir("/home/user/held")
for name in range(6000):
    with open(f"/home/user/held/{name}", "wb", buffering=0) as file:
        file.write(b"x" * 4096)
blocks = [mmap.mmap(-1, 1 << 20) for _ in range(24)]
for block in blocks:
    for at in range(0, len(block), 4096):
        block[at] = 1
try:
    while True:
        if os.fork() == 0:
            while True:
                signal.pause()
except OSError:
    pass
print("full")
"""
FULL_EXPECT = "full"
