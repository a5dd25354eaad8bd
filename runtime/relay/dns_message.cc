#include "runtime/relay/dns_message.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/host_name.h"

namespace warren {
namespace {

constexpr char kReplyPayload[] = "warren/dns-reply";
// What we take over UDP, as we say in an answer: what crosses every network in one piece (RFC
// 9715). The loopback of a sandbox would take more.
constexpr uint16_t kEdnsUdpSize = 1232;
// OPT, and a signature.
constexpr uint16_t kMaxAdditional = 2;
// BADVERS is 16: its lower four bits are in the header, the others in the OPT record.
constexpr uint8_t kBadVersionUpperBits = 1;

struct FreeLdns {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
  void operator()(void* bytes) const { std::free(bytes); }
};
using Packet = std::unique_ptr<ldns_pkt, FreeLdns>;
using Record = std::unique_ptr<ldns_rr, FreeLdns>;

const uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// Of what fails for want of memory alone.
template <typename T>
T* NotNull(T* pointer) {
  if (pointer == nullptr) std::abort();
  return pointer;
}

// What ldns has allocated and filled; empty where it could not, and then nothing is answered.
std::string Taken(ldns_status status, uint8_t* bytes, size_t size) {
  std::unique_ptr<uint8_t, FreeLdns> owned(bytes);
  if (status != LDNS_STATUS_OK || bytes == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

std::string ToWire(const Packet& packet) {
  uint8_t* bytes = nullptr;
  size_t size = 0;
  const ldns_status status = ldns_pkt2wire(&bytes, packet.get(), &size);
  return Taken(status, bytes, size);
}

std::string QuestionToWire(const ldns_rr* question) {
  uint8_t* bytes = nullptr;
  size_t size = 0;
  const ldns_status status = ldns_rr2wire(&bytes, question, LDNS_SECTION_QUESTION, &size);
  return Taken(status, bytes, size);
}

// Null where it has none: the question of an error may not be known.
Record QuestionOf(const DnsQuery& query) {
  ldns_rr* question = nullptr;
  size_t end = 0;
  if (query.question.empty() ||
      ldns_wire2rr(&question, Bytes(query.question), query.question.size(), &end,
                   LDNS_SECTION_QUESTION) != LDNS_STATUS_OK) {
    return nullptr;
  }
  return Record(question);
}

Packet NewAnswer(const DnsQuery& query) {
  Packet packet(NotNull(ldns_pkt_new()));
  ldns_pkt_set_id(packet.get(), query.id);
  ldns_pkt_set_qr(packet.get(), true);
  ldns_pkt_set_rd(packet.get(), query.recursion_desired);
  ldns_pkt_set_ra(packet.get(), true);
  if (query.edns) ldns_pkt_set_edns_udp_size(packet.get(), kEdnsUdpSize);
  if (Record question = QuestionOf(query))
    ldns_pkt_push_rr(packet.get(), LDNS_SECTION_QUESTION, question.release());
  return packet;
}

absl::Status WithReply(absl::string_view what, std::string reply) {
  absl::Status status = absl::InvalidArgumentError(absl::StrCat("a DNS message ", what));
  status.SetPayload(kReplyPayload, absl::Cord(std::move(reply)));
  return status;
}

absl::Status Refuse(absl::string_view what, const DnsQuery& query, DnsError error) {
  return WithReply(what, AnswerError(query, error));
}

// ldns has a type for the opcodes that it knows, and no room in it for others.
absl::Status RefuseOpcode(const DnsQuery& query, int opcode) {
  std::string reply = AnswerError(query, DnsError::kNotImp);
  if (!reply.empty()) LDNS_OPCODE_SET(reinterpret_cast<uint8_t*>(reply.data()), opcode);
  return WithReply("has an opcode other than QUERY", std::move(reply));
}

absl::Status RefuseEdnsVersion(const DnsQuery& query) {
  Packet packet = NewAnswer(query);
  ldns_pkt_set_edns_extended_rcode(packet.get(), kBadVersionUpperBits);
  return WithReply("has a version of EDNS other than 0", ToWire(packet));
}

// What is known before anything of variable size is read.
absl::Status ReadHeader(absl::string_view message, DnsQuery& query) {
  const uint8_t* wire = Bytes(message);
  if (message.size() < LDNS_HEADER_SIZE)
    return absl::InvalidArgumentError("a DNS message is shorter than its header");
  if (LDNS_QR_WIRE(wire) != 0) return absl::InvalidArgumentError("a DNS message is an answer");
  query.id = LDNS_ID_WIRE(wire);
  query.recursion_desired = LDNS_RD_WIRE(wire) != 0;
  const int opcode = LDNS_OPCODE_WIRE(wire);
  if (opcode != LDNS_PACKET_QUERY) return RefuseOpcode(query, opcode);
  if (message.size() > kMaxDnsMessage)
    return Refuse("is longer than 4096 bytes", query, DnsError::kFormErr);
  if (LDNS_QDCOUNT(wire) != 1)
    return Refuse("has not one question alone", query, DnsError::kFormErr);
  if (LDNS_ANCOUNT(wire) != 0 || LDNS_NSCOUNT(wire) != 0 || LDNS_ARCOUNT(wire) > kMaxAdditional)
    return Refuse("has records that no query has", query, DnsError::kFormErr);
  return absl::OkStatus();
}

Packet ReadPacket(absl::string_view message) {
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, Bytes(message), message.size()) != LDNS_STATUS_OK) return nullptr;
  return Packet(packet);
}

// As text, what is not a letter, a digit or alike behind a backslash: no host name has one.
std::string NameOf(const ldns_rr* question) {
  std::unique_ptr<char, FreeLdns> text(NotNull(ldns_rdf2str(ldns_rr_owner(question))));
  return text.get();
}

}  // namespace

absl::StatusOr<DnsQuery> DnsQuery::Parse(absl::string_view message, Names names) {
  DnsQuery query;
  absl::Status status = ReadHeader(message, query);
  if (!status.ok()) return status;
  Packet packet = ReadPacket(message);
  const ldns_rr* question =
      packet == nullptr ? nullptr : ldns_rr_list_rr(ldns_pkt_question(packet.get()), 0);
  if (question == nullptr) return Refuse("is malformed", query, DnsError::kFormErr);
  query.edns = ldns_pkt_edns(packet.get());
  query.type = static_cast<uint16_t>(ldns_rr_get_type(question));
  query.question = QuestionToWire(question);
  if (ldns_pkt_edns_version(packet.get()) != 0) return RefuseEdnsVersion(query);
  if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN)
    return Refuse("asks for a class other than IN", query, DnsError::kRefused);
  absl::StatusOr<std::string> name = NormalizeHostName(NameOf(question));
  if (!name.ok() && names == Names::kAny) name = NameOf(question);
  if (!name.ok()) {
    return Refuse(absl::StrCat("asks for a name that no host has: ", name.status().message()),
                  query, DnsError::kNxDomain);
  }
  query.name = *std::move(name);
  return query;
}

