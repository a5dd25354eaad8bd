"""The code that is run, the same text in Warren and in what it is compared with."""

ONE = "1+1"
ONE_EXPECT = "2"

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


def flood(size):
    """Writes size bytes to standard output, in the largest pieces that a pipe takes at once."""
    return f"""import os
piece = memoryview(b"x" * (1 << 20))
left = {size}
while left > 0:
    left -= os.write(1, piece[: min(left, len(piece))])
"""


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
