"""Why a row falls short, in words, from what was measured beside it."""

from . import cpu, perf


def explain(measured, account, profile, page_copies):
    """measured: of measures.Measured; account: of cpu.CpuAccount; profile: of perf.profile, or []; page_copies: of
    Measures.page_copies, or None."""
    parts = []
    if measured.extra.get("first_error"):
        parts.append(f"first error: {measured.extra['first_error']}")
    if measured.extra.get("parts"):
        parts.append("medians: " + _listed(measured.extra["parts"]))
    if measured.extra.get("stages"):
        parts.append("stages of the making: " + _listed(measured.extra["stages"]))
    if "memory_mib_each" in measured.figures and page_copies:
        parts.append(_memory_in_words(page_copies["memory"]))
    parts.append(cpu.in_words(account))
    if profile:
        parts.append(perf.in_words(profile))
    return ". ".join(parts)


def _listed(times):
    return ", ".join(f"{name} {value:.3g} ms" for name, value in sorted(times.items(), key=lambda item: -item[1]))


def _memory_in_words(memory):
    dirty = {phase: values["private_dirty_bytes"] / 2**20 for phase, values in memory.items()}
    return f"a worker's own dirty memory: {dirty['fork']:.1f} MiB when ready, {dirty['first']:.1f} MiB more by the pandas cell"
