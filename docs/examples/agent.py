"""What the code runner of an agent service does, with Warren's Python client: it takes steps as a model would ask for them, and
gives back what each came to.

    python3 agent.py

The server is that of WARREN_ADDRESS (and WARREN_API_KEY); nothing here knows what runs the code behind it. That is the server's
configuration: its own machine, another Warren, E2B's cloud, or the first of a list of those that answers. What this prints is
the same with each: agent.txt, beside it.
"""

import uuid
from datetime import datetime, timedelta, timezone
from typing import Callable, Mapping

from warren import Client, Execution, Sandbox, SandboxState

SALES = "month,city,sold\n1,Oslo,12\n1,Rome,30\n2,Oslo,15\n2,Rome,27\n3,Oslo,21\n3,Rome,33\n"

LOAD = """
import csv, sys

class Table:
    def __init__(self, rows):
        self.rows = rows

    def _repr_html_(self):
        cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in self.rows)
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"

with open("in/sales.csv") as file:
    sales = [(int(row["month"]), row["city"], int(row["sold"])) for row in csv.DictReader(file)]
print("read", len(sales), "rows")
print("no prices in this file", file=sys.stderr)
Table(sales)
"""

TOTALS = "tuple(sum(sold for _, town, sold in sales if town == city) for city in ('Oslo', 'Rome'))"

FIGURE = """
import struct, zlib
from IPython.display import Image

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

# A bar for each row, in grey on white.
height, widths = 40, [255] * 4 + [90] * 8
lines = [bytes(shade if sold >= height - y else 255 for _, _, sold in sales for shade in widths) for y in range(height)]
png = (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(lines[0]), height, 8, 0, 0, 0, 0))
       + chunk(b"IDAT", zlib.compress(b"".join(b"\\0" + line for line in lines))) + chunk(b"IEND", b""))
Image(png)
"""

SAVE = """
import os
os.makedirs("out", exist_ok=True)
with open("out/report.txt", "w") as file:
    for city in "Oslo", "Rome":
        print(city, sum(sold for _, town, sold in sales if town == city), file=file)
"""

SCRIPT = """
import sys
print("a script of its own:", sum(n * n for n in range(10)))
print("on stderr", file=sys.stderr)
"""


def show(step: str, *what: object) -> None:
    print(f"{step}:", *what)


def cell(run: Callable[[str], Execution], code: str) -> Execution:
    """One that must not fail."""
    return run(code).raise_for_error()


def use_files(sandbox: Sandbox) -> None:
    """A file goes in."""
    entry = sandbox.files.write("in/sales.csv", SALES)
    show("a file in", entry.path, entry.size_bytes, "bytes")
    show("the directory", sorted(entry.name for entry in sandbox.files.list("in")))


def use_cells(sandbox: Sandbox) -> None:
    """Cells of one interpreter, which keeps its state: output, a table, a value, a figure, an exception."""
    loaded = cell(sandbox.run_code, LOAD)
    show("stdout", loaded.stdout.strip())
    show("stderr", loaded.stderr.strip())
    table = loaded.result.html if loaded.result else None
    show("a table", (table or "").count("<tr>"), "rows")
    show("a value", cell(sandbox.run_code, TOTALS).text)
    figure = cell(sandbox.run_code, FIGURE)
    show("a figure", any((result.png or b"").startswith(b"\x89PNG\r\n\x1a\n") for result in figure.results))
    failed = sandbox.run_code("sales[0] / 2")
    show("an error", failed.error.name if failed.error else None)
    show("the state is still there", cell(sandbox.run_code, "len(sales)").text)


def use_contexts(sandbox: Sandbox) -> None:
    """A second interpreter, in another directory, which knows nothing of the first one's variables."""
    context = sandbox.contexts.create("python", cwd="/tmp")
    show("a second context", cell(context.run, "import os; print(os.getcwd())").stdout.strip())
    unknown = context.run("sales")
    show("and its variables", unknown.error.name if unknown.error else None)
    context.delete()


def use_programs(sandbox: Sandbox) -> None:
    """Commands and scripts."""
    found = sandbox.processes.run("grep -c Rome in/sales.csv")
    show("a command", found.stdout.strip(), "exit code", found.returncode)
    missed = sandbox.processes.run("grep -c Paris in/sales.csv; echo no Paris >&2; exit 7")
    show("one that fails", missed.stdout.strip(), missed.stderr.strip(), "exit code", missed.returncode)
    script = sandbox.run_script(source=SCRIPT)
    show("a script", script.stdout.strip(), "and", script.stderr.strip(), script.ok)


def take_report(sandbox: Sandbox) -> None:
    """A file comes out."""
    cell(sandbox.run_code, SAVE)
    show("a file out", sandbox.files.read_text("out/report.txt").splitlines())
    sandbox.files.remove("out/report.txt")
    show("is it still there", sandbox.files.exists("out/report.txt"))


def look_after(sandbox: Sandbox, client: Client, metadata: Mapping[str, str]) -> None:
    """What a service does with a session between two requests: finds it again, and has it live on."""
    sandbox.set_lifetime(timedelta(minutes=10))
    info = sandbox.get_info()
    left = info.expires_at - datetime.now(timezone.utc) if info.expires_at else timedelta()
    show("it runs", info.state is SandboxState.RUNNING, "for minutes", left > timedelta(minutes=5))
    show("found by its metadata", [found.id for found in Sandbox.list(metadata=metadata, client=client)] == [sandbox.id])
    again = Sandbox.connect(sandbox.id, client=client)
    show("connected again", cell(again.run_code, "len(sales)").text)


def main() -> None:
    metadata = {"session": uuid.uuid4().hex}
    with Client() as client:
        with Sandbox(lifetime=300, metadata=metadata, client=client) as sandbox:
            use_files(sandbox)
            use_cells(sandbox)
            use_contexts(sandbox)
            use_programs(sandbox)
            take_report(sandbox)
            look_after(sandbox, client, metadata)
        show("what is left", Sandbox.list(metadata=metadata, client=client))


if __name__ == "__main__":
    main()
