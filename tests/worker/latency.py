"""Prints the time from writing a request to having read Done, without the rest of Warren:
latency.py [CODE [MODULE...]]"""

import sys
import time

from driver import Worker


def main():
    code = sys.argv[1] if len(sys.argv) > 1 else "1+1"
    with Worker(preload=sys.argv[2:]) as worker:
        times = []
        for _ in range(2000):
            start = time.perf_counter_ns()
            worker.run(code)
            times.append(time.perf_counter_ns() - start)
    times = sorted(times[100:])
    p50, p99 = (times[len(times) * percent // 100] / 1e3 for percent in (50, 99))
    print(f"p50 {p50:.0f} us, p99 {p99:.0f} us")


main()
