"""Counts in her own way."""

import lovelace


def compile_and_count(numbers):
    return f"{sum(numbers)}, said the {lovelace.ENGINE}"
