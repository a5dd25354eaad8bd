#ifndef WARREN_SUPERVISOR_CONFIG_BACKEND_CHECK_H_
#define WARREN_SUPERVISOR_CONFIG_BACKEND_CHECK_H_

#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

// Complains of all that is wrong with a backend by itself: its kind and its circuit, its name
// apart. `section` is the backend's. Pure.
void CheckBackend(const config::Backend& backend, const ConfigSection& section);

// The same of parts that kinds have in common; `section` is the part's. Files are not looked at.
void CheckTls(const config::Tls& tls, const ConfigSection& section);
void CheckSecret(const config::Secret& secret, const ConfigSection& section);

// Where a secret's source stands.
ConfigSection::Place SecretPlace(const config::Secret& secret, const ConfigSection& section);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_BACKEND_CHECK_H_
