#ifndef WARREN_SUPERVISOR_MAIN_CERTIFICATE_H_
#define WARREN_SUPERVISOR_MAIN_CERTIFICATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "supervisor/base/security.h"

namespace warren {

// Of two files of PEM: the certificate with its chain, and its key. INVALID_ARGUMENT: one of them
// cannot be read.
absl::StatusOr<TlsCertificate> ReadCertificate(const std::string& chain_file,
                                               const std::string& key_file);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_CERTIFICATE_H_
