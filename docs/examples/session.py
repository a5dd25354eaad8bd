"""A working session in one sandbox, with Warren's Python client: data in, two languages at the same time, a picture out, a
terminal, a pause, and everything where it was.

    python3 session.py [PICTURE]       where the plot goes; default: temperatures.png

The server is that of WARREN_ADDRESS; its default template must have pandas and matplotlib. Each step is checked: the exit code
is 0 only if all of it is as this says.
"""

import math
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from warren import Sandbox, SandboxState

DAYS, STATIONS = 365, ("harbour", "summit", "valley")


def make_csv(path):
    """A year of daily temperatures. One reading in fifty failed, and says ERROR."""
    rows = ["day,station,celsius"]
    for day in range(DAYS):
        for place, station in enumerate(STATIONS):
            celsius = 10 + 4 * place - 12 * math.cos(2 * math.pi * day / DAYS) + (day * 7 + place) % 5
            rows.append(f"{day},{station},{'ERROR' if len(rows) % 50 == 0 else round(celsius, 1)}")
    path.write_text("\n".join(rows) + "\n")
    return len(rows) - 1


# Either cell waits for a file that the other one makes, so both end only because they run at the same time.
ANALYSIS = """
import os, time
import pandas as pd
open("analysing", "w").close()
readings = pd.read_csv("data/temperatures.csv", na_values="ERROR")
warmest = readings.groupby("station").celsius.mean().idxmax()
while not os.path.exists("grepped"):
    time.sleep(0.01)
print(len(readings), warmest)
"""
GREP = """
until [ -e ~/analysing ]; do sleep 0.01; done
cd ~/data && bad=$(grep -c ERROR temperatures.csv) && echo "$bad"
touch ~/grepped
"""
PLOT = """
import matplotlib.pyplot as plt
table = readings.pivot(index="day", columns="station", values="celsius").rolling(7, min_periods=1).mean()
table.plot(ylabel="°C, mean of a week", title="A year of three stations", figsize=(9, 4)).figure.savefig("plot.png")
plt.close()
"""


def check(condition, what):
    if not condition:
        sys.exit(f"session: {what}")


def cell(run, code, **arguments):
    """Runs a cell that must not fail; what it printed."""
    return run(code, timeout=300, **arguments).raise_for_error().stdout.strip()


def ask(terminal, line, answer):
    """Types a line, and reads until the answer, a pattern, is on the screen: its groups."""
    terminal.write(line + "\n")
    screen = ""
    for output in terminal:
        screen += output.text
        if found := re.search(answer, screen):
            return found.groups()
    sys.exit(f"session: the terminal ended without an answer to {line!r}; it showed {screen!r}")


def state(sandbox, shell, terminal):
    """What must be the same after a pause: interpreters and shells with their pids, variables and directories; files."""
    return {
        "python": cell(sandbox.run_code, "print(os.getpid(), len(readings), warmest, table.shape)"),
        "bash": cell(shell.run, "echo $$ $bad; pwd"),
        # The line that is typed is on the screen too, but with no pid in it.
        "terminal": ask(terminal, 'echo "at $PWD with $STAGE in $$."', r"at (/\S+) with (\S+) in (\d+)\."),
        "files": sorted((entry.path, entry.size_bytes) for entry in sandbox.files.list(depth=2)),
    }


def main(picture):
    with tempfile.TemporaryDirectory() as directory, Sandbox.create(lifetime=3600) as sandbox:
        csv = Path(directory, "temperatures.csv")
        rows = make_csv(csv)
        sandbox.files.upload(csv, "data/temperatures.csv")
        print(f"uploaded {rows} rows to {sandbox.id}")

        shell = sandbox.contexts.create("bash")
        with ThreadPoolExecutor() as pool:
            analysis = pool.submit(cell, sandbox.run_code, ANALYSIS)
            grep = pool.submit(cell, shell.run, GREP)
            analysed, warmest = analysis.result().split()
            bad = int(grep.result())
        check(int(analysed) == rows, f"{analysed} rows were analysed, not {rows}")
        check(bad == rows // 50, f"grep found {bad} failed readings, not {rows // 50}")
        print(f"python: {warmest} is the warmest station; bash, meanwhile: {bad} readings failed")

        cell(sandbox.run_code, PLOT)
        sandbox.files.download("plot.png", picture)
        png = picture.read_bytes()
        check(png.startswith(b"\x89PNG\r\n\x1a\n") and png.endswith(b"IEND\xaeB`\x82"), f"{picture} is not a whole PNG")
        print(f"downloaded the plot to {picture}, {len(png)} bytes")

        with sandbox.terminal(timeout=600) as terminal:
            ask(terminal, "cd /tmp && export STAGE=analysed && echo ready=$?", r"ready=(0)")
            before = state(sandbox, shell, terminal)
            check(before["terminal"][:2] == ("/tmp", "analysed"), f"the terminal is at {before['terminal']}")

            sandbox.pause()
            check(sandbox.get_info().state is SandboxState.PAUSED, "the sandbox is not paused")
            print("paused")
            sandbox.resume()
            after = state(sandbox, shell, terminal)
            for part, was in before.items():
                check(after[part] == was, f"{part}: {was} before the pause, {after[part]} after it")
            print("resumed: the same pids, variables, directories and files")
            terminal.write("exit\n")
            check(terminal.wait().exit_code == 0, "the shell did not end with 0")

    print(f"session: {rows} rows uploaded, analysed in Python while bash grepped them, a PNG of {len(png)} bytes downloaded; "
          "a terminal, both contexts and all files were where they were after a pause")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "temperatures.png"))
