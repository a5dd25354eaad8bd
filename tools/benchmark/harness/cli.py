"""The command line of tools/bench."""

import argparse
import json
import os
import signal
import sys

from . import compare, paired, plots, report, rows, template
from .errors import BenchError
from .runner import FORMAT, Run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_DOCUMENT = os.path.join(ROOT, "docs", "BENCHMARKS.md")
_PAIRED_DOCUMENT = os.path.join(ROOT, "docs", "BENCHMARKS_PAIRED.md")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench", description="Measures Warren on this machine, beside its peers.")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--out", metavar="DIR", default=os.path.join(ROOT, "docs", "bench"), help="where the plots go")
    parser.add_argument("--only", metavar="ID,...", type=lambda text: text.split(","), help=f"rows: {', '.join(rows.IDS)}")
    parser.add_argument("--quick", action="store_true", help="few samples, seconds instead of minutes; for trying it out")
    parser.add_argument("--repeat", metavar="N", type=_count, default=1, help="measure everything N times; spreads, medians")
    parser.add_argument("--pool", metavar="N", type=int, default=16, help="sandboxes that the pool holds ready")
    parser.add_argument("--template", default="data-science", help="the template that everything is measured with")
    parser.add_argument("--templates", metavar="DIR", default="/var/lib/warren/templates", help="the template store")
    parser.add_argument("--bin", metavar="DIR", default=os.path.join(ROOT, "build/release/bin"), help="the programs")
    parser.add_argument(
        "--against", metavar="DIR", help="the programs of another build: every row of it (before) and of --bin (after) in turns"
    )
    parser.add_argument(
        "--against-templates", metavar="DIR", help="the template store of that build, where it cannot use --templates"
    )
    parser.add_argument("--render", metavar="JSON", help="measure nothing: the document and plots of these results")
    parser.add_argument("--compare", metavar="JSON", nargs=2, help="measure nothing: two results of one run side by side")
    options = parser.parse_args(arguments)
    try:
        rows.chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    return options


def _count(text):
    number = int(text)
    if number < 1:
        raise ValueError(f"{number} is not a number of repetitions")
    return number


def main(arguments=None):
    options = parse(arguments)
    # Ended from outside, it must not leave its servers behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.compare:
            print("\n".join(compare.compare(*(_load(path) for path in options.compare))))
        elif options.render:
            _render(_load(options.render), options.out)
        elif options.against:
            _measure_paired(options)
        else:
            _measure(options)
    except BenchError as error:
        print(f"tools/bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _need_root():
    if os.geteuid() != 0:
        raise BenchError("warrend and the view of the host's memory and cgroups need root: run it as root")


def _measure_paired(options):
    _need_root()
    run = paired.PairedRun(options, ROOT, _say)
    try:
        results = run.measure(lambda so_far: _write(options.json, so_far))
    finally:
        run.close()
    print(paired.terminal(results))


def _measure(options):
    _need_root()
    run = Run(options, ROOT, template.load(ROOT, options.templates, options.template), _say)
    try:
        results = run.measure()
    finally:
        run.close()
    _write(options.json, results)
    print(report.terminal(results))
    for path in plots.draw(results, options.out):
        _say(f"drawn: {path}")


def _write(path, results):
    if path:
        with open(path, "w") as file:
            file.write(report.as_json(results))


def _render(results, folder):
    if results.get("paired"):
        with open(_PAIRED_DOCUMENT, "w") as file:
            file.write(paired.markdown(results))
        _say(f"written: {_PAIRED_DOCUMENT}")
        return
    for path in plots.draw(results, folder):
        _say(f"drawn: {path}")
    report.write_into(_DOCUMENT, results)
    _say(f"written: {_DOCUMENT}")


def _load(path):
    try:
        with open(path) as file:
            results = json.load(file)
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot read results from {path}: {error}") from None
    if results.get("format") != (paired.FORMAT if results.get("paired") else FORMAT):
        raise BenchError(f"{path} is of another version of tools/bench: measure again")
    return results


def _say(line):
    print(f"==> {line}", file=sys.stderr, flush=True)