std::string DnsReplyTo(const absl::Status& error) {
  const auto reply = error.GetPayload(kReplyPayload);
  return reply ? std::string(*reply) : std::string();
}

std::string AnswerAddress(const DnsQuery& query, uint32_t ipv4, uint32_t ttl_seconds) {
  Packet packet = NewAnswer(query);
  const Record question = QuestionOf(query);
  if (question == nullptr) return "";
  const uint32_t address = htonl(ipv4);
  Record record(NotNull(ldns_rr_new()));
  ldns_rr_set_owner(record.get(), NotNull(ldns_rdf_clone(ldns_rr_owner(question.get()))));
  ldns_rr_set_type(record.get(), LDNS_RR_TYPE_A);
  ldns_rr_set_class(record.get(), LDNS_RR_CLASS_IN);
  ldns_rr_set_ttl(record.get(), ttl_seconds);
  ldns_rr_push_rdf(record.get(),
                   NotNull(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, sizeof(address), &address)));
  ldns_pkt_push_rr(packet.get(), LDNS_SECTION_ANSWER, record.release());
  return ToWire(packet);
}

std::string AnswerEmpty(const DnsQuery& query) { return ToWire(NewAnswer(query)); }

std::string AnswerError(const DnsQuery& query, DnsError error) {
  Packet packet = NewAnswer(query);
  ldns_pkt_set_rcode(packet.get(), static_cast<uint8_t>(error));
  return ToWire(packet);
}

}  // namespace warren
