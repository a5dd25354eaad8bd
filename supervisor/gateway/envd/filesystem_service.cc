#include "supervisor/gateway/envd/filesystem_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "supervisor/backend/file_queue.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/envd/basic_user.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/filesystem_error.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/envd/filesystem_stream.h"
#include "supervisor/gateway/envd/filesystem_watch.h"

namespace warren {
namespace {

// A list is held whole until it is sent: what is in all its entries together.
constexpr int64_t kMaxListBytes = 32 << 20;
// Of one answer with the events that a watcher has waiting.
constexpr int64_t kMaxPolledBytes = 4 << 20;
// What the backend takes; envd has no bound.
constexpr uint32_t kMostListDepth = 64;
constexpr size_t kMaxToldMethod = 64;

// The request of a watch, whichever of the two messages it came in.
template <class Request>
absl::StatusOr<DirectoryWatchRequest> ToWatchRequest(const Request& request,
                                                     const std::string& user) {
  absl::StatusOr<std::string> path = EnvdPath(request.path(), user);
  if (!path.ok()) return path.status();
  DirectoryWatchRequest watch;
  watch.path = *std::move(path);
  watch.user = user;
  if (request.recursive()) watch.depth = DirectoryWatchRequest::Depth::kTree;
  if (request.include_entry()) watch.entries = DirectoryWatchRequest::Entries::kIncluded;
  return watch;
}

// As envd walks a tree: by name, what is in a directory behind it.
void SortAsWalked(std::vector<v1::FileEntry>& entries) {
  const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
  std::sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
    return std::lexicographical_compare(a.path().begin(), a.path().end(), b.path().begin(),
                                        b.path().end(),
                                        [&](char x, char y) { return rank(x) < rank(y); });
  });
}

Async<absl::StatusOr<v1::FileEntry>> MakeDirectoryAt(std::shared_ptr<SandboxHandle> handle,
                                                     std::string user, std::string path) {
  v1::MakeDirectoryRequest request;
  request.set_user(std::move(user));
  request.set_path(std::move(path));
  co_return co_await Ask<v1::FileEntry>(
      [&](auto reply) { handle->MakeDirectory(Call(), request, std::move(reply)); });
}

Async<absl::StatusOr<v1::FileEntry>> MoveTo(std::shared_ptr<SandboxHandle> handle,
                                            v1::MoveFileRequest request) {
  co_return co_await Ask<v1::FileEntry>(
      [&](auto reply) { handle->MoveFile(Call(), request, std::move(reply)); });
}

}  // namespace

Async<void> EnvdFilesystem::Serve(Exchange& exchange, const std::string& sandbox_id,
                                  absl::string_view method) {
  auto opened =
      co_await door_.Open(exchange, sandbox_id, Credential::kAccessToken, ErrorForm::kConnect);
  if (!opened) co_return;
  auto user = BasicUser(exchange.header("Authorization"));
  if (!user.ok()) {
    co_await AnswerConnectError(exchange, user.status());
    co_return;
  }
  const Caller caller = {std::move(opened->handle), *std::move(user)};
  co_await Dispatch(exchange, caller, method);
}

Async<void> EnvdFilesystem::Dispatch(Exchange& exchange, const Caller& caller,
                                     absl::string_view method) {
  if (method == "Stat") {
    co_await ServeUnary<e2b::StatRequest>(exchange, [this, &caller](e2b::StatRequest request) {
      return Stat(caller, std::move(request));
    });
  } else if (method == "MakeDir") {
    co_await ServeUnary<e2b::MakeDirRequest>(exchange,
                                             [this, &caller](e2b::MakeDirRequest request) {
                                               return MakeDir(caller, std::move(request));
                                             });
  } else if (method == "Move") {
    co_await ServeUnary<e2b::MoveRequest>(exchange, [this, &caller](e2b::MoveRequest request) {
      return Move(caller, std::move(request));
    });
  } else if (method == "ListDir") {
    co_await ServeUnary<e2b::ListDirRequest>(
        exchange, [this, &exchange, &caller](e2b::ListDirRequest request) {
          return ListDir(exchange, caller, std::move(request));
        });
  } else if (method == "Remove") {
    co_await ServeUnary<e2b::RemoveRequest>(exchange, [this, &caller](e2b::RemoveRequest request) {
      return Remove(caller, std::move(request));
    });
  } else {
    co_await DispatchWatch(exchange, caller, method);
  }
}

