#ifndef WARREN_TOOLS_WARREN_METRICS_H_
#define WARREN_TOOLS_WARREN_METRICS_H_

#include <string>

#include "warren/v1/backend.pb.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// What a server has, in Prometheus' text format (0.0.4): sandboxes by template and state, their
// memory, each template's warm pool; and, of each backend, whether it gets creates, and what became
// of those.
std::string RenderMetrics(const v1::ListSandboxesResponse& response,
                          const v1::ListBackendsResponse& backends);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_METRICS_H_
