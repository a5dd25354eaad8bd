#include "runtime/fetcher/file_link.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

constexpr char kFilesRoot[] = "/files/";
constexpr char kMetadataSuffix[] = ".metadata";
// Of a link to a file without metadata of its own.
constexpr char kNoMetadata[] = "-";

// No field can have a line's end: file names are plain, digests are, and a URL is as curl writes
// it.
std::string Describe(const FileLink& link) {
  return absl::StrCat(link.index, "\n", link.filename, "\n", link.sha256, "\n",
                      link.metadata.value_or(kNoMetadata), "\n", link.url);
}

absl::StatusOr<FileLink> Understand(absl::string_view description) {
  const std::vector<std::string> fields = absl::StrSplit(description, '\n');
  FileLink link;
  if (fields.size() != 5 || !absl::SimpleAtoi(fields[0], &link.index))
    return absl::NotFoundError("a link of another fetcher");
  link.filename = fields[1];
  link.sha256 = fields[2];
  if (fields[3] != kNoMetadata) link.metadata = fields[3];
  link.url = fields[4];
  return link;
}

}  // namespace

std::string LinkSigner::SignatureOf(absl::string_view description) const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(description.data());
  if (::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()), data, description.size(),
             digest, &size) == nullptr) {
    return "";
  }
  return {reinterpret_cast<const char*>(digest), size};
}

std::string LinkSigner::PathOf(const FileLink& link) const {
  const std::string description = Describe(link);
  return absl::StrCat(kFilesRoot, absl::WebSafeBase64Escape(SignatureOf(description)), "/",
                      absl::WebSafeBase64Escape(description), "/", link.filename);
}

absl::StatusOr<FileQuery> LinkSigner::Read(absl::string_view path) const {
  const absl::Status unknown = absl::NotFoundError("no page of this index has this link");
  if (!absl::ConsumePrefix(&path, kFilesRoot)) return unknown;
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  std::string signature;
  std::string description;
  if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[0], &signature) ||
      !absl::WebSafeBase64Unescape(parts[1], &description)) {
    return unknown;
  }
  const std::string wanted = SignatureOf(description);
  if (wanted.empty() || signature.size() != wanted.size() ||
      ::CRYPTO_memcmp(signature.data(), wanted.data(), wanted.size()) != 0) {
    return unknown;
  }
  absl::StatusOr<FileLink> link = Understand(description);
  if (!link.ok()) return unknown;
  FileQuery query{*std::move(link)};
  if (parts[2] == query.link.filename) return query;
  query.part = FileQuery::Part::kMetadata;
  const bool asks =
      query.link.metadata && parts[2] == absl::StrCat(query.link.filename, kMetadataSuffix);
  if (!asks) return unknown;
  return query;
}

}  // namespace warren
