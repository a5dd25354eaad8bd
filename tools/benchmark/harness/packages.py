"""How the rows of packages are measured. Wheels are made for the samples, so that what is to be new to the store is."""

from . import cells
from .measured import Measured
from .stats import median, milliseconds, summary


def cached(run, index, sizes):
    """From the call to the end of a cell that uses it.

    run: runs the client on the server; index: an Index; sizes: of sizes.py.
    """
    package = index.publish(requires=[index.publish()])
    # The store has it then.
    _installs(run, package, 1, 0)
    return _measured([_installs(run, package, sizes["install"], sizes["warmup"])], "usable")


def fresh(run, index, sizes):
    """From the call to Done."""
    # The first of a server comes before, as a warm-up.
    answers = [_installs(run, index.publish(), 1, 0) for _ in range(1 + sizes["install_fresh"])]
    return _measured(answers[1:], "install")


def _installs(run, package, count, warmup):
    rehearsal = ["--code", cells.ONE, "--expect", cells.ONE_EXPECT]
    use = ["--further-code", cells.uses(package), "--further-expect", cells.USES_EXPECT]
    return run("installs", "--requirement", package, "--count", count, "--warmup", warmup, *rehearsal, *use)


def _measured(answers, judged):
    """answers: of the client; judged: which of its times are the samples."""

    def together(name):
        return milliseconds([time for answer in answers for time in answer[name]])

    samples = together(judged)
    shares = {
        "hit_share": sum(answer["from_pool"] for answer in answers) / len(samples),
        "cached_share": sum(answer["cached"] for answer in answers) / len(samples),
    }
    parts = {name: median(together(name)) for name in ("create", "install", "cell", "destroy")}
    return Measured(summary(samples) | shares, samples, {"parts": parts | _phases(answers)})


def _phases(answers):
    """'of the install, resolving' -> median: what a phase takes that the server names."""
    times = {}
    for answer in answers:
        for name, taken in answer["phases"]:
            times.setdefault(name, []).extend(milliseconds(taken))
    return {f"of the install, {name.lower()}": median(taken) for name, taken in times.items()}
