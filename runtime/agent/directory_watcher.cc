#include "runtime/agent/directory_watcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "runtime/agent/file_facts.h"
#include "runtime/agent/file_writer.h"

namespace warren {
namespace {

constexpr uint32_t kWatchedEvents = IN_CREATE | IN_MODIFY | IN_DELETE | IN_MOVED_FROM |
                                    IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                    IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr int kWatchedDirectory = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
// Some of them at once: each becomes at most one event with two paths.
constexpr size_t kReadBytes = 2048;

}  // namespace

void DirectoryWatcher::Open(const internal::WatchCall& call) {
  path_ = call.path();
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  recursive_ = call.recursive();
  UniqueFd directory(root().Open(path_, kWatchedDirectory));
  if (!directory.valid())
    return End(errno == ENOTDIR ? FileWrongType("is no directory") : FileFailed(errno, "open"));
  if (IsKernels(directory.get())) return End(FileWrongType("is in /proc, which holds no files"));
  inotify_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.valid()) return End(FileFailed(errno, "watch"));
  if (OutOfDescriptors(inotify_.get())) return End(FileFailed(EMFILE, "watch"));
  root_watch_ = Watch(directory.get(), -1, "");
  // The kernel says ENOSPC where it has no watch left.
  if (root_watch_ < 0) return End(FileFailed(errno == ENOSPC ? EUSERS : errno, "watch"));
  if (recursive_) scans_.push_back({root_watch_, Contents::kNotTold});
}

bool DirectoryWatcher::ready() const {
  if (!queued_.empty())
    return credit() >= static_cast<int64_t>(queued_.front().watch_event().ByteSizeLong());
  return readable_ || scanned_ || !scans_.empty() || !watching_ || gone_;
}

void DirectoryWatcher::Turn() {
  if (queued_.empty()) {
    if (scanned_ || !scans_.empty()) {
      ScanSome();
    } else if (!watching_) {
      watching_ = true;
      Queue(kWatching, path_);
      if (too_many_) Queue(kOverflow, path_);
    } else if (readable_) {
      ReadEvents();
    }
  }
  TellQueued();
  if (gone_ && queued_.empty() && !ended()) End({});
}

// ---- What is watched --------------------------------------------------------------------------

int DirectoryWatcher::Watch(int directory, int parent, const std::string& name) {
  // Only by a path: that of the current directory is nobody else's.
  const CurrentDirectory current(directory);
  if (!current.entered()) return -1;
  const int watch = ::inotify_add_watch(inotify_.get(), ".", kWatchedEvents);
  if (watch >= 0) directories_[watch] = {parent, name};
  return watch;
}

void DirectoryWatcher::WatchEntry(int directory, int parent, const std::string& name,
                                  Contents contents) {
  UniqueFd entry(OpenEntry(directory, name, kWatchedDirectory));
  // It is none, it is gone again, or it is not for this user.
  if (!entry.valid() || IsKernels(entry.get())) return;
  if (directories_.size() >= kMaxDirectories) return TooMany();
  const int watch = Watch(entry.get(), parent, name);
  if (watch >= 0) {
    scans_.push_back({watch, contents});
  } else if (errno == ENOSPC) {
    TooMany();
  }
}

void DirectoryWatcher::TooMany() {
  // Watching is the first thing that is told.
  if (watching_) return Queue(kOverflow, path_);
  too_many_ = true;
}

void DirectoryWatcher::WatchNew(int parent, const std::string& name) {
  if (!recursive_) return;
  const std::string path = PathOf(parent);
  UniqueFd directory(path.empty() ? -1 : root().Open(path, kWatchedDirectory));
  if (directory.valid()) WatchEntry(directory.get(), parent, name, Contents::kTold);
}

void DirectoryWatcher::Forget(int watch) {
  ::inotify_rm_watch(inotify_.get(), watch);
  directories_.erase(watch);
}

