#include "supervisor/main/certificate.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::InvalidArgumentError(absl::StrCat("read ", path, ": it cannot be read"));
  return text.str();
}

}  // namespace

absl::StatusOr<TlsCertificate> ReadCertificate(const std::string& chain_file,
                                               const std::string& key_file) {
  TlsCertificate certificate;
  WARREN_ASSIGN_OR_RETURN(certificate.chain, ReadPem(chain_file));
  WARREN_ASSIGN_OR_RETURN(certificate.key, ReadPem(key_file));
  return certificate;
}

}  // namespace warren
