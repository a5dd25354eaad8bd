#include "runtime/launch/launcher/package_source.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/packages/package_policy.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxCredentials = 4 << 10;
constexpr size_t kMaxCertificates = 256 << 10;
// All of it is one message (fetcher.proto), which has to fit the socket's buffer; the rest of it is
// small. A directory is a descriptor of that message.
constexpr size_t kMaxSource = 360 << 10;
constexpr int kMaxIndexes = 32;

// Never quoted: it is a secret.
absl::StatusOr<std::string> ReadCredentials(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxCredentials));
  absl::string_view line = absl::StripSuffix(absl::StripSuffix(text, "\n"), "\r");
  const size_t colon = line.find(':');
  const bool whole = colon != absl::string_view::npos && colon > 0 &&
                     std::none_of(line.begin(), line.end(),
                                  [](unsigned char c) { return absl::ascii_iscntrl(c); });
  if (whole) return std::string(line);
  return absl::InvalidArgumentError(absl::StrCat(path, " must be one line, USER:PASSWORD"));
}

absl::StatusOr<std::string> ReadCertificates(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxCertificates));
  if (absl::StrContains(text, "-----BEGIN CERTIFICATE-----")) return text;
  return absl::InvalidArgumentError(absl::StrCat(path, " has no certificate (PEM)"));
}

absl::Status CheckDirectory(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("open ", path, ": ", error ? error.message() : "not a directory"));
}

absl::StatusOr<internal::IndexSecrets> ReadSecrets(const config::PackageIndex& index) {
  internal::IndexSecrets secrets;
  if (PackageSource::IsDirectory(index)) WARREN_RETURN_IF_ERROR(CheckDirectory(index.url()));
  if (!index.credentials_file().empty()) {
    WARREN_ASSIGN_OR_RETURN(*secrets.mutable_credentials(),
                            ReadCredentials(index.credentials_file()));
  }
  if (!index.ca_file().empty()) {
    WARREN_ASSIGN_OR_RETURN(*secrets.mutable_certificates(), ReadCertificates(index.ca_file()));
  }
  return secrets;
}

absl::Status UseIndexes(const std::vector<std::string>& indexes, config::PackagePolicy& policy) {
  if (indexes.empty()) return absl::OkStatus();
  policy.clear_indexes();
  for (size_t i = 0; i < indexes.size(); ++i) {
    config::PackageIndex& index = *policy.add_indexes();
    index.set_name(absl::StrCat("index-", i + 1));
    index.set_url(indexes[i]);
  }
  absl::Status status = ValidatePackagePolicy(policy);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("--package-index: ", status.message()));
}

}  // namespace

bool PackageSource::IsDirectory(const config::PackageIndex& index) {
  return absl::StartsWith(index.url(), "/");
}

absl::StatusOr<PackageSource> LoadPackageSource(const std::string& prefix,
                                                const std::string& wanted,
                                                const std::vector<std::string>& indexes) {
  PackageSource source;
  WARREN_ASSIGN_OR_RETURN(source.policy, LoadPackagePolicy(PackagePolicyFile(prefix, wanted)));
  WARREN_RETURN_IF_ERROR(UseIndexes(indexes, source.policy));
  if (source.policy.indexes_size() > kMaxIndexes) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.policy.indexes_size(), " package indexes, at most ", kMaxIndexes));
  }
  size_t bytes = source.policy.ByteSizeLong();
  for (const config::PackageIndex& index : source.policy.indexes()) {
    absl::StatusOr<internal::IndexSecrets> secrets = ReadSecrets(index);
    if (!secrets.ok()) {
      return absl::Status(secrets.status().code(), absl::StrCat("package index ", index.name(),
                                                                ": ", secrets.status().message()));
    }
    bytes += secrets->ByteSizeLong();
    source.secrets.push_back(*std::move(secrets));
  }
  if (bytes <= kMaxSource) return source;
  return absl::InvalidArgumentError(absl::StrCat("the package policy ", source.policy.name(),
                                                 " and the certificates of its ", "indexes are ",
                                                 bytes, " bytes, at most ", kMaxSource));
}

config::PackagePolicy PublicPolicy(const config::PackagePolicy& policy) {
  config::PackagePolicy known = policy;
  for (config::PackageIndex& index : *known.mutable_indexes()) {
    std::string name = std::move(*index.mutable_name());
    index.Clear();
    index.set_name(std::move(name));
  }
  return known;
}

}  // namespace warren
