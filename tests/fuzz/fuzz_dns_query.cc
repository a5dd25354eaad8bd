// What programs of a sandbox send to its resolver, and how they are answered.
#include <ldns/ldns.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/network/host_name.h"
#include "runtime/relay/dns_message.h"

namespace {

// ldns is the judge of what we send.
void CheckAnswer(const std::string& answer, const char* id, int records) {
  ldns_pkt* packet = nullptr;
  const auto* bytes = reinterpret_cast<const uint8_t*>(answer.data());
  if (answer.size() > 512) std::abort();
  if (ldns_wire2pkt(&packet, bytes, answer.size()) != LDNS_STATUS_OK) std::abort();
  if (answer.compare(0, 2, id, 2) != 0 || !ldns_pkt_qr(packet)) std::abort();
  if (ldns_pkt_ancount(packet) != records) std::abort();
  ldns_pkt_free(packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data, data + size);
  const absl::string_view message(exact.data(), exact.size());
  const auto query = warren::DnsQuery::Parse(message);
  if (!query.ok()) {
    const std::string reply = warren::DnsReplyTo(query.status());
    if (!reply.empty()) CheckAnswer(reply, exact.data(), 0);
    return 0;
  }
  const auto name = warren::NormalizeHostName(query->name);
  if (!name.ok() || *name != query->name) std::abort();
  CheckAnswer(warren::AnswerAddress(*query, 0xc6120001, 1), exact.data(), 1);
  CheckAnswer(warren::AnswerEmpty(*query), exact.data(), 0);
  CheckAnswer(warren::AnswerError(*query, warren::DnsError::kServFail), exact.data(), 0);
  return 0;
}
