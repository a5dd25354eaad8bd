#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_CREATE_REQUEST_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_CREATE_REQUEST_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// E2B's two generations of endpoints, which differ in what is meant by nothing.
enum class ApiVersion { kV1, kV2 };

// What E2B's names of templates stand for here: "code-interpreter-v1" → "data-science". A name that
// is not in it stands for itself.
using TemplateAliases = std::map<std::string, std::string>;

// What sandboxes of this server may have.
struct CreateDefaults {
  TemplateAliases aliases;
  // Sandboxes can have a network here. Without, they are made without one: E2B's clients ask for it
  // by default, and getInfo says how it is.
  bool network = true;
};

// E2B's limits of a sandbox's life, in seconds.
inline constexpr int64_t kMaxTimeoutSeconds = 86'400;
inline constexpr int64_t kDefaultTimeoutSeconds = 300;
inline constexpr int64_t kDefaultTimeoutSecondsV1 = 15;

// The body of POST /sandboxes and /v2/sandboxes. INVALID_ARGUMENT, naming the field; UNIMPLEMENTED
// for what this server has not (volumes, an MCP gateway, workload identity).
absl::StatusOr<v1::CreateSandboxRequest> ReadCreate(const nlohmann::json& body, ApiVersion version,
                                                    const CreateDefaults& defaults);

// A field that is a time in seconds: 1 to kMaxTimeoutSeconds; `otherwise` where it is missing.
absl::StatusOr<int64_t> ReadTimeout(const nlohmann::json& body, const char* name,
                                    int64_t otherwise);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_CREATE_REQUEST_H_
