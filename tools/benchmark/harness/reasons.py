"""Why a row falls short, in words, from what was measured beside it."""

from . import cpu, perf


def explain(repetition, profile, page_copies):
    """repetition: of repeats.repetition; profile: of perf.profile, or []; page_copies: of Measures.page_copies, or None."""
    parts = []
    figures = repetition["figures"]
    if repetition["first_error"]:
        parts.append(f"first error: {repetition['first_error']}")
    if repetition["parts_ms"]:
        parts.append("medians: " + _listed(repetition["parts_ms"]))
    if repetition["stages_ms"]:
        parts.append("stages of the making: " + _listed(repetition["stages_ms"]))
    if "memory_mib_each" in figures:
        parts.append(_sessions_in_words(figures))
    if "network_kib_each" in figures:
        parts.append(_networks_in_words(figures))
    if "memory_mib_each" in figures and page_copies:
        parts.append(memory_in_words(page_copies["charged_bytes"]))
    parts.append(cpu.in_words(repetition["cpu"]))
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
    listed = ", ".join(f"{name} {value:.2f}" for name, value in accounts)
    return f"MiB of each of {figures['sessions']} sessions by account (cgroup: with the zygote's): {listed}"


def _networks_in_words(figures):
    accounts = ("supervisor", "launcher", "relay", "cgroups", "host", "slab", "tcp")
    listed = ", ".join(f"{name} {figures[f'{name}_kib_each']:.1f}" for name in accounts)
    return f"KiB of each of {figures['networks']} networks by account (cgroups: with the relay's): {listed}"


def _kinds(charged):
    kinds = {kind: value / 2**20 for kind, value in charged.items()}
    total = kinds.pop("usage", sum(kinds.values()))
    return f"{total:.1f} MiB ({', '.join(f'{kind} {value:.1f}' for kind, value in sorted(kinds.items()))})"
