"""The physical limit: a process with exactly the imports and the warm-up of a template's zygote forks, with no sandbox.

Runs with the template's Python inside the template's root file system, with Warren's own worker package on sys.path.
argv[1]: JSON: "worker" (folder of warren_worker), "preload" (modules), "warmup" (code).
Standard input: one JSON request a line; standard output: one JSON answer each. The first line out is {"ready": true}.
  {"do": "fork", "count": N}                -> "ready", "reaped": ns from before the fork to a byte from the child, to wait
  {"do": "cell", "count": N, "code": CODE}  -> "done": ns from before the fork until the child has run the code
  {"do": "rate", "seconds": S}              -> "forks", "elapsed": children forked, waited for, one after the other
"""

import gc
import json
import os
import sys
import traceback
from time import monotonic, monotonic_ns


def warm_up(config):
    sys.path.insert(0, config["worker"])
    from warren_worker.context import Context
    from warren_worker.zygote import import_all

    import_all(config["preload"])
    context = Context(config["warmup"])
    # As the zygote does.
    gc.collect()
    gc.freeze()
    return context


def fork_once(pipe, work=None):
    """Nanoseconds until the child's byte came and until it was reaped."""
    read_end, write_end = pipe
    begin = monotonic_ns()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if work is not None:
                exec(work, {"__name__": "__main__"})
            status = 0
        except BaseException:
            traceback.print_exc()
        os.write(write_end, b"x")
        os._exit(status)
    os.read(read_end, 1)
    ready = monotonic_ns() - begin
    _, status = os.waitpid(pid, 0)
    reaped = monotonic_ns() - begin
    if status != 0:
        raise RuntimeError(f"a forked child failed with wait status {status}; its message is above")
    return ready, reaped


def measure_forks(pipe, count):
    times = [fork_once(pipe) for _ in range(count)]
    return {"ready": [ready for ready, _ in times], "reaped": [reaped for _, reaped in times]}


def measure_cells(pipe, count, code):
    work = compile(code, "<cell>", "exec")
    return {"done": [fork_once(pipe, work)[0] for _ in range(count)]}


def measure_rate(pipe, seconds):
    begin = monotonic()
    forks = 0
    while monotonic() - begin < seconds:
        fork_once(pipe)
        forks += 1
    return {"forks": forks, "elapsed": int((monotonic() - begin) * 1e9)}


def main():
    # A cell's own output must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, 1)
    context = warm_up(json.loads(sys.argv[1]))
    pipe = os.pipe()
    print(json.dumps({"ready": context is not None}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "fork":
            answer = measure_forks(pipe, request["count"])
        elif request["do"] == "cell":
            answer = measure_cells(pipe, request["count"], request["code"])
        else:
            answer = measure_rate(pipe, request["seconds"])
        print(json.dumps(answer), file=answers)


main()
