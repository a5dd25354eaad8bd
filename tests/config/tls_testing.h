#ifndef WARREN_TESTS_CONFIG_TLS_TESTING_H_
#define WARREN_TESTS_CONFIG_TLS_TESTING_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

// Certificates of a test's own.
namespace warren {

inline std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &data));
  std::string text(data, size);
  BIO_free(bio);
  return text;
}

// A key, and certificates that it signs for itself. Lifecycle: TestKey → Pem, Certificate.
class TestKey {
 public:
  TestKey() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {}

  // With a password where one is given.
  std::string Pem(const char* password = nullptr) const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key_.get(), password == nullptr ? nullptr : EVP_aes_256_cbc(),
                             nullptr, 0, nullptr, const_cast<char*>(password));
    return TextOf(bio);
  }

  // Valid from and to so many seconds from now.
  std::string Certificate(int from, int to) const {
    std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to);
    X509_set_pubkey(certificate.get(), key_.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("warren"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    X509_sign(certificate.get(), key_.get(), EVP_sha256());
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate.get());
    return TextOf(bio);
  }
  std::string Valid() const { return Certificate(-kHour, kHour); }
  std::string Expired() const { return Certificate(-2 * kHour, -kHour); }

  static constexpr int kHour = 60 * 60;

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace warren

#endif  // WARREN_TESTS_CONFIG_TLS_TESTING_H_
