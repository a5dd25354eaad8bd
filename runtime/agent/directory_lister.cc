#include "runtime/agent/directory_lister.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

namespace warren {

void DirectoryLister::Open(const internal::ListCall& call) {
  UniqueFd directory(root().Open(call.path(), O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  if (!directory.valid()) {
    return End(errno == ENOTDIR ? FileWrongType("is no directory") : FileFailed(errno, "open"));
  }
  if (OutOfDescriptors(directory.get())) return End(FileFailed(EMFILE, "open"));
  if (IsKernels(directory.get())) return End(FileWrongType("is in /proc, which holds no files"));
  names_.emplace(root());
  depth_ = call.depth();
  path_ = call.path();
  while (!path_.empty() && path_.back() == '/') path_.pop_back();
  levels_.push_back({DirectoryReader(std::move(directory)), path_.size()});
}

void DirectoryLister::Turn() {
  Level& level = levels_.back();
  std::string below;
  int read = 0;
  {
    const CurrentDirectory current(level.reader.fd());
    read = level.reader.Read([&](const char* name, unsigned char type) {
      const bool maybe = type == DT_DIR || type == DT_UNKNOWN;
      if (!TellEntry(name, maybe && levels_.size() < depth_, current))
        return DirectoryReader::Next::kAgain;
      if (!below_.valid())
        return ended() ? DirectoryReader::Next::kStop : DirectoryReader::Next::kContinue;
      below = name;
      return DirectoryReader::Next::kStop;
    });
  }
  if (ended()) return;
  if (read < 0) return End(FileFailed(errno, "read the directory"));
  if (!below.empty()) return Descend(below);
  if (read > 0) return;
  levels_.pop_back();
  if (levels_.empty()) return End({});
  path_.resize(levels_.back().path_size);
}

bool DirectoryLister::TellEntry(const std::string& name, bool below,
                                const CurrentDirectory& current) {
  internal::AgentEvent event;
  event.mutable_entry()->set_stream_id(id());
  internal::FileFacts* facts = event.mutable_entry()->mutable_file();
  if (!FillEntry(levels_.back().reader.fd(), name, *names_, current, facts)) {
    if (errno != ENOENT) End(FileFailed(errno, "look at an entry"));
    return true;
  }
  facts->set_path(path_ + "/" + name);
  if (facts->path().size() > kMaxAgentPath) {
    End(FileFailed(ENAMETOOLONG, "tell an entry"));
    return true;
  }
  if (below && S_ISDIR(facts->mode())) OpenBelow(name, facts);
  if (ended()) return true;
  const size_t size = event.entry().ByteSizeLong();
  needed_ = static_cast<int64_t>(size);
  if (credit() < needed_) {
    below_.reset();
    return false;
  }
  needed_ = 1;
  Spend(size);
  Tell(event);
  return true;
}

void DirectoryLister::OpenBelow(const std::string& name, internal::FileFacts* facts) {
  below_.reset(OpenEntry(levels_.back().reader.fd(), name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  if (!below_.valid()) {
    facts->set_not_listed(errno == EACCES || errno == EPERM);
    // Or it is none any more.
    const bool passed =
        facts->not_listed() || errno == ENOTDIR || errno == ENOENT || errno == ELOOP;
    return passed ? void() : End(FileFailed(errno, "open a directory below it"));
  }
  if (OutOfDescriptors(below_.get())) return End(FileFailed(EMFILE, "open a directory below it"));
  if (IsKernels(below_.get())) below_.reset();
}

void DirectoryLister::Descend(const std::string& name) {
  path_ += "/" + name;
  levels_.push_back({DirectoryReader(std::move(below_)), path_.size()});
}

}  // namespace warren
