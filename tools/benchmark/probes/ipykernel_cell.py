"""A local ipykernel driven by jupyter_client: how long a cell takes, from execute() until the reply and the idle status.

argv: code, samples, warm-up. Prints {"cell": [ns...]}. Runs with the host's Python and, for Jupyter's files, a HOME of the
caller's.
"""

import json
import sys
from time import monotonic_ns

from jupyter_client.manager import start_new_kernel


def run_cell(client, code):
    begin = monotonic_ns()
    request = client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=30)
        mine = message["parent_header"].get("msg_id") == request
        if mine and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    reply = client.get_shell_msg(timeout=30)
    elapsed = monotonic_ns() - begin
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"the kernel answered {reply['content']}")
    return elapsed


def main():
    code, count, warmup = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        times = [run_cell(client, code) for _ in range(warmup + count)][warmup:]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    print(json.dumps({"cell": times}))


main()
