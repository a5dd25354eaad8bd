#include "supervisor/config/backend_secrets.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/config/backend_check.h"
#include "supervisor/config/endpoints.h"
#include "supervisor/config/secrets.h"
#include "supervisor/config/tls_files.h"

namespace warren {
namespace {

using config::Backend;
using config::E2bBackend;
using config::RemoteBackend;
using config::Tls;

// The text of a file that `read` reads; empty where it is not named, or cannot be used.
template <typename Read>
std::string PemOf(const std::string& path, const ConfigSection& section, int field, Read read) {
  if (!ValidateFilePath(path).ok()) return "";
  absl::StatusOr<std::string> text = read(path);
  if (text.ok()) return *std::move(text);
  section.Complain(section.At(field), text.status());
  return "";
}

void ReadTls(const Tls& tls, const ConfigSection& section, BackendSecrets* secrets) {
  const absl::Time now = absl::Now();
  secrets->tls_authorities =
      PemOf(tls.ca_file(), section, Tls::kCaFileFieldNumber,
            [now](const std::string& path) { return ReadTlsAuthorities(path, now); });
  secrets->tls_certificate =
      PemOf(tls.certificate_file(), section, Tls::kCertificateFileFieldNumber,
            [now](const std::string& path) { return ReadTlsCertificate(path, now); });
  secrets->tls_key = PemOf(tls.key_file(), section, Tls::kKeyFileFieldNumber, ReadTlsKey);
  if (secrets->tls_certificate.empty() || secrets->tls_key.empty()) return;
  section.Complain(section.At(Tls::kKeyFileFieldNumber),
                   CheckTlsPair(secrets->tls_certificate, secrets->tls_key));
}

std::string ReadKey(const config::Secret& secret, const ConfigSection& section) {
  if (!ValidateSecret(secret).ok()) return "";
  absl::StatusOr<std::string> key = ReadSecret(secret);
  if (key.ok()) return *std::move(key);
  section.Complain(SecretPlace(secret, section), key.status());
  return "";
}

void ReadE2bSecrets(const E2bBackend& e2b, const ConfigSection& section, BackendSecrets* secrets) {
  if (e2b.has_tls()) ReadTls(e2b.tls(), section.Nested(E2bBackend::kTlsFieldNumber), secrets);
  if (!e2b.has_key()) return;
  const ConfigSection key = section.Nested(E2bBackend::kKeyFieldNumber);
  secrets->key = ReadKey(e2b.key(), key);
  if (secrets->key.empty() || IsE2bKey(secrets->key)) return;
  key.Complain(SecretPlace(e2b.key(), key),
               absl::StrCat("what is in ", SecretSource(e2b.key()), " is no key of E2B's"),
               "put an API key there, e2b_ and hexadecimal digits, and no access token");
}

}  // namespace

BackendSecrets ReadBackendSecrets(const Backend& backend, const ConfigSection& section) {
  BackendSecrets secrets;
  if (backend.has_e2b())
    ReadE2bSecrets(backend.e2b(), section.Nested(Backend::kE2BFieldNumber), &secrets);
  if (!backend.has_remote()) return secrets;
  const RemoteBackend& remote = backend.remote();
  const ConfigSection nested = section.Nested(Backend::kRemoteFieldNumber);
  if (remote.has_tls())
    ReadTls(remote.tls(), nested.Nested(RemoteBackend::kTlsFieldNumber), &secrets);
  if (remote.has_key())
    secrets.key = ReadKey(remote.key(), nested.Nested(RemoteBackend::kKeyFieldNumber));
  return secrets;
}

}  // namespace warren
