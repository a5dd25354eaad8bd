#ifndef WARREN_RUNTIME_RELAY_DNS_MESSAGE_H_
#define WARREN_RUNTIME_RELAY_DNS_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What sandboxes ask for names, and how they are answered: RFC 1035 and 6891, by ldns.
namespace warren {

// Bytes. Larger ones are refused unread, whatever they come over; no answer is larger than 512.
inline constexpr size_t kMaxDnsMessage = 4096;

inline constexpr uint16_t kDnsTypeA = 1;
inline constexpr uint16_t kDnsTypeAaaa = 28;

enum class DnsError : uint8_t {
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
};

// One question of class IN for a host's name.
struct DnsQuery {
  // Believes nothing. Of an error, DnsReplyTo has what is to be answered: FORMERR what cannot be
  // understood or has not one question alone, NOTIMP another opcode, REFUSED another class, BADVERS
  // another version of EDNS, NXDOMAIN a name that is not a host's.
  //
  // `names`: kAny in test builds alone, where a name that no host can have is one like others.
  enum class Names { kOfHosts, kAny };
  static absl::StatusOr<DnsQuery> Parse(absl::string_view message, Names names = Names::kOfHosts);

  // Normalized (NormalizeHostName).
  std::string name;
  // kDnsTypeA, or another.
  uint16_t type = 0;

  // What an answer repeats.
  uint16_t id = 0;
  bool recursion_desired = false;
  bool edns = false;
  // Name, type and class in their wire format, the name in the case that it was asked in.
  std::string question;
};

// What an error of DnsQuery::Parse is to be answered with, a whole message; empty where nothing is:
// the message is an answer itself, or too short to have an id.
std::string DnsReplyTo(const absl::Status& error);

// One A record: the address (in the host's byte order), for that long.
std::string AnswerAddress(const DnsQuery& query, uint32_t ipv4, uint32_t ttl_seconds);
// The name is there, and has no record of this type.
std::string AnswerEmpty(const DnsQuery& query);
std::string AnswerError(const DnsQuery& query, DnsError error);

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_DNS_MESSAGE_H_
