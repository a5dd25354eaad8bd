#ifndef WARREN_SUPERVISOR_E2B_CONTROL_SANDBOX_RECORD_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_SANDBOX_RECORD_H_

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "supervisor/e2b/base/cloud_options.h"
#include "supervisor/e2b/base/cloud_sandbox.h"

// What the control plane says of a sandbox. A stranger's word: bounded, and checked. Pure.
namespace warren {

// Whether it can be the cloud's name of one: 1 to 64 of [a-z0-9], and '-' for what older servers
// append.
bool IsCloudSandboxId(absl::string_view id);

// Puts what `json` (of a create, a connect or GET /sandboxes/{id}) says into `sandbox`: its tokens,
// and what is told of it, as far as they are there.
void ReadConnection(const nlohmann::json& json, CloudSandbox& sandbox);
// One of a list, or of GET /sandboxes/{id}: as clients are told of it. NOT_FOUND: it is none that a
// Warren has made.
absl::StatusOr<v1::Sandbox> ReadSandbox(const nlohmann::json& json, const CloudOptions& options);
// One that has just been made by a request that is valid and names its template.
v1::Sandbox NewSandbox(const CloudOptions& options, const v1::CreateSandboxRequest& request,
                       const std::string& sandbox_id);
// Whose it is; empty for the operator's.
std::string TenantOf(const nlohmann::json& json);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_SANDBOX_RECORD_H_
