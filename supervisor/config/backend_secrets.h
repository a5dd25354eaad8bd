#ifndef WARREN_SUPERVISOR_CONFIG_BACKEND_SECRETS_H_
#define WARREN_SUPERVISOR_CONFIG_BACKEND_SECRETS_H_

#include <string>

#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

// What a backend's configuration names and does not have. Never logged.
struct BackendSecrets {
  // An API key; empty where it has none.
  std::string key;
  // PEM; empty for the system's authorities.
  std::string tls_authorities;
  // PEM; both or none.
  std::string tls_certificate;
  std::string tls_key;
};

// Reads them, and complains of what cannot be had or used. What CheckBackend found a fault with is
// left out. `section` is the backend's.
BackendSecrets ReadBackendSecrets(const config::Backend& backend, const ConfigSection& section);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_BACKEND_SECRETS_H_
