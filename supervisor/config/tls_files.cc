#include "supervisor/config/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/config/config_problem.h"
#include "supervisor/config/operator_file.h"

namespace warren {
namespace {

// The authorities of a whole system are a quarter of it.
constexpr size_t kMaxPemBytes = 1 << 20;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using OwnedBio = std::unique_ptr<BIO, Freer<BIO_free>>;
using OwnedCertificate = std::unique_ptr<X509, Freer<X509_free>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

OwnedBio BioOf(const std::string& text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Asked for the password of a key that has one, OpenSSL's own would ask the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// All of a text; none where one of them cannot be read.
std::vector<OwnedCertificate> ParseCertificates(const std::string& text) {
  ERR_clear_error();
  const OwnedBio bio = BioOf(text);
  std::vector<OwnedCertificate> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // At the end there is no further beginning; everything else is a fault.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!ended) certificates.clear();
  return certificates;
}

OwnedKey ParseKey(const std::string& text, bool* wants_password) {
  ERR_clear_error();
  OwnedKey key(PEM_read_bio_PrivateKey(BioOf(text).get(), nullptr, NoPassword, wants_password));
  ERR_clear_error();
  return key;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::Time EndOf(const OwnedCertificate& certificate) {
  return TimeOf(X509_get0_notAfter(certificate.get()));
}

std::string DayOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

absl::StatusOr<std::string> ReadPem(const std::string& path, FileReaders readers) {
  auto text = ReadOperatorFile(path, kMaxPemBytes + 1, readers);
  if (!text.ok() || text->size() <= kMaxPemBytes) return text;
  return WrongConfig(absl::StrCat(absl::Utf8SafeCHexEscape(path), " is longer than a megabyte"),
                     "write the path of a PEM file");
}

absl::Status NoCertificate(const std::string& path) {
  return WrongConfig(absl::StrCat(absl::Utf8SafeCHexEscape(path),
                                  " has no certificate, or one that cannot be read"),
                     "make it a PEM file, of -----BEGIN CERTIFICATE----- blocks");
}

}  // namespace

absl::StatusOr<std::string> ReadTlsAuthorities(const std::string& path, absl::Time now) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadPem(path, FileReaders::kAnybody));
  const std::vector<OwnedCertificate> authorities = ParseCertificates(text);
  if (authorities.empty()) return NoCertificate(path);
  absl::Time last = absl::InfinitePast();
  for (const OwnedCertificate& authority : authorities) last = std::max(last, EndOf(authority));
  if (last > now) return text;
  return WrongConfig(absl::StrCat("no authority in ", absl::Utf8SafeCHexEscape(path),
                                  " is valid since ", DayOf(last)),
                     "get its new certificate");
}

absl::StatusOr<std::string> ReadTlsCertificate(const std::string& path, absl::Time now) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadPem(path, FileReaders::kAnybody));
  const std::vector<OwnedCertificate> chain = ParseCertificates(text);
  if (chain.empty()) return NoCertificate(path);
  const std::string name = absl::Utf8SafeCHexEscape(path);
  for (const OwnedCertificate& certificate : chain) {
    if (EndOf(certificate) <= now) {
      return WrongConfig(
          absl::StrCat("the certificate in ", name, " expired on ", DayOf(EndOf(certificate))),
          "renew it");
    }
    const absl::Time begin = TimeOf(X509_get0_notBefore(certificate.get()));
    if (begin > now) {
      return WrongConfig(
          absl::StrCat("the certificate in ", name, " is not valid before ", DayOf(begin)),
          "look at this machine's clock");
    }
  }
  return text;
}

absl::StatusOr<std::string> ReadTlsKey(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadPem(path, FileReaders::kOwnerAndGroup));
  bool wants_password = false;
  if (ParseKey(text, &wants_password) != nullptr) return text;
  const std::string name = absl::Utf8SafeCHexEscape(path);
  if (wants_password) {
    return WrongConfig(absl::StrCat("the key in ", name, " has a password"),
                       "write it without: openssl pkey");
  }
  return WrongConfig(absl::StrCat(name, " has no private key, or one that cannot be read"),
                     "make it a PEM file, of a -----BEGIN PRIVATE KEY----- block");
}

absl::Status CheckTlsPair(const std::string& certificate, const std::string& key) {
  const std::vector<OwnedCertificate> chain = ParseCertificates(certificate);
  bool wants_password = false;
  const OwnedKey parsed = ParseKey(key, &wants_password);
  const bool fits =
      !chain.empty() && parsed && X509_check_private_key(chain.front().get(), parsed.get()) == 1;
  ERR_clear_error();
  if (fits) return absl::OkStatus();
  return WrongConfig("the key is not that of the certificate",
                     "name files that belong together, the certificate's own block first");
}

}  // namespace warren
