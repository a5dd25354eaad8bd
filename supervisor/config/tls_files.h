#ifndef WARREN_SUPERVISOR_CONFIG_TLS_FILES_H_
#define WARREN_SUPERVISOR_CONFIG_TLS_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// The PEM files of a TLS connection, looked at before it is made. Errors are of two parts, what is
// wrong and, behind "; ", what to do; nothing of a key is in them. Thread-safe.
namespace warren {

// The text of a file of authorities: at least one certificate that has not expired at `now`, and
// nothing that cannot be read.
absl::StatusOr<std::string> ReadTlsAuthorities(const std::string& path, absl::Time now);
// Of a certificate, and those between it and its authority behind it: valid at `now`.
absl::StatusOr<std::string> ReadTlsCertificate(const std::string& path, absl::Time now);
// Of a key without a password, in a file that others than its owner and group cannot get at.
absl::StatusOr<std::string> ReadTlsKey(const std::string& path);
// Whether the key is that of the certificate.
absl::Status CheckTlsPair(const std::string& certificate, const std::string& key);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_TLS_FILES_H_
