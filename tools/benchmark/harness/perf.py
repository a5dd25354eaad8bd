"""A profile of the whole host by perf, for rows that fall short."""

import os
import shutil
import signal
import subprocess
import tempfile

_SHOWN = 12


def available():
    return shutil.which("perf") is not None and os.geteuid() == 0


def profile(work):
    """Runs work() under perf. [[share of the samples, command, symbol]...] of what was not idle; [] where perf failed."""
    with tempfile.TemporaryDirectory(prefix="warren-bench-perf.") as folder:
        data = os.path.join(folder, "perf.data")
        # cpu-clock: a virtual machine may have no hardware counters.
        record = ["perf", "record", "--all-cpus", "--freq=499", "--event=cpu-clock", f"--output={data}"]
        recorder = subprocess.Popen(record, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            work()
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait()
        return _read(data)


def _read(data):
    report = ["perf", "report", f"--input={data}", "--stdio", "--sort=comm,symbol", "--field-separator=;"]
    done = subprocess.run(report, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    rows = []
    for line in done.stdout.splitlines():
        fields = [field.strip() for field in line.split(";")]
        if line.startswith("#") or len(fields) < 3 or fields[1] == "swapper":
            continue
        try:
            rows.append([float(fields[0].rstrip("%")), fields[1], fields[2]])
        except ValueError:
            continue
    total = sum(row[0] for row in rows)
    return [[round(share / total, 4), command, symbol] for share, command, symbol in rows[:_SHOWN]]


def in_words(rows):
    """'perf: 12 % clear_page_erms (python3), ...'"""
    listed = ", ".join(f"{share:.0%} {symbol.split('] ')[-1]} ({command})" for share, command, symbol in rows[:6])
    return f"perf, of the time not idle: {listed}"
