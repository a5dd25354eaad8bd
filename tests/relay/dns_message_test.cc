#include "runtime/relay/dns_message.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <resolv.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using testing::HasSubstr;

using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

Packet Read(const std::string& message) {
  ldns_pkt* packet = nullptr;
  EXPECT_EQ(
      ldns_wire2pkt(&packet, reinterpret_cast<const uint8_t*>(message.data()), message.size()),
      LDNS_STATUS_OK);
  return Packet(packet, ldns_pkt_free);
}

std::string Wire(const Packet& packet) {
  uint8_t* bytes = nullptr;
  size_t size = 0;
  EXPECT_EQ(ldns_pkt2wire(&bytes, packet.get(), &size), LDNS_STATUS_OK);
  std::string wire(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return wire;
}

Packet NewQuery(const char* name, ldns_rr_type type = LDNS_RR_TYPE_A,
                ldns_rr_class cls = LDNS_RR_CLASS_IN) {
  Packet packet(ldns_pkt_query_new(ldns_dname_new_frm_str(name), type, cls, LDNS_RD),
                ldns_pkt_free);
  ldns_pkt_set_id(packet.get(), 0x1234);
  return packet;
}

std::string Query(const char* name) { return Wire(NewQuery(name)); }

// A query for a name as it is on the wire.
std::string QueryForLabels(const std::string& labels) {
  std::string message = Query("a");
  return message.substr(0, 12) + labels + message.substr(15);
}

std::string Labels(const std::vector<std::string>& labels) {
  std::string wire;
  for (const std::string& label : labels)
    absl::StrAppend(&wire, std::string(1, static_cast<char>(label.size())), label);
  return wire + '\0';
}

// What a message that is no query is answered with, null for nothing.
Packet ReplyTo(const std::string& message) {
  const absl::StatusOr<DnsQuery> query = DnsQuery::Parse(message);
  EXPECT_FALSE(query.ok());
  const std::string reply = DnsReplyTo(query.status());
  if (reply.empty()) return Packet(nullptr, ldns_pkt_free);
  Packet packet = Read(reply);
  EXPECT_TRUE(ldns_pkt_qr(packet.get()));
  EXPECT_TRUE(ldns_pkt_ra(packet.get()));
  EXPECT_EQ(ldns_pkt_id(packet.get()), 0x1234);
  return packet;
}

int ReplyCodeTo(const std::string& message) {
  const Packet packet = ReplyTo(message);
  return packet == nullptr ? -1 : ldns_pkt_get_rcode(packet.get());
}

std::string QuestionText(const Packet& packet) {
  ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(packet.get()), 0);
  if (question == nullptr) return "none";
  std::unique_ptr<char, decltype(&std::free)> text(ldns_rdf2str(ldns_rr_owner(question)),
                                                   std::free);
  return text.get();
}

TEST(DnsMessageTest, AQueryIsUnderstood) {
  const absl::StatusOr<DnsQuery> query = DnsQuery::Parse(Query("WwW.Example.COM"));
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->name, "www.example.com");
  EXPECT_EQ(query->type, kDnsTypeA);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_FALSE(query->edns);
}

TEST(DnsMessageTest, TheCLibrarysQueryIsUnderstood) {
  unsigned char message[512];
  const int size = res_mkquery(ns_o_query, "_sip._tcp.example.com", ns_c_in, ns_t_srv, nullptr, 0,
                               nullptr, message, sizeof(message));
  ASSERT_GT(size, 0);
  const absl::StatusOr<DnsQuery> query = DnsQuery::Parse(
      absl::string_view(reinterpret_cast<char*>(message), static_cast<size_t>(size)));
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->name, "_sip._tcp.example.com");
  EXPECT_EQ(query->type, ns_t_srv);
}

TEST(DnsMessageTest, AnAddressIsAnswered) {
  const DnsQuery query = *DnsQuery::Parse(Query("WwW.Example.COM"));
  const std::string message = AnswerAddress(query, 0xc6120102, 7);
  EXPECT_LE(message.size(), 512u);
  const Packet answer = Read(message);
  EXPECT_EQ(ldns_pkt_id(answer.get()), 0x1234);
  EXPECT_TRUE(ldns_pkt_qr(answer.get()));
  EXPECT_TRUE(ldns_pkt_ra(answer.get()));
  EXPECT_TRUE(ldns_pkt_rd(answer.get()));
  EXPECT_FALSE(ldns_pkt_edns(answer.get()));
  EXPECT_EQ(ldns_pkt_get_rcode(answer.get()), LDNS_RCODE_NOERROR);
  // In the case that it was asked in: some resolvers see to it.
  EXPECT_EQ(QuestionText(answer), "WwW.Example.COM.");
  ASSERT_EQ(ldns_pkt_ancount(answer.get()), 1);
  ldns_rr* record = ldns_rr_list_rr(ldns_pkt_answer(answer.get()), 0);
  std::unique_ptr<char, decltype(&std::free)> text(ldns_rr2str(record), std::free);
  EXPECT_STREQ(text.get(), "WwW.Example.COM.\t7\tIN\tA\t198.18.1.2\n");
}

