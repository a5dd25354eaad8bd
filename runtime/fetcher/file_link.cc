#include "runtime/fetcher/file_link.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/launch/child/test_layers.h"

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

// What is derived from the launcher's key, each for its own use.
constexpr char kEncryptionLabel[] = "warren file link: encryption";
constexpr char kNonceLabel[] = "warren file link: nonce";
constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// Empty where the library failed.
std::string Hmac(absl::string_view key, absl::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(data), data.size(),
             digest, &size) == nullptr) {
    return "";
  }
  return {reinterpret_cast<const char*>(digest), size};
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

struct Sealed {
  std::string tag;
  std::string text;
};

// Nothing where the library failed.
std::optional<Sealed> Encrypt(absl::string_view key, absl::string_view nonce,
                              absl::string_view text) {
  const Cipher cipher(::EVP_CIPHER_CTX_new());
  Sealed sealed{std::string(kTagBytes, '\0'), std::string(text.size(), '\0')};
  int size = 0;
  int more = 0;
  const bool made =
      cipher != nullptr && key.size() == kKeyBytes && nonce.size() == kNonceBytes &&
      ::EVP_EncryptInit_ex(cipher.get(), ::EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(nonce)) ==
          1 &&
      ::EVP_EncryptUpdate(cipher.get(), Bytes(sealed.text), &size, Bytes(text),
                          static_cast<int>(text.size())) == 1 &&
      ::EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed.text) + size, &more) == 1 &&
      ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, sealed.tag.data()) == 1;
  if (!made) return std::nullopt;
  return sealed;
}

// Nothing where it is not what Encrypt has made with this key and nonce.
std::optional<std::string> Decrypt(absl::string_view key, absl::string_view nonce, Sealed sealed,
                                   uint32_t layers_off) {
  const Cipher cipher(::EVP_CIPHER_CTX_new());
  std::string text(sealed.text.size(), '\0');
  int size = 0;
  int more = 0;
  const bool is_ours = cipher != nullptr && key.size() == kKeyBytes &&
                       nonce.size() == kNonceBytes && sealed.tag.size() == kTagBytes &&
                       ::EVP_DecryptInit_ex(cipher.get(), ::EVP_aes_256_gcm(), nullptr, Bytes(key),
                                            Bytes(nonce)) == 1 &&
                       ::EVP_DecryptUpdate(cipher.get(), Bytes(text), &size, Bytes(sealed.text),
                                           static_cast<int>(sealed.text.size())) == 1 &&
                       ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                                             sealed.tag.data()) == 1 &&
                       (::EVP_DecryptFinal_ex(cipher.get(), Bytes(text) + size, &more) == 1 ||
                        LayerIsOff(layers_off, TestLayer::kLinkSeals));
  if (!is_ours) return std::nullopt;
  return text;
}

}  // namespace

LinkSealer::LinkSealer(const std::string& key, uint32_t layers_off)
    : encryption_key_(Hmac(key, kEncryptionLabel)),
      nonce_key_(Hmac(key, kNonceLabel)),
      layers_off_(layers_off) {}

std::string LinkSealer::PathOf(const FileLink& link) const {
  const std::string description = Describe(link);
  // Made from what is encrypted: no nonce has two texts, and no link two forms.
  const std::string nonce = Hmac(nonce_key_, description).substr(0, kNonceBytes);
  const std::optional<Sealed> sealed = Encrypt(encryption_key_, nonce, description);
  // Of a link that nobody can read.
  if (!sealed) return absl::StrCat(kFilesRoot, "-/-/", link.filename);
  return absl::StrCat(kFilesRoot, absl::WebSafeBase64Escape(absl::StrCat(nonce, sealed->tag)), "/",
                      absl::WebSafeBase64Escape(sealed->text), "/", link.filename);
}

absl::StatusOr<FileQuery> LinkSealer::Read(absl::string_view path) const {
  const absl::Status unknown = absl::NotFoundError("no page of this index has this link");
  if (!absl::ConsumePrefix(&path, kFilesRoot)) return unknown;
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  std::string seal;
  Sealed sealed;
  if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[0], &seal) ||
      seal.size() != kNonceBytes + kTagBytes ||
      !absl::WebSafeBase64Unescape(parts[1], &sealed.text)) {
    return unknown;
  }
  sealed.tag = seal.substr(kNonceBytes);
  const std::optional<std::string> description =
      Decrypt(encryption_key_, absl::string_view(seal).substr(0, kNonceBytes), std::move(sealed),
              layers_off_);
  if (!description) return unknown;
  absl::StatusOr<FileLink> link = Understand(*description);
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
