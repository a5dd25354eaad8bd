#include "runtime/relay/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/network/host_name.h"

namespace warren {
namespace {

using std::chrono::seconds;

// Names that are looked up at a time, of all sandboxes; and those whose answer is kept.
constexpr size_t kMaxLookups = 4096;
constexpr size_t kMaxKnown = 16384;
// Of each kind; a name that has more is reached by these.
constexpr size_t kMaxAddresses = 16;
// Of an answer that is not asked for over TCP (bytes).
constexpr int kLargestDatagram = 1232;
// How long an answer is kept: what its owner says, within these bounds.
constexpr seconds kShortestTime(1);
constexpr seconds kLongestTime(60);
// That there is none, or nobody answered.
constexpr seconds kNegativeTime(2);
// Each name server is asked so often, on a host of pace 1 for so long the first time
// (docs/TIMING.md).
constexpr int kTries = 2;
constexpr int kTimeoutMillis = 2000;

std::vector<IpAddress> AddressesOf(const ares_addrinfo& found) {
  std::vector<IpAddress> addresses;
  size_t of_ipv4 = 0;
  size_t of_ipv6 = 0;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family == AF_INET && of_ipv4++ < kMaxAddresses) {
      sockaddr_in address;
      std::memcpy(&address, node->ai_addr, sizeof(address));
      addresses.push_back(boost::asio::ip::address_v4(ntohl(address.sin_addr.s_addr)));
    } else if (node->ai_family == AF_INET6 && of_ipv6++ < kMaxAddresses) {
      sockaddr_in6 address;
      std::memcpy(&address, node->ai_addr, sizeof(address));
      boost::asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      addresses.push_back(boost::asio::ip::address_v6(bytes));
    }
  }
  // Hosts without a way out over IPv6 are many, and those without one over IPv4 few.
  std::stable_partition(addresses.begin(), addresses.end(),
                        [](const IpAddress& address) { return address.is_v4(); });
  return addresses;
}

seconds TimeOf(const ares_addrinfo& found) {
  int shortest = static_cast<int>(kLongestTime.count());
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr; node = node->ai_next)
    shortest = std::min(shortest, node->ai_ttl);
  return std::clamp(seconds(shortest), kShortestTime, kLongestTime);
}

Resolver::Answer Failure(const std::string& name, int status) {
  if (status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME)
    return absl::NotFoundError(absl::StrCat("there is no host \"", name, "\""));
  return absl::UnavailableError(
      absl::StrCat("the address of \"", name, "\" cannot be found: ", ares_strerror(status)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Resolver>> Resolver::Create(IoLoop& loop,
                                                           const config::EgressPolicy& egress,
                                                           double pace) {
  std::unique_ptr<Resolver> resolver(new Resolver(loop));
  WARREN_RETURN_IF_ERROR(resolver->Configure(egress, pace));
  return resolver;
}

Resolver::~Resolver() {
  // Its callbacks find nobody who waits.
  waiting_.clear();
  if (channel_ != nullptr) ares_destroy(channel_);
  loop_.CancelTimer(timer_);
}

absl::Status Resolver::Configure(const config::EgressPolicy& egress, double pace) {
  for (const config::EgressPolicy::PinnedName& pinned : egress.names()) {
    WARREN_ASSIGN_OR_RETURN(std::string name, NormalizeHostName(pinned.name()));
    for (const std::string& text : pinned.addresses()) {
      WARREN_ASSIGN_OR_RETURN(IpAddress address, ParseAddress(text));
      pinned_[name].push_back(address);
    }
  }
  ares_options options = {};
  // Neither the host's search list nor its own tables: a name is what it says, for every sandbox.
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  options.ednspsz = kLargestDatagram;
  char lookups[] = "b";
  options.lookups = lookups;
  options.tries = kTries;
  options.timeout = static_cast<int>(kTimeoutMillis * pace);
  options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
    static_cast<Resolver*>(self)->OnSocket(socket, readable, writable);
  };
  options.sock_state_cb_data = this;
  const int given = ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS |
                    ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
  int status = ares_init_options(&channel_, &options, given);
  if (status != ARES_SUCCESS) {
    return absl::InternalError(
        absl::StrCat("read the host's configuration of name servers: ", ares_strerror(status)));
  }
  if (egress.resolvers().empty()) return absl::OkStatus();
  const std::string servers = absl::StrJoin(egress.resolvers(), ",");
  status = ares_set_servers_ports_csv(channel_, servers.c_str());
  if (status == ARES_SUCCESS) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the egress policy's resolvers, ", servers,
                                                 ", cannot be used: ", ares_strerror(status)));
}