void DirectoryWatcher::ForgetTree(int parent, const std::string& name) {
  std::deque<int> trees;
  for (const auto& [watch, directory] : directories_) {
    if (directory.parent == parent && directory.name == name) trees.push_back(watch);
  }
  while (!trees.empty()) {
    const int tree = trees.front();
    trees.pop_front();
    for (const auto& [watch, directory] : directories_) {
      if (directory.parent == tree) trees.push_back(watch);
    }
    Forget(tree);
  }
}

void DirectoryWatcher::Relocate(const Moved& from, int parent, const std::string& name) {
  // What was in its new place has gone by that.
  ForgetTree(parent, name);
  for (auto& [watch, directory] : directories_) {
    if (directory.parent != from.parent || directory.name != from.name) continue;
    directory = {parent, name};
    return;
  }
}

std::string DirectoryWatcher::PathOf(int watch) const {
  std::string path;
  for (size_t steps = 0; watch != root_watch_; ++steps) {
    auto found = directories_.find(watch);
    if (found == directories_.end() || steps > kMaxDirectories) return "";
    path.insert(0, found->second.name);
    path.insert(path.begin(), '/');
    watch = found->second.parent;
  }
  path = (path_ == "/" && !path.empty() ? "" : path_) + path;
  return path.size() <= kMaxAgentPath ? path : "";
}

std::string DirectoryWatcher::PathOf(int parent, const std::string& name) const {
  const std::string path = PathOf(parent);
  if (path.empty() || path.size() + 1 + name.size() > kMaxAgentPath) return "";
  return (path == "/" ? "" : path) + "/" + name;
}

// ---- What is there already --------------------------------------------------------------------

bool DirectoryWatcher::BeginScan() {
  const std::string path = PathOf(scans_.front().watch);
  UniqueFd directory(path.empty() ? -1 : root().Open(path, kWatchedDirectory));
  if (!directory.valid()) return false;
  scanned_.emplace(std::move(directory));
  return true;
}

void DirectoryWatcher::ScanSome() {
  if (!scanned_ && !BeginScan()) return scans_.pop_front();
  // Scanning adds to the list.
  const Scan scan = scans_.front();
  const int read = scanned_->Read([&](const char* name, unsigned char type) {
    if (scan.contents == Contents::kTold && !FileWriter::IsTemporary(name))
      Queue(kCreated, PathOf(scan.watch, name));
    if (type == DT_DIR || type == DT_UNKNOWN)
      WatchEntry(scanned_->fd(), scan.watch, name, scan.contents);
    return DirectoryReader::Next::kContinue;
  });
  if (read > 0) return;
  scanned_.reset();
  scans_.pop_front();
}

// ---- What happens -----------------------------------------------------------------------------

void DirectoryWatcher::ReadEvents() {
  alignas(inotify_event) char buffer[kReadBytes];
  const ssize_t size = ::read(inotify_.get(), buffer, sizeof(buffer));
  if (size <= 0) {
    // The two halves of a move are two events: the second is given one turn more to come.
    if (moved_ && !std::exchange(waited_for_moved_, true)) return AwaitMove();
    SettleMoved();
    readable_ = false;
    return;
  }
  for (ssize_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, buffer + at, sizeof(event));
    const char* name = buffer + at + sizeof(event);
    at += static_cast<ssize_t>(sizeof(event) + event.len);
    OnEvent(event, event.len == 0 ? "" : name);
  }
}

void DirectoryWatcher::AwaitMove() const {
  const std::string path = PathOf(moved_->parent);
  UniqueFd directory(path.empty() ? -1 : root().Open(path, kWatchedDirectory));
  if (!directory.valid()) return;
  DirectoryReader(std::move(directory)).Read([](const char*, unsigned char) {
    return DirectoryReader::Next::kStop;
  });
}

void DirectoryWatcher::OnEvent(const inotify_event& event, const std::string& name) {
  const bool completes =
      moved_ && (event.mask & IN_MOVED_TO) != 0 && event.cookie == moved_->cookie;
  if (!completes) SettleMoved();
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    Queue(kOverflow, path_);
    if (recursive_) scans_.push_back({root_watch_, Contents::kNotTold});
  } else if (!directories_.contains(event.wd)) {
    // Of one that was given up.
  } else if (name.empty()) {
    OnEventOfItself(event);
  } else {
    OnEntry(event, name);
  }
}