TEST(DnsMessageTest, RecursionThatIsNotDesiredIsNotClaimed) {
  Packet packet = NewQuery("example.com");
  ldns_pkt_set_rd(packet.get(), false);
  EXPECT_FALSE(ldns_pkt_rd(Read(AnswerEmpty(*DnsQuery::Parse(Wire(packet)))).get()));
}

TEST(DnsMessageTest, OtherAnswersHaveNoRecord) {
  const DnsQuery query = *DnsQuery::Parse(Wire(NewQuery("example.com", LDNS_RR_TYPE_AAAA)));
  EXPECT_EQ(query.type, LDNS_RR_TYPE_AAAA);
  const Packet empty = Read(AnswerEmpty(query));
  EXPECT_EQ(ldns_pkt_get_rcode(empty.get()), LDNS_RCODE_NOERROR);
  EXPECT_EQ(ldns_pkt_ancount(empty.get()), 0);
  EXPECT_EQ(QuestionText(empty), "example.com.");
  const Packet refused = Read(AnswerError(query, DnsError::kServFail));
  EXPECT_EQ(ldns_pkt_get_rcode(refused.get()), LDNS_RCODE_SERVFAIL);
  EXPECT_EQ(ldns_pkt_ancount(refused.get()), 0);
}

TEST(DnsMessageTest, EdnsIsAnsweredWithEdns) {
  Packet packet = NewQuery("example.com");
  ldns_pkt_set_edns_udp_size(packet.get(), 4096);
  const absl::StatusOr<DnsQuery> query = DnsQuery::Parse(Wire(packet));
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_TRUE(query->edns);
  const Packet answer = Read(AnswerAddress(*query, 1, 1));
  EXPECT_TRUE(ldns_pkt_edns(answer.get()));
  EXPECT_EQ(ldns_pkt_edns_version(answer.get()), 0);
  EXPECT_EQ(ldns_pkt_edns_udp_size(answer.get()), 1232);
  EXPECT_EQ(ldns_pkt_edns_extended_rcode(answer.get()), 0);
}

TEST(DnsMessageTest, AnotherVersionOfEdnsIsBad) {
  Packet packet = NewQuery("example.com");
  ldns_pkt_set_edns_udp_size(packet.get(), 4096);
  ldns_pkt_set_edns_version(packet.get(), 1);
  const Packet answer = ReplyTo(Wire(packet));
  ASSERT_NE(answer, nullptr);
  // BADVERS, 16.
  EXPECT_EQ(ldns_pkt_get_rcode(answer.get()), 0);
  EXPECT_EQ(ldns_pkt_edns_extended_rcode(answer.get()), 1);
  EXPECT_EQ(ldns_pkt_edns_version(answer.get()), 0);
}

TEST(DnsMessageTest, EveryCutIsMalformedOrUnanswered) {
  Packet packet = NewQuery("www.example.com");
  ldns_pkt_set_edns_udp_size(packet.get(), 4096);
  const std::string message = Wire(packet);
  for (size_t size = 0; size < message.size(); ++size) {
    ASSERT_EQ(ReplyCodeTo(message.substr(0, size)), size < 12 ? -1 : LDNS_RCODE_FORMERR) << size;
  }
}

TEST(DnsMessageTest, AnAnswerIsNotAnswered) {
  Packet packet = NewQuery("example.com");
  ldns_pkt_set_qr(packet.get(), true);
  EXPECT_EQ(ReplyTo(Wire(packet)), nullptr);
}

TEST(DnsMessageTest, AnotherOpcodeIsNotImplemented) {
  // Those that nobody has defined too.
  for (int opcode = 1; opcode < 16; ++opcode) {
    std::string message = Query("example.com");
    LDNS_OPCODE_SET(reinterpret_cast<uint8_t*>(message.data()), opcode);
    EXPECT_EQ(ReplyCodeTo(message), LDNS_RCODE_NOTIMPL) << opcode;
    const std::string reply = DnsReplyTo(DnsQuery::Parse(message).status());
    EXPECT_EQ(LDNS_OPCODE_WIRE(reinterpret_cast<const uint8_t*>(reply.data())), opcode);
  }
}

