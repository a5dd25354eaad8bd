"""Made-up results for the tests of what is done with results."""


def row(row_id="cell-live", **changes):
    made = {
        "id": row_id,
        "what": "a further cell",
        "unit": "ms",
        "p50": 0.5,
        "p99": 0.9,
        "samples": 10,
        "figures": {},
        "references": {"grpc-echo": 0.25, "ipykernel-cell": 5.0},
        "ratios": {"grpc-echo": 2.0, "ipykernel-cell": 0.1},
        "reach": "p50 ≤ 4 × grpc-echo",
        "judged": {"p50 ≤ 4 × grpc-echo": [2.0, 2.0, 2.0]},
        "spread": {"p50": [0.5, 0.5, 0.5], "p99": [0.9, 0.9, 0.9]},
        "quiet": "yes",
        "met": True,
        "gap": "",
        "reason": "",
        "series": {},
        "parts_ms": {},
        "repetitions": [{}],
        "distribution": [[50, 0.5], [100, 0.9]],
    }
    return made | changes


def results(*rows, run_id="one"):
    noise = {"fork-ready": {"p50": 3.0, "min": 2.5}}
    return {
        "format": 2,
        "run_id": run_id,
        "quick": True,
        "repeat": 1,
        "host": {
            "cpu_model": "Test CPU",
            "cores": 2,
            "memory_gib": 4,
            "kernel": "6.1",
            "distribution": "Debian",
            "cgroup_mode": "v2",
            "date": "2026-01-01",
            "revision": "abc",
        },
        "rows": list(rows),
        "references": {"grpc-echo": {"unit": "ms", "p50": 0.25, "distribution": [[50, 0.25], [100, 0.4]]}},
        "unavailable": {"oci-cold-nothing": "crun | <refuses>"},
        "breakdown": {"stages_ms": {"clone": 1.0}, "page_copies": None},
        "noise": {"start": noise, "end": noise},
    }
