#include "runtime/relay/client_hello.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using State = ClientHello::State;

constexpr size_t kRecordHeader = 5;
// An extension that nobody knows, until the test gives it another number.
constexpr unsigned int kStandIn = 0xeeee;

struct Hello {
  std::string server_name;
  int lowest = TLS1_2_VERSION;
  int highest = TLS1_3_VERSION;
  // One more extension, as it is, where it has a number.
  unsigned int extension = 0;
  std::string content;
};

int AddContent(SSL*, unsigned int, unsigned int, const unsigned char** out, size_t* size, X509*,
               size_t, int*, void* content) {
  const auto& text = *static_cast<const std::string*>(content);
  *out = reinterpret_cast<const unsigned char*>(text.data());
  *size = text.size();
  return 1;
}

// The first bytes of a real client.
std::string Say(const Hello& hello) {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                            SSL_CTX_free);
  // Or it does not speak TLS 1.0 at all.
  SSL_CTX_set_security_level(context.get(), 0);
  std::string content = hello.content;
  if (hello.extension != 0) {
    EXPECT_EQ(SSL_CTX_add_custom_ext(context.get(), hello.extension, SSL_EXT_CLIENT_HELLO,
                                     AddContent, nullptr, &content, nullptr, nullptr),
              1);
  }
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_min_proto_version(ssl.get(), hello.lowest);
  SSL_set_max_proto_version(ssl.get(), hello.highest);
  if (!hello.server_name.empty()) SSL_set_tlsext_host_name(ssl.get(), hello.server_name.c_str());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_connect_state(ssl.get());
  EXPECT_EQ(SSL_do_handshake(ssl.get()), -1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string Number(size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}

// What it says with an extension server_name that no client of OpenSSL would send.
std::string SayWithServerNameExtension(const std::string& content, const std::string& other = "") {
  std::string bytes = Say({.server_name = other, .extension = kStandIn, .content = content});
  // With its length and content: two bytes alone may be any of the random ones.
  const size_t at = bytes.find(absl::StrCat("\xee\xee", Number(content.size()), content));
  EXPECT_NE(at, std::string::npos);
  return bytes.replace(at, 2, 2, '\0');
}

std::string ServerNameList(const std::string& name, char kind = 0) {
  const std::string entry = std::string(1, kind) + Number(name.size()) + name;
  return Number(entry.size()) + entry;
}

// The message of one record over records of `size` bytes.
std::string SplitRecords(const std::string& bytes, size_t size) {
  const std::string message = bytes.substr(kRecordHeader);
  std::string split;
  for (size_t at = 0; at < message.size(); at += size) {
    const std::string part = message.substr(at, size);
    split += bytes.substr(0, 3) + Number(part.size()) + part;
  }
  return split;
}

void ExpectMalformed(const std::string& bytes, const std::string& what) {
  const ClientHello hello = InspectClientHello(bytes);
  EXPECT_EQ(hello.state, State::kMalformed) << what;
  EXPECT_FALSE(hello.problem.empty()) << what;
  EXPECT_EQ(hello.server_name, "") << what;
}

TEST(ClientHelloTest, EveryVersionSaysItsName) {
  for (int version : {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ClientHello hello = InspectClientHello(
        Say({.server_name = "Example.COM", .lowest = version, .highest = version}));
    EXPECT_EQ(hello.state, State::kComplete) << version;
    EXPECT_EQ(hello.server_name, "example.com") << version;
    EXPECT_FALSE(hello.encrypted) << version;
  }
}

// As they were recorded: GnuTLS is git's.
TEST(ClientHelloTest, EveryClientSaysItsName) {
  for (const std::string client : {"curl", "git", "node"}) {
    std::ifstream file("tests/fuzz/corpus/fuzz_client_hello/" + client, std::ios::binary);
    const ClientHello hello =
        InspectClientHello(std::string(std::istreambuf_iterator<char>(file), {}));
    EXPECT_EQ(hello.state, State::kComplete) << client;
    EXPECT_EQ(hello.server_name, client + ".example");
  }
}

TEST(ClientHelloTest, NoNameIsEmpty) {
  const ClientHello hello = InspectClientHello(Say({}));
  EXPECT_EQ(hello.state, State::kComplete);
  EXPECT_EQ(hello.server_name, "");
}

TEST(ClientHelloTest, EveryPrefixNeedsMore) {
  const std::string whole = Say({.server_name = "example.com"});
  for (const std::string& bytes : {whole, SplitRecords(whole, 7)}) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_EQ(InspectClientHello(absl::string_view(bytes).substr(0, size)).state,
                State::kNeedMore)
          << size << " of " << bytes.size();
    }
    EXPECT_EQ(InspectClientHello(bytes).state, State::kComplete);
  }
}

TEST(ClientHelloTest, RecordsMayCutItAnywhere) {
  const std::string whole = Say({.server_name = "example.com"});
  for (size_t size = 1; size < whole.size(); ++size) {
    const ClientHello hello = InspectClientHello(SplitRecords(whole, size));
    ASSERT_EQ(hello.state, State::kComplete) << size << ": " << hello.problem;
    ASSERT_EQ(hello.server_name, "example.com");
  }
}

TEST(ClientHelloTest, WhatFollowsIsNotLookedAt) {
  const ClientHello hello =
      InspectClientHello(Say({.server_name = "example.com"}) + std::string(100000, 'x'));
  EXPECT_EQ(hello.state, State::kComplete);
  EXPECT_EQ(hello.server_name, "example.com");
}

