#include "supervisor/config/backend_check.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/host_name.h"
#include "runtime/network/quote.h"
#include "supervisor/config/config_numbers.h"
#include "supervisor/config/e2b_check.h"
#include "supervisor/config/endpoints.h"
#include "supervisor/config/secrets.h"

namespace warren {
namespace {

using config::Backend;
using config::RemoteBackend;
using config::Tls;

void CheckRemote(const RemoteBackend& remote, const ConfigSection& section) {
  section.Complain(section.At(RemoteBackend::kAddressFieldNumber),
                   ValidateServerAddress(remote.address()));
  if (remote.has_tls()) {
    CheckTls(remote.tls(), section.Nested(RemoteBackend::kTlsFieldNumber));
    if (IsUnixAddress(remote.address())) {
      section.Complain(section.At(RemoteBackend::kTlsFieldNumber),
                       "a Unix socket is served without TLS",
                       "remove tls: the socket's permissions say who may connect");
    }
  }
  if (remote.has_key()) CheckSecret(remote.key(), section.Nested(RemoteBackend::kKeyFieldNumber));
  CheckNumbers(remote, section, kRemoteNumbers);
}

void CheckTlsFile(const std::string& path, const ConfigSection& section, int field) {
  if (section.Has(field)) section.Complain(section.At(field), ValidateFilePath(path));
}

}  // namespace

void CheckTls(const Tls& tls, const ConfigSection& section) {
  CheckTlsFile(tls.ca_file(), section, Tls::kCaFileFieldNumber);
  CheckTlsFile(tls.certificate_file(), section, Tls::kCertificateFileFieldNumber);
  CheckTlsFile(tls.key_file(), section, Tls::kKeyFileFieldNumber);
  const int name = Tls::kServerNameFieldNumber;
  if (section.Has(name) && !NormalizeHostName(tls.server_name()).ok()) {
    section.Complain(section.At(name),
                     absl::StrCat(Quoted(tls.server_name()), " cannot be a server's name"),
                     "write the name that its certificate has");
  }
  const bool certificate = section.Has(Tls::kCertificateFileFieldNumber);
  if (certificate == section.Has(Tls::kKeyFileFieldNumber)) return;
  section.Complain(
      section.At(certificate ? Tls::kCertificateFileFieldNumber : Tls::kKeyFileFieldNumber),
      certificate ? "certificate_file is without its key" : "key_file is without its certificate",
      certificate ? "write key_file too" : "write certificate_file too");
}

void CheckSecret(const config::Secret& secret, const ConfigSection& section) {
  section.Complain(SecretPlace(secret, section), ValidateSecret(secret));
}

ConfigSection::Place SecretPlace(const config::Secret& secret, const ConfigSection& section) {
  return section.At(secret.has_environment() ? config::Secret::kEnvironmentFieldNumber
                                             : config::Secret::kFileFieldNumber);
}

void CheckBackend(const Backend& backend, const ConfigSection& section) {
  switch (backend.kind_case()) {
    case Backend::kLocal:
    case Backend::kFailover:
      break;
    case Backend::kRemote:
      CheckRemote(backend.remote(), section.Nested(Backend::kRemoteFieldNumber));
      break;
    case Backend::kE2B:
      CheckE2b(backend.e2b(), section.Nested(Backend::kE2BFieldNumber));
      break;
    default:
      section.Complain(section.Here(), "the backend has no kind",
                       "write one of local {}, remote {...}, e2b {...}, failover {...}");
  }
  if (!backend.has_circuit()) return;
  if (backend.has_failover()) {
    section.Complain(section.At(Backend::kCircuitFieldNumber), "a list has no circuit of its own",
                     "write it into the backends that are listed");
  }
  CheckNumbers(backend.circuit(), section.Nested(Backend::kCircuitFieldNumber), kCircuitNumbers);
}

}  // namespace warren
