#include "supervisor/config/secrets.h"

#include <stdlib.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"
#include "supervisor/config/config_problem.h"
#include "supervisor/config/endpoints.h"
#include "supervisor/config/operator_file.h"

namespace warren {
namespace {

constexpr size_t kMaxSecretBytes = 4096;

bool IsVariable(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name.front()))) return false;
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// One byte more than a secret and its line's end have tells that it is longer.
absl::StatusOr<std::string> FirstLine(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(std::string content,
                          ReadOperatorFile(path, kMaxSecretBytes + 3, FileReaders::kOwnerAndGroup));
  content.resize(std::min(content.find('\n'), content.size()));
  return content;
}

absl::StatusOr<std::string> Variable(const std::string& name) {
  const char* value = ::getenv(name.c_str());
  if (value != nullptr) return std::string(value);
  return absl::NotFoundError(
      absl::StrCat("the environment variable ", name, " is not set; set it for warrend"));
}

}  // namespace

absl::Status ValidateSecret(const config::Secret& secret) {
  switch (secret.source_case()) {
    case config::Secret::kFile:
      return ValidateFilePath(secret.file());
    case config::Secret::kEnvironment:
      if (IsVariable(secret.environment())) return absl::OkStatus();
      return WrongConfig(
          absl::StrCat(Quoted(secret.environment()), " cannot be the name of a variable"),
          "write the name alone, of letters, digits and _, without $");
    default:
      return WrongConfig("the secret has no source",
                         "write file: \"/PATH\" or environment: \"NAME\"");
  }
}

std::string SecretSource(const config::Secret& secret) {
  return secret.has_file() ? absl::Utf8SafeCHexEscape(secret.file())
                           : absl::StrCat("$", absl::Utf8SafeCHexEscape(secret.environment()));
}

absl::StatusOr<std::string> ReadSecret(const config::Secret& secret) {
  WARREN_RETURN_IF_ERROR(ValidateSecret(secret));
  auto text = secret.has_file() ? FirstLine(secret.file()) : Variable(secret.environment());
  if (!text.ok()) return text;
  const std::string value = text->substr(0, text->find_last_not_of("\r\n") + 1);
  const std::string source = SecretSource(secret);
  if (value.empty()) {
    return WrongConfig(absl::StrCat("there is nothing in ", source),
                       secret.has_file() ? "write the key into its first line" : "set it");
  }
  if (value.size() > kMaxSecretBytes) {
    return WrongConfig(absl::StrCat("what is in ", source, " is longer than ", kMaxSecretBytes,
                                    " bytes, and no key"),
                       "put the key there alone");
  }
  // Of what else gRPC would take the process down.
  if (!std::all_of(value.begin(), value.end(),
                   [](unsigned char c) { return absl::ascii_isgraph(c); })) {
    return WrongConfig(absl::StrCat("what is in ", source, " has characters that no key has"),
                       "put the key there alone, without quotes and spaces");
  }
  return value;
}

bool IsE2bKey(absl::string_view key) {
  return absl::ConsumePrefix(&key, "e2b_") && !key.empty() &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace warren