Async<void> EnvdFilesystem::DispatchWatch(Exchange& exchange, const Caller& caller,
                                          absl::string_view method) {
  if (method == "WatchDir") {
    co_await ServeStream<e2b::WatchDirRequest>(
        exchange, [this, &exchange, &caller](e2b::WatchDirRequest request, ConnectStream& stream) {
          return WatchDir(exchange, caller, std::move(request), stream);
        });
  } else if (method == "CreateWatcher") {
    co_await ServeUnary<e2b::CreateWatcherRequest>(
        exchange, [this, &exchange, &caller](e2b::CreateWatcherRequest request) {
          return CreateWatcher(exchange, caller, std::move(request));
        });
  } else if (method == "GetWatcherEvents") {
    co_await ServeUnary<e2b::GetWatcherEventsRequest>(
        exchange, [this, &exchange, &caller](e2b::GetWatcherEventsRequest request) {
          return GetWatcherEvents(exchange, caller, std::move(request));
        });
  } else if (method == "RemoveWatcher") {
    co_await ServeUnary<e2b::RemoveWatcherRequest>(
        exchange, [this, &caller](e2b::RemoveWatcherRequest request) {
          return RemoveWatcher(caller, std::move(request));
        });
  } else {
    const absl::Status unknown = absl::UnimplementedError(
        absl::StrCat("filesystem.Filesystem has no method \"",
                     absl::CEscape(method.substr(0, kMaxToldMethod)), "\""));
    co_await AnswerConnectError(exchange, unknown);
  }
}

// ---- Questions --------------------------------------------------------------------------------

EnvdFilesystem::Answer<e2b::StatResponse> EnvdFilesystem::Stat(const Caller& caller,
                                                               e2b::StatRequest request) {
  auto path = EnvdPath(request.path(), caller.user);
  if (!path.ok()) co_return path.status();
  auto entry = co_await StatEntry(caller.handle, caller.user, *path);
  if (!entry.ok()) co_return co_await ExplainPath(caller.handle, *path, entry.status());
  e2b::StatResponse response;
  *response.mutable_entry() = co_await Describe(caller.handle, caller.user, *std::move(entry));
  co_return response;
}

EnvdFilesystem::Answer<e2b::MakeDirResponse> EnvdFilesystem::MakeDir(const Caller& caller,
                                                                     e2b::MakeDirRequest request) {
  auto path = EnvdPath(request.path(), caller.user);
  if (!path.ok()) co_return path.status();
  auto made = co_await MakeDirectoryAt(caller.handle, caller.user, *path);
  if (made.ok()) {
    e2b::MakeDirResponse response;
    *response.mutable_entry() = ToEntryInfo(*made);
    co_return response;
  }
  if (absl::IsAlreadyExists(made.status())) {
    auto there = co_await StatTarget(caller.handle, caller.user, *path);
    if (there.ok() && there->type() != v1::FileEntry::DIRECTORY) {
      co_return absl::InvalidArgumentError(
          absl::StrCat("path already exists but it is not a directory: ", PathText(*path)));
    }
    co_return absl::AlreadyExistsError(absl::StrCat("directory already exists: ", PathText(*path)));
  }
  co_return co_await ExplainPath(caller.handle, *path, made.status());
}

EnvdFilesystem::Answer<e2b::MoveResponse> EnvdFilesystem::Move(const Caller& caller,
                                                               e2b::MoveRequest request) {
  auto source = EnvdPath(request.source(), caller.user);
  if (!source.ok()) co_return source.status();
  auto destination = EnvdPath(request.destination(), caller.user);
  if (!destination.ok()) co_return destination.status();
  v1::MoveFileRequest move;
  move.set_source(*source);
  move.set_destination(*destination);
  move.set_user(caller.user);
  auto moved = co_await MoveTo(caller.handle, move);
  if (absl::IsNotFound(moved.status())) {
    // Perhaps of the destination's directory, which envd makes.
    auto parent = co_await MakeDirectoryAt(caller.handle, caller.user, PathParent(*destination));
    if (parent.ok()) moved = co_await MoveTo(caller.handle, move);
  }
  if (!moved.ok()) co_return co_await ExplainPath(caller.handle, *source, moved.status());
  e2b::MoveResponse response;
  *response.mutable_entry() = co_await Describe(caller.handle, caller.user, *std::move(moved));
  co_return response;
}

EnvdFilesystem::Answer<e2b::RemoveResponse> EnvdFilesystem::Remove(const Caller& caller,
                                                                   e2b::RemoveRequest request) {
  auto path = EnvdPath(request.path(), caller.user);
  if (!path.ok()) co_return path.status();
  v1::RemoveFileRequest remove;
  remove.set_path(*path);
  remove.set_user(caller.user);
  remove.set_recursive(true);
  auto removed = co_await Ask<v1::RemoveFileResponse>(
      [&](auto reply) { caller.handle->RemoveFile(Call(), remove, std::move(reply)); });
  if (removed.ok()) co_return e2b::RemoveResponse();
  const absl::Status explained = co_await ExplainPath(caller.handle, *path, removed.status());
  // What is not there is removed, to envd.
  if (absl::IsNotFound(explained)) co_return e2b::RemoveResponse();
  co_return explained;
}

