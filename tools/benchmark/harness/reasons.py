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
    if "memory_mib_each" in measured.figures:
        parts.append(_sessions_in_words(measured.figures))
    if "memory_mib_each" in measured.figures and page_copies:
        parts.append(memory_in_words(page_copies["charged_bytes"]))
    parts.append(cpu.in_words(account))
    if profile:
        parts.append(perf.in_words(profile))
    return ". ".join(parts)


def _listed(times):
    return ", ".join(f"{name} {value:.3g} ms" for name, value in sorted(times.items(), key=lambda item: -item[1]))


def memory_in_words(charged):
    """'charged to a sandbox: when ready 3.1 MiB (anon 1.4, ...), after the pandas cell 6.3 MiB (...)'"""
    return "charged to a sandbox's cgroup: " + ", ".join(
        f"{when} {_kinds(charged[phase])}" for phase, when in (("ready", "when ready"), ("first", "after the pandas cell"))
    )


def _sessions_in_words(figures):
    accounts = [
        (name.removeprefix("memory_").removesuffix("_mib_each").replace("_", " "), value)
        for name, value in figures.items()
        if name.startswith("memory_") and name != "memory_mib_each"
    ]
    return "MiB a session by account (cgroup: with the zygote's): " + ", ".join(f"{name} {value:.2f}" for name, value in accounts)


def _kinds(charged):
    kinds = {kind: value / 2**20 for kind, value in charged.items()}
    total = kinds.pop("usage", sum(kinds.values()))
    return f"{total:.1f} MiB ({', '.join(f'{kind} {value:.1f}' for kind, value in sorted(kinds.items()))})"
