"""Figures from samples."""

import math


def percentile(samples, percent):
    """By nearest rank: always one of the samples. Raises ValueError for none or a percentage out of (0, 100]."""
    if not samples:
        raise ValueError("no samples")
    if not 0 < percent <= 100:
        raise ValueError(f"percentile {percent}: not in (0, 100]")
    ordered = sorted(samples)
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]


def median(samples):
    return percentile(samples, 50)


def milliseconds(nanoseconds):
    """A list of them, or one."""
    if isinstance(nanoseconds, list):
        return [value / 1e6 for value in nanoseconds]
    return nanoseconds / 1e6


def summary(samples):
    """What is said of a list of times in milliseconds."""
    return {
        "p50": percentile(samples, 50),
        "p90": percentile(samples, 90),
        "p99": percentile(samples, 99),
        "min": min(samples),
        "max": max(samples),
        "samples": len(samples),
    }


def distribution(samples):
    """Percentile -> value for a curve: every percent, and the tail more finely."""
    percents = [*range(1, 100), 99.5, 99.9, 100]
    return [[percent, percentile(samples, percent)] for percent in percents]
