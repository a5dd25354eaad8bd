#ifndef WARREN_RUNTIME_RELAY_NAME_SERVICE_H_
#define WARREN_RUNTIME_RELAY_NAME_SERVICE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "runtime/network/network_rules.h"
#include "runtime/relay/dns_message.h"
#include "runtime/relay/name_table.h"
#include "runtime/relay/resolver.h"
#include "runtime/relay/token_bucket.h"

namespace warren {

// The name server of one sandbox. Every name that could be allowed and exists, and every name that
// is denied, has an address there: so that a program which is denied connects, and is told why.
// Of a denied name nobody outside hears, and of an allowed one what must be asked is bounded in
// rate: what is asked is a way out of the sandbox too. The package index has an address like any
// other name, and is never asked for outside.
//
// For the loop's thread.
class NameService {
 public:
  using Reply = absl::AnyInvocable<void(std::string)>;
  // False when it cannot be told now: then the name has no address.
  using TellName = absl::AnyInvocable<bool(const std::string& name, uint32_t index)>;

  // `layers_off`: TestLayer bits; 0 but in test builds.
  NameService(Resolver& resolver, uint32_t layers_off, TellName tell);

  // Of the sandbox's policy; outlives the next call of it.
  void SetRules(const NetworkRules* rules) { rules_ = rules; }
  NameTable& names() { return names_; }
  const NameTable& names() const { return names_; }

  // `message` is what came on a socket of the sandbox. The reply is called once, in place or later,
  // or dropped with this; empty for a message that gets no answer.
  void Ask(absl::string_view message, Reply reply);
  // The addresses of a name that the policy allows: of all that the sandbox asks, in questions or
  // by connecting, so much goes out at once and a second. RESOURCE_EXHAUSTED beyond that.
  void Lookup(const std::string& name, Resolver::Callback callback);

  // As if nothing had been asked yet.
  void Forget();

 private:
  std::string AnswerFor(const DnsQuery& query, const Resolver::Answer& found);
  std::string AddressFor(const DnsQuery& query);

  Resolver& resolver_;
  const uint32_t layers_off_;
  TellName tell_;
  const NetworkRules* rules_ = nullptr;
  NameTable names_;
  TokenBucket lookups_;
  int under_way_ = 0;
  // What comes later must find it.
  std::shared_ptr<NameService*> self_ = std::make_shared<NameService*>(this);
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_NAME_SERVICE_H_