TEST(DnsMessageTest, AnotherClassIsRefused) {
  const Packet reply = ReplyTo(Wire(NewQuery("version.bind", LDNS_RR_TYPE_TXT, LDNS_RR_CLASS_CH)));
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(ldns_pkt_get_rcode(reply.get()), LDNS_RCODE_REFUSED);
  EXPECT_EQ(QuestionText(reply), "version.bind.");
}

TEST(DnsMessageTest, OneQuestionAndNothingElse) {
  const std::string message = Query("example.com");
  auto with_count = [&](size_t at, char count) {
    std::string changed = message;
    changed[at] = count;
    return changed;
  };
  EXPECT_EQ(ReplyCodeTo(with_count(5, 0)), LDNS_RCODE_FORMERR);
  EXPECT_EQ(ReplyCodeTo(with_count(5, 2) + message.substr(12)), LDNS_RCODE_FORMERR);
  // Counts of what is not there, and of much.
  EXPECT_EQ(ReplyCodeTo(with_count(7, 1)), LDNS_RCODE_FORMERR);
  EXPECT_EQ(ReplyCodeTo(with_count(9, 1)), LDNS_RCODE_FORMERR);
  EXPECT_EQ(ReplyCodeTo(with_count(11, 1)), LDNS_RCODE_FORMERR);
  EXPECT_EQ(ReplyCodeTo(with_count(10, '\xff')), LDNS_RCODE_FORMERR);
}

TEST(DnsMessageTest, RecordsThatAreThereAreNoQuery) {
  for (ldns_pkt_section section : {LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY}) {
    Packet packet = NewQuery("example.com");
    ldns_rr* record = nullptr;
    ASSERT_EQ(ldns_rr_new_frm_str(&record, "a.example 1 IN A 192.0.2.1", 0, nullptr, nullptr),
              LDNS_STATUS_OK);
    ldns_pkt_push_rr(packet.get(), section, record);
    EXPECT_EQ(ReplyCodeTo(Wire(packet)), LDNS_RCODE_FORMERR);
  }
}

TEST(DnsMessageTest, ALongMessageIsNotRead) {
  std::string message = Query("example.com");
  message.resize(kMaxDnsMessage + 1);
  EXPECT_EQ(ReplyCodeTo(message), LDNS_RCODE_FORMERR);
  EXPECT_THAT(std::string(DnsQuery::Parse(message).status().message()), HasSubstr("4096"));
}

TEST(DnsMessageTest, ANameThatNoHostHasIsNotThere) {
  using namespace std::string_literals;
  for (const std::string& labels :
       {Labels({}), Labels({"a.b", "com"}), Labels({"a\0b"s, "com"}), Labels({"a\nb", "com"}),
        Labels({"a\\.b", "com"}), Labels({"192", "0", "2", "1"}), Labels({"\xc3\xa4x", "com"})}) {
    const Packet reply = ReplyTo(QueryForLabels(labels));
    ASSERT_NE(reply, nullptr) << labels;
    EXPECT_EQ(ldns_pkt_get_rcode(reply.get()), LDNS_RCODE_NXDOMAIN) << labels;
    EXPECT_NE(QuestionText(reply), "none") << labels;
  }
}

TEST(DnsMessageTest, ANameThatEndsNowhereIsMalformed) {
  const std::string long_label = std::string(1, 63) + std::string(63, 'x');
  for (const std::string& labels : {
           std::string("\xc0\x0c"),      // a pointer to itself
           std::string("\1a\xc0\x0c"),   // round and round
           std::string("\xff\xff"),      // a pointer behind the end
           std::string("\x80\1a\0", 4),  // a kind of label that there is not
           std::string("\x7f\1a\0", 4),
           long_label + long_label + long_label + long_label + '\0',  // 257 bytes
       }) {
    EXPECT_EQ(ReplyCodeTo(QueryForLabels(labels)), LDNS_RCODE_FORMERR)
        << testing::PrintToString(labels);
  }
}

TEST(DnsMessageTest, TheLongestNameIsAnsweredWithin512Bytes) {
  const std::string label(63, 'x');
  const std::string name = absl::StrCat(label, ".", label, ".", label, ".", label.substr(2));
  ASSERT_EQ(name.size(), 253u);
  Packet packet = NewQuery(name.c_str());
  ldns_pkt_set_edns_udp_size(packet.get(), 4096);
  const absl::StatusOr<DnsQuery> query = DnsQuery::Parse(Wire(packet));
  ASSERT_TRUE(query.ok()) << query.status();
  EXPECT_EQ(query->name, name);
  const std::string answer = AnswerAddress(*query, 1, 1);
  EXPECT_LE(answer.size(), 512u);
  EXPECT_EQ(ldns_pkt_ancount(Read(answer).get()), 1);
}

}  // namespace
}  // namespace warren
