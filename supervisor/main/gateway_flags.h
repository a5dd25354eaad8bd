#ifndef WARREN_SUPERVISOR_MAIN_GATEWAY_FLAGS_H_
#define WARREN_SUPERVISOR_MAIN_GATEWAY_FLAGS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace CLI {
class App;
}

namespace warren {

// What warrend was told of the E2B door. Without an address there is none.
struct GatewayFlags {
  std::vector<std::string> listen;
  std::vector<std::string> tls_listen;
  // Files of PEM.
  std::string certificate;
  std::string certificate_key;
  // PORT-ID.DOMAIN names a port of a sandbox; empty: such names are not given out.
  std::string domain;
  // "NAME=TEMPLATE".
  std::vector<std::string> templates;

  bool any() const { return !listen.empty() || !tls_listen.empty(); }
};

void DeclareGateway(CLI::App& app, GatewayFlags& flags);

// Of --e2b-template, over the two that E2B's SDKs ask for themselves: "base" is `base`,
// "code-interpreter-v1" the default template. INVALID_ARGUMENT for an entry that is not
// NAME=TEMPLATE.
absl::StatusOr<std::map<std::string, std::string>> TemplateAliasesOf(
    const std::vector<std::string>& entries, const std::string& default_template);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_GATEWAY_FLAGS_H_
