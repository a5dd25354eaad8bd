#ifndef WARREN_TESTS_E2B_HTTP_CERTIFICATES_H_
#define WARREN_TESTS_E2B_HTTP_CERTIFICATES_H_

#include <string>

namespace warren::testing {

// A certificate and its key, as PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

struct CertificateFields {
  // As OpenSSL's subjectAltName.
  std::string names = "IP:127.0.0.1,DNS:localhost";
  // Days from now.
  int begins = -1;
  int ends = 1;
};

// One that signs others.
Identity MakeAuthority(const std::string& name);
Identity IssueCertificate(const Identity& authority, const CertificateFields& fields);

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_HTTP_CERTIFICATES_H_
