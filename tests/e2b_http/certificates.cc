#include "tests/e2b_http/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "gtest/gtest.h"

namespace warren::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Text = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr long kDay = 24 * 60 * 60;

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Text Reader(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

Identity Written(X509* certificate, EVP_PKEY* key) {
  const Text text(BIO_new(BIO_s_mem()), BIO_free);
  const Text secret(BIO_new(BIO_s_mem()), BIO_free);
  EXPECT_EQ(PEM_write_bio_X509(text.get(), certificate), 1);
  EXPECT_EQ(PEM_write_bio_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  return {Contents(text.get()), Contents(secret.get())};
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate Blank(EVP_PKEY* key, const std::string& name, const CertificateFields& fields) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), fields.begins * kDay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), fields.ends * kDay);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

}  // namespace

Identity MakeAuthority(const std::string& name) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate made = Blank(key.get(), name, {});
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  AddExtension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  EXPECT_GT(X509_sign(made.get(), key.get(), EVP_sha256()), 0);
  return Written(made.get(), key.get());
}

Identity IssueCertificate(const Identity& authority, const CertificateFields& fields) {
  const Certificate issuer(
      PEM_read_bio_X509(Reader(authority.certificate).get(), nullptr, nullptr, nullptr), X509_free);
  const Key signer(PEM_read_bio_PrivateKey(Reader(authority.key).get(), nullptr, nullptr, nullptr),
                   EVP_PKEY_free);
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate made = Blank(key.get(), "issued", fields);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
  AddExtension(made.get(), NID_subject_alt_name, fields.names);
  EXPECT_GT(X509_sign(made.get(), signer.get(), EVP_sha256()), 0);
  return Written(made.get(), key.get());
}

}  // namespace warren::testing