TEST(ClientHelloTest, AnEncryptedOneIsTold) {
  const ClientHello hello = InspectClientHello(
      Say({.server_name = "public.example", .extension = 0xfe0d, .content = "whatever"}));
  EXPECT_EQ(hello.state, State::kComplete);
  EXPECT_EQ(hello.server_name, "public.example");
  EXPECT_TRUE(hello.encrypted);
}

TEST(ClientHelloTest, ALargeOneIsTakenUpTo16KiB) {
  const ClientHello large = InspectClientHello(Say(
      {.server_name = "example.com", .extension = kStandIn, .content = std::string(15000, 'x')}));
  EXPECT_EQ(large.state, State::kComplete);
  EXPECT_EQ(large.server_name, "example.com");

  const std::string bytes = Say(
      {.server_name = "example.com", .extension = kStandIn, .content = std::string(17000, 'x')});
  ASSERT_GT(bytes.size(), kMaxClientHello);
  EXPECT_EQ(InspectClientHello(bytes.substr(0, kMaxClientHello - 1)).state, State::kNeedMore);
  ExpectMalformed(bytes.substr(0, kMaxClientHello), "as much as is looked at");
  ExpectMalformed(bytes, "all of it");
}

TEST(ClientHelloTest, OtherProtocolsAreNot) {
  for (const char* text :
       {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x02\x01", "\x80\x2e\x01\x03\x01",
        "\x13"
        "BitTorrent protocol",
        "\xff"}) {
    EXPECT_EQ(InspectClientHello(text).state, State::kNotTls) << text;
  }
}

TEST(ClientHelloTest, WhatOnlyBeginsLikeItIsMalformed) {
  ExpectMalformed(std::string("\x16\x03\x01\x00\x05hello", 10), "no message");
  ExpectMalformed(std::string("\x16\x03\x01\xff\xff", 5) + std::string(300, 'x'), "a huge record");
  ExpectMalformed(std::string("\x17\x03\x03\x00\x05hello", 10), "application data");
  std::string answer = Say({.server_name = "example.com"});
  answer[kRecordHeader] = 2;
  ExpectMalformed(answer, "a server's first message");
  std::string cut = Say({.server_name = "example.com"});
  // The message says that it is shorter than its parts.
  cut[kRecordHeader + 3] = static_cast<char>(cut[kRecordHeader + 3] - 1);
  ExpectMalformed(cut, "a length that does not agree");
}

TEST(ClientHelloTest, TheNameIsAHostName) {
  const ClientHello dotted =
      InspectClientHello(SayWithServerNameExtension(ServerNameList("example.com.")));
  EXPECT_EQ(dotted.state, State::kComplete);
  EXPECT_EQ(dotted.server_name, "example.com");

  for (const std::string& name :
       {std::string("exa\0mple.com", 12), std::string("192.0.2.1"), std::string("2001:db8::1"),
        std::string("a b"), std::string("a..b"), std::string(300, 'a'), std::string("."),
        std::string("*.example.com"), std::string("ex\xc3\xa4mple.com"), std::string()}) {
    ExpectMalformed(SayWithServerNameExtension(ServerNameList(name)), name);
  }
}

TEST(ClientHelloTest, TheExtensionHasOneNameAlone) {
  ExpectMalformed(SayWithServerNameExtension(""), "nothing");
  ExpectMalformed(SayWithServerNameExtension("x"), "half a length");
  ExpectMalformed(SayWithServerNameExtension(ServerNameList("example.com", 1)), "another kind");
  ExpectMalformed(SayWithServerNameExtension(ServerNameList("example.com") + "x"),
                  "something behind");
  const std::string entry = ServerNameList("example.com").substr(2);
  ExpectMalformed(SayWithServerNameExtension(Number(entry.size() + 1) + entry), "a list cut short");
  ExpectMalformed(SayWithServerNameExtension(Number(2 * entry.size()) + entry + entry),
                  "two names");
  for (size_t size = 0; size < entry.size(); ++size) {
    const std::string cut = entry.substr(0, size);
    ExpectMalformed(SayWithServerNameExtension(Number(cut.size()) + cut), absl::StrCat(size));
  }
}

TEST(ClientHelloTest, TwoOfAnExtensionAreMalformed) {
  ExpectMalformed(SayWithServerNameExtension(ServerNameList("other.example"), "example.com"),
                  "server_name");
  // The second one has a number that the first one's content begins with.
  std::string bytes = Say({.server_name = "example.com", .extension = 0xfe0d, .content = "xx"});
  const size_t versions = bytes.find(std::string("\x00\x2b", 2));
  ASSERT_NE(versions, std::string::npos);
  bytes.replace(versions, 2, "\xfe\x0d");
  ExpectMalformed(bytes, "encrypted_client_hello");
}

TEST(ClientHelloTest, AByteThatIsWrongHarmsNobody) {
  const std::string bytes = Say({.server_name = "example.com"});
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(~changed[i]);
    const ClientHello hello = InspectClientHello(changed);
    if (hello.state != State::kComplete) {
      EXPECT_EQ(hello.server_name, "") << i;
    }
  }
}

TEST(ClientHelloTest, AClientUnderstandsTheAlert) {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                            SSL_CTX_free);
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  BIO* in = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl.get());
  EXPECT_EQ(SSL_do_handshake(ssl.get()), -1);
  const std::string alert = AccessDeniedAlert();
  EXPECT_EQ(alert.size(), 7u);
  BIO_write(in, alert.data(), static_cast<int>(alert.size()));
  EXPECT_EQ(SSL_do_handshake(ssl.get()), -1);
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_ACCESS_DENIED);
  ERR_clear_error();
}

}  // namespace
}  // namespace warren
