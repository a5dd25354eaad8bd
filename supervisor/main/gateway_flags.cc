#include "supervisor/main/gateway_flags.h"

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace warren {

void DeclareGateway(CLI::App& app, GatewayFlags& flags) {
  app.add_option("--e2b-listen", flags.listen,
                 "Address to serve E2B's protocol at, for its own SDKs (E2B_API_URL and "
                 "E2B_SANDBOX_URL name it): LOOPBACK:PORT or, where there is an API key, "
                 "ADDRESS:PORT. May be repeated; none by default")
      ->envname("WARREN_E2B_LISTEN");
  auto* tls = app.add_option("--e2b-tls-listen", flags.tls_listen,
                             "The same with TLS, by the certificate below")
                  ->envname("WARREN_E2B_TLS_LISTEN");
  auto* certificate =
      app.add_option("--e2b-certificate", flags.certificate,
                     "Certificate for --e2b-tls-listen, with its chain, in PEM; for the domain "
                     "below and every name in it (*.DOMAIN)")
          ->envname("WARREN_E2B_CERTIFICATE")
          ->check(CLI::ExistingFile);
  auto* key =
      app.add_option("--e2b-certificate-key", flags.certificate_key, "Its private key, in PEM")
          ->envname("WARREN_E2B_CERTIFICATE_KEY")
          ->check(CLI::ExistingFile);
  tls->needs(certificate)->needs(key);
  app.add_option("--e2b-domain", flags.domain,
                 "Domain whose names PORT-SANDBOX.DOMAIN lead to --e2b-tls-listen: what E2B's "
                 "getHost(PORT) names")
      ->envname("WARREN_E2B_DOMAIN");
  app.add_option("--e2b-template", flags.templates,
                 "NAME=TEMPLATE: what E2B's clients call a template. May be repeated (default: "
                 "code-interpreter-v1 is the default template)")
      ->envname("WARREN_E2B_TEMPLATE");
}

absl::StatusOr<std::map<std::string, std::string>> TemplateAliasesOf(
    const std::vector<std::string>& entries, const std::string& default_template) {
  std::map<std::string, std::string> aliases = {{"base", "base"},
                                                {"code-interpreter-v1", default_template}};
  for (const std::string& entry : entries) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    if (pair.first.empty() || pair.second.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--e2b-template: \"", entry, "\" is not NAME=TEMPLATE"));
    }
    aliases[pair.first] = pair.second;
  }
  return aliases;
}

}  // namespace warren
