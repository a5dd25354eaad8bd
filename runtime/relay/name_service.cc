#include "runtime/relay/name_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/packages/package_name.h"

namespace warren {
namespace {

// The address is the name's for life, so how long it may be kept does not matter.
constexpr uint32_t kTimeToLive = 300;
// Names that nobody has asked for lately: so many at once, and so many a second.
constexpr int64_t kLookupBurst = 200;
constexpr int64_t kLookupsPerSecond = 10;
constexpr int kMaxUnderWay = 64;

}  // namespace

NameService::NameService(Resolver& resolver, uint32_t layers_off, TellName tell)
    : resolver_(resolver),
      layers_off_(layers_off),
      tell_(std::move(tell)),
      lookups_(LayerIsOff(layers_off, TestLayer::kLookupRate) ? 0 : kLookupsPerSecond,
               kLookupBurst) {}

void NameService::Ask(absl::string_view message, Reply reply) {
  absl::StatusOr<DnsQuery> query = DnsQuery::Parse(
      message, LayerIsOff(layers_off_, TestLayer::kHostNames) ? DnsQuery::Names::kAny
                                                              : DnsQuery::Names::kOfHosts);
  if (!query.ok()) return reply(DnsReplyTo(query.status()));
  if (rules_ == nullptr) return reply(AnswerError(*query, DnsError::kServFail));
  // Addresses of IPv6 are asked for with those of IPv4, and must agree about whether there is a
  // host.
  if (query->type != kDnsTypeA && query->type != kDnsTypeAaaa) return reply(AnswerEmpty(*query));
  // Nobody outside knows the package index.
  if (query->name == kPackageIndexHost || !rules_->MayResolve(query->name))
    return reply(AddressFor(*query));
  const std::string name = query->name;
  Lookup(name, [self = std::weak_ptr(self_), query = *std::move(query),
                reply = std::move(reply)](const Resolver::Answer& found) mutable {
    if (auto service = self.lock()) reply((*service)->AnswerFor(query, found));
  });
}

void NameService::Lookup(const std::string& name, Resolver::Callback callback) {
  if (!resolver_.Knows(name) &&
      (under_way_ >= kMaxUnderWay || !lookups_.TryTake(1, MonotonicClock::now()))) {
    return callback(absl::ResourceExhaustedError(
        absl::StrCat("the sandbox asks for too many names: ", name, " was not looked up")));
  }
  ++under_way_;
  resolver_.Resolve(name, [self = std::weak_ptr(self_),
                           callback = std::move(callback)](const Resolver::Answer& found) mutable {
    auto service = self.lock();
    if (!service) return;
    --(*service)->under_way_;
    callback(found);
  });
}

void NameService::Forget() {
  names_ = NameTable();
  rules_ = nullptr;
}

std::string NameService::AnswerFor(const DnsQuery& query, const Resolver::Answer& found) {
  if (absl::IsNotFound(found.status())) return AnswerError(query, DnsError::kNxDomain);
  if (!found.ok()) return AnswerError(query, DnsError::kServFail);
  return AddressFor(query);
}

std::string NameService::AddressFor(const DnsQuery& query) {
  if (query.type != kDnsTypeA) return AnswerEmpty(query);
  const std::optional<NameTable::Place> place = names_.Assign(query.name);
  if (!place) return AnswerError(query, DnsError::kServFail);
  // Else a relay that starts anew would not know whose address it is.
  if (place->is_new && !tell_(query.name, place->index)) {
    names_.Withdraw(place->index);
    return AnswerError(query, DnsError::kServFail);
  }
  return AnswerAddress(query, NameTable::AddressOf(place->index), kTimeToLive);
}

}  // namespace warren
