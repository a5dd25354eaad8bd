#include "supervisor/main/acceptor.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "supervisor/session/sandbox.h"

namespace warren {
namespace {

// Four pipes, and the cgroup's files, while one dies and the next is made.
constexpr int64_t kFilesPerSandbox = 15;
// Its pipes. The cgroup's files are the sandbox's.
constexpr int64_t kFilesPerContext = 4;
// What an agent and 48 processes take.
constexpr int64_t kMostOfProcesses = 146;
// The launcher's socket and what comes through it, gRPC's, the log, the listeners.
constexpr int64_t kFilesOfOurOwn = 128;
// Each takes memory, too, however many descriptors there are.
constexpr int64_t kMostConnections = 8192;
// These too: half a mebibyte where both ends write and neither reads.
constexpr int64_t kMostPortConnections = 4096;
// The connection's socket, and the copy that the E2B door's proxy reads and writes at.
constexpr int64_t kFilesPerPortConnection = 2;
constexpr int kAcceptsPerTurn = 64;

}  // namespace

int MaxSandboxesByFiles(int64_t open_files) {
  // With a connection and, for half of them, a further context.
  constexpr int64_t kEach = kFilesPerSandbox + 1 + kFilesPerContext;
  return static_cast<int>(std::max<int64_t>((open_files - kFilesOfOurOwn) / kEach, 1));
}

namespace {

int64_t FilesLeft(int64_t open_files, int max_sandboxes) {
  return open_files - kFilesOfOurOwn - (kFilesPerSandbox + 1) * max_sandboxes;
}

}  // namespace

int MaxFurtherContexts(int64_t open_files, int max_sandboxes) {
  const int64_t left = FilesLeft(open_files, max_sandboxes);
  constexpr int64_t kMost = Sandbox::kMaxContexts - 1;
  return static_cast<int>(
      std::clamp<int64_t>(left / 2 / kFilesPerContext, 0, kMost * max_sandboxes));
}

int MaxProcessDescriptors(int64_t open_files, int max_sandboxes) {
  return static_cast<int>(std::clamp<int64_t>(FilesLeft(open_files, max_sandboxes) / 4, 0,
                                              kMostOfProcesses * max_sandboxes));
}

int MaxPortConnections(int64_t open_files, int max_sandboxes) {
  constexpr int64_t kMost = SandboxPorts::kMaxConnections;
  return static_cast<int>(
      std::clamp<int64_t>(FilesLeft(open_files, max_sandboxes) / 8 / kFilesPerPortConnection, 0,
                          std::min(kMost * max_sandboxes, kMostPortConnections)));
}

size_t MaxConnections(int64_t open_files, int max_sandboxes, int doors) {
  const int64_t left = open_files - kFilesOfOurOwn - kFilesPerSandbox * max_sandboxes -
                       kFilesPerContext * MaxFurtherContexts(open_files, max_sandboxes) -
                       MaxProcessDescriptors(open_files, max_sandboxes) -
                       kFilesPerPortConnection * MaxPortConnections(open_files, max_sandboxes);
  return static_cast<size_t>(std::clamp<int64_t>(left / doors, 1, kMostConnections));
}

Acceptor::Acceptor(IoLoop& loop, const std::vector<Listener>& listeners, size_t max_connections,
                   HandOver hand_over)
    : loop_(loop),
      listeners_(listeners),
      connections_(max_connections),
      hand_over_(std::move(hand_over)) {}

absl::Status Acceptor::Watch() {
  for (size_t i = 0; i < listeners_.size(); ++i) {
    auto watch = loop_.Watch(listeners_[i].fd(), EPOLLIN, [this, i](uint32_t) { Accept(i); });
    if (!watch.ok()) return watch.status();
    watches_.push_back(*watch);
    spdlog::info("event=serving address=\"{}\"", absl::CEscape(listeners_[i].address()));
  }
  return absl::OkStatus();
}

void Acceptor::Unwatch() {
  for (IoLoop::WatchId watch : watches_) loop_.Unwatch(watch);
}

void Acceptor::Accept(size_t listener) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    UniqueFd connection(
        ::accept4(listeners_[listener].fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection.valid()) {
      Admit(listeners_[listener], std::move(connection));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return Pause(listener);
    }
  }
}

void Acceptor::Admit(const Listener& listener, UniqueFd connection) {
  const Connections::Peer peer = Connections::PeerOf(connection.get());
  if (connections_.Admit(connection.get(), peer, absl::Now())) {
    return hand_over_(listener.fd(), std::move(connection));
  }
  if (!BeginsEpisode()) return;
  spdlog::warn(
      "event=connections_refused address=\"{}\" peer={} open={} room={} remedy=\"a client may hold "
      "half of what the others leave: raise the hard limit, ulimit -Hn, or see who keeps them "
      "open\"",
      absl::CEscape(listener.address()),
      peer == Connections::kTcp ? std::string("tcp") : absl::StrCat("user:", peer),
      connections_.size(), connections_.bound());
}

// The listener stays readable: it must not wake the loop again and again.
void Acceptor::Pause(size_t listener) {
  const int error = errno;
  ++failed_accepts_;
  if (BeginsEpisode()) {
    spdlog::error("event=accept_failed address=\"{}\" error=\"{}\" retry={}",
                  absl::CEscape(listeners_[listener].address()),
                  absl::CEscape(std::strerror(error)), absl::FormatDuration(kAcceptPause));
  }
  const IoLoop::WatchId watch = watches_[listener];
  // Both fail only where nobody watches any more.
  loop_.Modify(watch, 0).IgnoreError();
  loop_.AddTimer(MonotonicClock::now() + absl::ToChronoNanoseconds(kAcceptPause),
                 [this, watch] { loop_.Modify(watch, EPOLLIN).IgnoreError(); });
}

bool Acceptor::BeginsEpisode() {
  const absl::Time now = absl::Now();
  return now - std::exchange(last_trouble_, now) > kEpisodeGap;
}

}  // namespace warren
