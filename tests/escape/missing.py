"""What may be "not on this host": the checked-in list, as `warren doctor --attack --allow-missing` reads it."""

import os

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "not_on_this_host.txt")


def entries():
    """[(GROUP/NAME, part of the reason)]."""
    with open(FILE) as file:
        lines = [line.strip() for line in file]
    return [tuple(line.split(": ", 1)) for line in lines if line and not line.startswith("#")]


def allowed(probe, report):
    """True where the report says "not on this host" and the list knows probe and reason; prints it for tools/test to count."""
    if report["verdict"] != "not_on_this_host":
        return False
    print(f"\nNOT ON THIS HOST: {probe}: {report['detail']}", flush=True)
    return any(name == probe and part in report["detail"] for name, part in entries())
