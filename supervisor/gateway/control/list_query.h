#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_LIST_QUERY_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_LIST_QUERY_H_

#include "absl/status/statusor.h"
#include "supervisor/gateway/control/create_request.h"
#include "supervisor/gateway/http/target.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// Sandboxes a page: as many as E2B has at most, and by default.
inline constexpr int kMaxListed = 100;

// The query of GET /sandboxes and /v2/sandboxes: metadata, state, template, startedAfter, order,
// limit, nextToken. INVALID_ARGUMENT, naming the parameter.
absl::StatusOr<v1::ListSandboxesRequest> ReadListQuery(const Target& target,
                                                       const TemplateAliases& aliases);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_LIST_QUERY_H_
