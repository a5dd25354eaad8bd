#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_ORIGIN_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_ORIGIN_H_

#include "absl/status/status.h"

namespace warren::bench {

// What sandboxes with a network talk to: two servers on 127.0.0.1, until standard input ends, of
// which a line tells the ports when both listen, {"echo": 12345, "stream": 12346}. The first gives
// back what comes, to as many as there may be open files. The second reads a size, 8 bytes, the
// first of them the highest, answers with as many bytes, and closes; nobody else is served
// meanwhile.
absl::Status ServeOrigin();

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_ORIGIN_H_