void DirectoryWatcher::OnEventOfItself(const inotify_event& event) {
  if (event.wd == root_watch_) {
    // What its own directory is told of others, nobody tells of it.
    if ((event.mask & IN_ATTRIB) != 0) Queue(kAttributes, path_);
    // Ignored: the one that says why was lost.
    const uint32_t ends = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;
    if ((event.mask & ends) != 0 && !std::exchange(gone_, true)) Queue(kRemoved, path_);
  } else if ((event.mask & IN_IGNORED) != 0) {
    directories_.erase(event.wd);
  }
}

void DirectoryWatcher::OnEntry(const inotify_event& event, const std::string& name) {
  const bool directory = (event.mask & IN_ISDIR) != 0;
  if ((event.mask & IN_MOVED_FROM) != 0) {
    moved_ = Moved{event.cookie, event.wd, name, directory};
    waited_for_moved_ = false;
    return;
  }
  if ((event.mask & IN_MOVED_TO) != 0) return OnMovedIn(event, name);
  if (FileWriter::IsTemporary(name)) return;
  std::string path = PathOf(event.wd, name);
  if ((event.mask & IN_CREATE) != 0) {
    Queue(kCreated, std::move(path));
    if (directory) WatchNew(event.wd, name);
  } else if ((event.mask & IN_MODIFY) != 0) {
    Queue(kWritten, std::move(path));
  } else if ((event.mask & IN_DELETE) != 0) {
    Queue(kRemoved, std::move(path));
  } else if ((event.mask & IN_ATTRIB) != 0) {
    Queue(kAttributes, std::move(path));
  }
}

void DirectoryWatcher::OnMovedIn(const inotify_event& event, const std::string& name) {
  std::string path = PathOf(event.wd, name);
  if (!moved_) {
    Queue(kCreated, std::move(path));
    if ((event.mask & IN_ISDIR) != 0) WatchNew(event.wd, name);
    return;
  }
  const Moved from = *std::exchange(moved_, std::nullopt);
  if (FileWriter::IsTemporary(from.name)) {
    if (FileWriter::IsOfNew(from.name)) Queue(kCreated, path);
    return Queue(kWritten, std::move(path));
  }
  Queue(kRenamed, PathOf(from.parent, from.name), std::move(path));
  if (from.directory) Relocate(from, event.wd, name);
}

void DirectoryWatcher::SettleMoved() {
  if (!moved_) return;
  const Moved from = *std::exchange(moved_, std::nullopt);
  if (!FileWriter::IsTemporary(from.name)) Queue(kRemoved, PathOf(from.parent, from.name));
  if (from.directory) ForgetTree(from.parent, from.name);
}

void DirectoryWatcher::Queue(Kind kind, std::string path, std::string destination) {
  // A path that cannot be told is an event that is lost.
  if (path.empty() || (kind == kRenamed && destination.empty())) {
    kind = kOverflow;
    path = path_;
    destination.clear();
  }
  if (!queued_.empty()) {
    const internal::StreamWatchEvent& last = queued_.back().watch_event();
    const bool same = last.kind() == kind && last.path() == path && destination.empty();
    if (same && (kind == kWritten || kind == kAttributes || kind == kOverflow)) return;
  }
  internal::StreamWatchEvent* event = queued_.emplace_back().mutable_watch_event();
  event->set_kind(kind);
  event->set_stream_id(id());
  event->set_path(std::move(path));
  event->set_destination(std::move(destination));
}

void DirectoryWatcher::TellQueued() {
  while (!queued_.empty()) {
    const size_t size = queued_.front().watch_event().ByteSizeLong();
    if (credit() < static_cast<int64_t>(size)) return;
    Spend(size);
    Tell(queued_.front());
    queued_.pop_front();
  }
}

}  // namespace warren
