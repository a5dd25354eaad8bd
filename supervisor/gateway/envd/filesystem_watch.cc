#include "supervisor/gateway/envd/filesystem_watch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "supervisor/backend/file_queue.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/filesystem_error.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/envd/filesystem_stream.h"

namespace warren {
namespace {

constexpr int kWatchKeepaliveSeconds = 90;
constexpr int kMostWatchKeepaliveSeconds = 3600;

std::string RelativeName(absl::string_view path, absl::string_view directory) {
  if (path == directory) return ".";
  absl::ConsumeSuffix(&directory, "/");
  absl::string_view name = path;
  if (absl::ConsumePrefix(&name, directory)) absl::ConsumePrefix(&name, "/");
  return PathText(name);
}

WatchedEvent WatchedEventOf(e2b::EventType type, absl::string_view path,
                            absl::string_view directory) {
  WatchedEvent watched;
  watched.path = std::string(path);
  watched.event.set_name(RelativeName(path, directory));
  watched.event.set_type(type);
  return watched;
}

absl::Duration WatchKeepalive(const Exchange& exchange) {
  int seconds = 0;
  if (!absl::SimpleAtoi(exchange.header("Keepalive-Ping-Interval"), &seconds) || seconds <= 0)
    seconds = kWatchKeepaliveSeconds;
  return absl::Seconds(std::min(seconds, kMostWatchKeepaliveSeconds));
}

// One watch on its way to its client.
class WatchStream {
 public:
  WatchStream(Exchange& exchange, std::shared_ptr<SandboxHandle> handle,
              DirectoryWatchRequest request, ConnectStream& stream)
      : exchange_(exchange),
        handle_(std::move(handle)),
        request_(std::move(request)),
        stream_(stream),
        events_(exchange),
        interval_(absl::ToChronoNanoseconds(WatchKeepalive(exchange))) {}

  Async<void> Run(SteadyTime deadline) {
    exchange_.WatchClient();
    events_.queue()->Attach(StartWatch(*handle_, request_, events_.queue()));
    SaidSomething();
    bool more = true;
    while (more) {
      if (std::chrono::steady_clock::now() >= deadline) {
        co_await stream_.End(absl::DeadlineExceededError(
            "the watch has lasted as long as its Connect-Timeout-Ms says"));
        co_return;
      }
      auto item = co_await events_.Next(std::min(deadline, silent_until_));
      if (exchange_.client_gone()) co_return;
      if (item && item->ended) {
        co_await End(std::move(item->status));
        co_return;
      }
      more = item ? co_await Tell(item->event) : co_await KeepAlive();
    }
  }

 private:
  void SaidSomething() { silent_until_ = std::chrono::steady_clock::now() + interval_; }

  // False, here and below: nothing follows.
  Async<bool> KeepAlive() {
    const bool due = std::chrono::steady_clock::now() >= silent_until_;
    // Before it has started, nothing stands before what says so.
    if (!due || !started_) {
      if (due) SaidSomething();
      co_return true;
    }
    e2b::WatchDirResponse response;
    response.mutable_keepalive();
    co_return co_await Send(response);
  }

  Async<bool> Tell(const v1::FileEvent& event) {
    if (event.kind() == v1::FileEvent::WATCHING) {
      if (std::exchange(started_, true)) co_return true;
      directory_ = event.path();
      e2b::WatchDirResponse response;
      response.mutable_start();
      co_return co_await Send(response);
    }
    if (event.kind() == v1::FileEvent::OVERFLOW) {
      co_await stream_.End(EventsLost(directory_));
      co_return false;
    }
    std::vector<WatchedEvent> watched = ToFilesystemEvents(event, directory_);
    for (WatchedEvent& one : watched) {
      if (request_.entries == DirectoryWatchRequest::Entries::kIncluded)
        co_await IncludeEntry(handle_, request_.user, one);
      e2b::WatchDirResponse response;
      *response.mutable_filesystem() = std::move(one.event);
      const bool sent = co_await Send(response);
      if (!sent) co_return false;
    }
    co_return true;
  }

  Async<bool> Send(const e2b::WatchDirResponse& response) {
    SaidSomething();
    co_return co_await stream_.Send(response);
  }

  Async<void> End(absl::Status status) {
    const bool there = co_await SandboxDoor::IsThere(handle_);
    if (!there && started_) {
      // The client sees a connection that was cut, asks for the sandbox's health, and learns.
      exchange_.Hangup();
      co_return;
    }
    absl::Status explained =
        co_await ExplainDirectory(handle_, request_.user, request_.path, std::move(status));
    co_await stream_.End(explained);
  }

  Exchange& exchange_;
  const std::shared_ptr<SandboxHandle> handle_;
  const DirectoryWatchRequest request_;
  ConnectStream& stream_;
  BackendStream<FileEventQueue> events_;
  const std::chrono::nanoseconds interval_;
  SteadyTime silent_until_;
  // As events say it; from the start on.
  std::string directory_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Operation> StartWatch(SandboxHandle& handle, const DirectoryWatchRequest& request,
                                      std::shared_ptr<Sink<v1::FileEvent>> sink) {
  v1::WatchDirectoryRequest watch;
  watch.set_path(request.path);
  watch.set_user(request.user);
  watch.set_recursive(request.depth == DirectoryWatchRequest::Depth::kTree);
  return handle.WatchDirectory(Call(), watch, std::move(sink));
}

std::vector<WatchedEvent> ToFilesystemEvents(const v1::FileEvent& event,
                                             absl::string_view directory) {
  const absl::string_view path = event.path();
  switch (event.kind()) {
    case v1::FileEvent::CREATED:
      return {WatchedEventOf(e2b::EVENT_TYPE_CREATE, path, directory)};
    case v1::FileEvent::WRITTEN:
      return {WatchedEventOf(e2b::EVENT_TYPE_WRITE, path, directory)};
    case v1::FileEvent::REMOVED:
      return {WatchedEventOf(e2b::EVENT_TYPE_REMOVE, path, directory)};
    case v1::FileEvent::ATTRIBUTES:
      return {WatchedEventOf(e2b::EVENT_TYPE_CHMOD, path, directory)};
    case v1::FileEvent::RENAMED:
      return {WatchedEventOf(e2b::EVENT_TYPE_RENAME, path, directory),
              WatchedEventOf(e2b::EVENT_TYPE_CREATE, event.destination(), directory)};
    default:
      return {};
  }
}

absl::Status EventsLost(absl::string_view path) {
  return absl::DataLossError(
      absl::StrCat("more happened in '", PathText(path),
                   "' than could be told, and some of it is lost: list it, and watch it anew"));
}

Async<void> IncludeEntry(std::shared_ptr<SandboxHandle> handle, std::string user,
                         WatchedEvent& event) {
  auto entry = co_await StatEntry(handle, user, event.path);
  if (!entry.ok()) co_return;
  *event.event.mutable_entry() =
      co_await Describe(std::move(handle), std::move(user), *std::move(entry));
}

Async<void> StreamWatch(Exchange& exchange, std::shared_ptr<SandboxHandle> handle,
                        DirectoryWatchRequest request, ConnectStream& stream) {
  auto timeout = ConnectTimeout(exchange);
  if (!timeout.ok()) {
    co_await stream.End(timeout.status());
    co_return;
  }
  const SteadyTime deadline =
      *timeout ? std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(**timeout)
               : SteadyTime::max();
  WatchStream watch(exchange, std::move(handle), std::move(request), stream);
  co_await watch.Run(deadline);
}

}  // namespace warren
