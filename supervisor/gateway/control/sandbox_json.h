#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_SANDBOX_JSON_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_SANDBOX_JSON_H_

#include <string>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "supervisor/gateway/base/access_tokens.h"
#include "supervisor/gateway/base/sandbox_notes.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// What E2B's SDKs take from envd's version: which of its features they may use. All that 0.6.4 has
// is served.
inline constexpr char kEnvdVersion[] = "0.6.4";

// How a sandbox's ports are named: "PORT-ID.DOMAIN"; empty where there are no such names.
struct SandboxNaming {
  std::string domain;
};

// The answer to a create, and to connect: what an SDK needs to reach the sandbox.
nlohmann::json ConnectionJson(const v1::Sandbox& sandbox, const AccessTokens& tokens,
                              const SandboxNaming& naming);
// An element of a list.
nlohmann::json ListedJson(const v1::Sandbox& sandbox);
// The answer to getInfo.
nlohmann::json InfoJson(const v1::Sandbox& sandbox, const AccessTokens& tokens,
                        const SandboxNaming& naming);
// One reading; `before` is an earlier one, for the use of the processors between the two.
nlohmann::json MetricsJson(const v1::SandboxMetrics& before, const v1::SandboxMetrics& now);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_SANDBOX_JSON_H_
