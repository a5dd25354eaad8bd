#ifndef WARREN_TOOLS_WARREN_METRICS_H_
#define WARREN_TOOLS_WARREN_METRICS_H_

#include <string>

#include "warren/v1/sandbox.pb.h"

namespace warren {

// What a server has, in Prometheus' text format (0.0.4): sandboxes by template and state, their
// memory, and each template's warm pool.
std::string RenderMetrics(const v1::ListSandboxesResponse& response);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_METRICS_H_
