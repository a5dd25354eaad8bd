#ifndef WARREN_SUPERVISOR_BASE_SECURITY_H_
#define WARREN_SUPERVISOR_BASE_SECURITY_H_

#include <string>

namespace warren {

// Of a connection.
enum class Security { kPlain, kTls };

// PEM, both.
struct TlsCertificate {
  // With what leads to a certificate that clients know.
  std::string chain;
  std::string key;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BASE_SECURITY_H_