// ---- Lists ------------------------------------------------------------------------------------

EnvdFilesystem::Answer<e2b::ListDirResponse> EnvdFilesystem::ListDir(Exchange& exchange,
                                                                     const Caller& caller,
                                                                     e2b::ListDirRequest request) {
  auto path = EnvdPath(request.path(), caller.user);
  if (!path.ok()) co_return path.status();
  v1::ListDirectoryRequest list;
  list.set_path(*path);
  list.set_user(caller.user);
  list.set_depth(static_cast<int32_t>(std::clamp<uint32_t>(request.depth(), 1, kMostListDepth)));
  exchange.WatchClient();
  BackendStream<FileEntryQueue> stream(exchange);
  stream.queue()->Attach(caller.handle->ListDirectory(Call(), list, stream.queue()));
  std::vector<v1::FileEntry> entries;
  MemoryCharge charge(&exchange.memory());
  for (;;) {
    auto item = co_await stream.Next(SteadyTime::max());
    if (!item) co_return absl::CancelledError("the client has gone");
    if (item->ended && item->status.ok()) break;
    if (item->ended) {
      co_return co_await ExplainDirectory(caller.handle, caller.user, *path,
                                          std::move(item->status));
    }
    if (!charge.TryAdd(FileEntryQueue::kEventBytes +
                       static_cast<int64_t>(item->event.ByteSizeLong()))) {
      co_return NoRoom();
    }
    if (charge.bytes() > kMaxListBytes) {
      co_return absl::ResourceExhaustedError(
          absl::StrCat("the list of '", PathText(*path), "' is longer than ", kMaxListBytes >> 20,
                       " MiB: list less deep, or use a command"));
    }
    entries.push_back(std::move(item->event));
  }
  SortAsWalked(entries);
  e2b::ListDirResponse response;
  for (v1::FileEntry& entry : entries) {
    if (exchange.client_gone()) co_return absl::CancelledError("the client has gone");
    *response.add_entries() = co_await Describe(caller.handle, caller.user, std::move(entry));
  }
  co_return response;
}

// ---- Watches ----------------------------------------------------------------------------------

Async<void> EnvdFilesystem::WatchDir(Exchange& exchange, const Caller& caller,
                                     e2b::WatchDirRequest request, ConnectStream& stream) {
  auto watch = ToWatchRequest(request, caller.user);
  if (!watch.ok()) {
    co_await stream.End(watch.status());
    co_return;
  }
  co_await StreamWatch(exchange, caller.handle, *std::move(watch), stream);
}

EnvdFilesystem::Answer<e2b::CreateWatcherResponse> EnvdFilesystem::CreateWatcher(
    Exchange& exchange, const Caller& caller, e2b::CreateWatcherRequest request) {
  auto watch = ToWatchRequest(request, caller.user);
  if (!watch.ok()) co_return watch.status();
  const std::string path = watch->path;
  auto id = co_await watchers_.Create(exchange, caller.handle, *std::move(watch));
  if (!id.ok()) {
    co_return co_await ExplainDirectory(caller.handle, caller.user, path, id.status());
  }
  e2b::CreateWatcherResponse response;
  response.set_watcher_id(*std::move(id));
  co_return response;
}

EnvdFilesystem::Answer<e2b::GetWatcherEventsResponse> EnvdFilesystem::GetWatcherEvents(
    Exchange& exchange, const Caller& caller, e2b::GetWatcherEventsRequest request) {
  // Before they are taken: what is taken is not told again.
  MemoryCharge charge(&exchange.memory());
  if (!charge.TryAdd(kMaxPolledBytes)) co_return NoRoom();
  auto polled = watchers_.Poll(caller.handle->id(), request.watcher_id());
  if (!polled.ok()) co_return polled.status();
  e2b::GetWatcherEventsResponse response;
  int64_t bytes = 0;
  for (WatchedEvent& event : polled->events) {
    // Where there are too many at once, some have no entry, as those whose file is gone.
    const bool room = bytes < kMaxPolledBytes;
    if (room && polled->entries == DirectoryWatchRequest::Entries::kIncluded)
      co_await IncludeEntry(caller.handle, polled->user, event);
    bytes += static_cast<int64_t>(event.event.ByteSizeLong());
    *response.add_events() = std::move(event.event);
  }
  co_return response;
}

EnvdFilesystem::Answer<e2b::RemoveWatcherResponse> EnvdFilesystem::RemoveWatcher(
    const Caller& caller, e2b::RemoveWatcherRequest request) {
  absl::Status removed = watchers_.Remove(caller.handle->id(), request.watcher_id());
  if (!removed.ok()) co_return removed;
  co_return e2b::RemoveWatcherResponse();
}

}  // namespace warren
