#ifndef WARREN_SUPERVISOR_E2B_CONTROL_CREATE_BODY_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_CREATE_BODY_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "supervisor/e2b/base/cloud_options.h"
#include "warren/v1/sandbox.pb.h"

// What the control plane is told of a sandbox that is asked for. Pure.
namespace warren {

// In the cloud's metadata: what Warren has to know of a sandbox and the cloud has no field for.
inline constexpr char kTenantNote[] = "warren-tenant";
inline constexpr char kNotes[] = "warren-notes";
// Which create it was made by, so that what became of one can be found out.
inline constexpr char kCreateNote[] = "warren-create";
// Clients may not use such names.
bool IsNote(absl::string_view name);

// Of a request that is valid and names its template. UNIMPLEMENTED names what the cloud cannot do:
// limits of its own, rules for ports, rates; INVALID_ARGUMENT metadata of Warren's own names.
absl::StatusOr<nlohmann::json> CreateBody(const CloudOptions& options, const std::string& tenant,
                                          const v1::CreateSandboxRequest& request);
// The part of it that is the network's: allow_internet_access, and network where there are rules.
absl::StatusOr<nlohmann::json> NetworkBody(const v1::NetworkPolicy& policy);

// What Warren notes of it: its template, its lifetime and what that counts from.
std::string NotesText(const v1::Sandbox& sandbox);

// Whole seconds, as the cloud counts, and never less.
int64_t WholeSeconds(absl::Duration duration);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CREATE_BODY_H_