const Resolver::Known* Resolver::FindKnown(const std::string& name) const {
  auto known = known_.find(name);
  if (known == known_.end() || known->second.until < MonotonicClock::now()) return nullptr;
  return &known->second;
}

bool Resolver::Knows(const std::string& name) const {
  return pinned_.contains(name) || FindKnown(name) != nullptr;
}

void Resolver::Resolve(const std::string& name, Callback callback) {
  if (auto pinned = pinned_.find(name); pinned != pinned_.end()) return callback(pinned->second);
  if (const Known* known = FindKnown(name)) {
    const Answer answer = known->answer;
    return callback(answer);
  }
  if (auto under_way = waiting_.find(name); under_way != waiting_.end()) {
    under_way->second.push_back(std::move(callback));
    return;
  }
  if (waiting_.size() >= kMaxLookups) {
    return callback(absl::ResourceExhaustedError("too many names are being looked up: try again"));
  }
  waiting_[name].push_back(std::move(callback));
  ares_addrinfo_hints hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(
      channel_, name.c_str(), nullptr, &hints,
      [](void* argument, int status, int, ares_addrinfo* found) {
        std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(argument));
        lookup->resolver->OnAnswer(lookup->name, status, found);
      },
      new Lookup{this, name});
  ArmTimer();
}

void Resolver::OnAnswer(const std::string& name, int status, ares_addrinfo* found) {
  std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, ares_freeaddrinfo);
  auto waiting = waiting_.find(name);
  // It is being destroyed.
  if (waiting == waiting_.end()) return;
  std::vector<Callback> callbacks = std::move(waiting->second);
  waiting_.erase(waiting);
  Answer answer = Failure(name, status == ARES_SUCCESS ? ARES_ENODATA : status);
  seconds time = kNegativeTime;
  if (status == ARES_SUCCESS && found != nullptr && found->nodes != nullptr) {
    answer = AddressesOf(*found);
    time = TimeOf(*found);
  }
  Keep(name, answer, time);
  for (Callback& callback : callbacks) callback(answer);
}

void Resolver::Keep(const std::string& name, const Answer& answer, seconds time) {
  const MonotonicTime now = MonotonicClock::now();
  if (known_.size() >= kMaxKnown) {
    absl::erase_if(known_, [now](const auto& entry) { return entry.second.until < now; });
    // All of them still hold: it is looked up again when it is asked for.
    if (known_.size() >= kMaxKnown) return;
  }
  known_.insert_or_assign(name, Known{answer, now + time});
}

void Resolver::OnSocket(ares_socket_t socket, int readable, int writable) {
  auto watch = watches_.find(socket);
  const uint32_t events = (readable != 0 ? EPOLLIN : 0u) | (writable != 0 ? EPOLLOUT : 0u);
  if (events == 0) {
    if (watch == watches_.end()) return;
    loop_.Unwatch(watch->second);
    watches_.erase(watch);
    return;
  }
  // What cannot be watched ends with its timeout.
  if (watch != watches_.end()) return loop_.Modify(watch->second, events).IgnoreError();
  auto added = loop_.Watch(socket, events, [this, socket](uint32_t ready) {
    Process((ready & ~static_cast<uint32_t>(EPOLLOUT)) != 0 ? socket : ARES_SOCKET_BAD,
            (ready & EPOLLOUT) != 0 ? socket : ARES_SOCKET_BAD);
  });
  if (added.ok()) watches_[socket] = *added;
}

void Resolver::Process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  ArmTimer();
}

void Resolver::ArmTimer() {
  loop_.CancelTimer(std::exchange(timer_, 0));
  timeval longest = {60, 0};
  timeval next;
  if (waiting_.empty()) return;
  const timeval* wait = ares_timeout(channel_, &longest, &next);
  timer_ = loop_.AddTimer(
      MonotonicClock::now() + seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec),
      [this] {
        timer_ = 0;
        Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      });
}

}  // namespace warren
