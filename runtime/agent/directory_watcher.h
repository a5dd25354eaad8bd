#ifndef WARREN_RUNTIME_AGENT_DIRECTORY_WATCHER_H_
#define WARREN_RUNTIME_AGENT_DIRECTORY_WATCHER_H_

#include <sys/inotify.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "runtime/agent/directory_reader.h"
#include "runtime/agent/file_stream.h"

namespace warren {

// What happens in a directory, and in those below it. What the supervisor has no room for waits
// with the kernel, which joins events that are alike and says where it lost some.
//
// A directory that is new, or moved in, is watched from its first event on, and what is in it by
// then is told as created: some of that twice. Names under which files are written (FileWriter) are
// not told.
//
// Lifecycle: constructor → Open → turns; it ends with the directory.
class DirectoryWatcher final : public FileStream {
 public:
  // Of one watch; beyond them it says that events are lost.
  static constexpr size_t kMaxDirectories = 4096;

  using FileStream::FileStream;

  void Open(const internal::WatchCall& call);

  bool ready() const override;
  void Turn() override;
  int descriptor() const override { return readable_ ? -1 : inotify_.get(); }
  void OnReadable() override { readable_ = true; }

 private:
  enum Kind : uint32_t {
    kCreated = 1,
    kWritten = 2,
    kRemoved = 3,
    kRenamed = 4,
    kAttributes = 5,
    kOverflow = 6,
    kWatching = 7
  };
  struct Directory {
    // By its watch; -1 for the one that was asked for.
    int parent;
    std::string name;
  };
  // A name that was moved away, until it is known where to.
  struct Moved {
    uint32_t cookie;
    int parent;
    std::string name;
    bool directory;
  };
  enum class Contents { kTold, kNotTold };
  struct Scan {
    int watch;
    Contents contents;
  };

  // -1: it cannot be watched.
  int Watch(int directory, int parent, const std::string& name);
  void WatchEntry(int directory, int parent, const std::string& name, Contents contents);
  void WatchNew(int parent, const std::string& name);
  void Forget(int watch);
  // With all that are below it.
  void ForgetTree(int parent, const std::string& name);
  void Relocate(const Moved& from, int parent, const std::string& name);
  // Of a directory that is watched, or of a name in one; empty where it is not known any more.
  std::string PathOf(int watch) const;
  std::string PathOf(int parent, const std::string& name) const;

  void ScanSome();
  bool BeginScan();
  void ReadEvents();
  // The kernel queues both halves of a move under the locks of their directories: whoever has had
  // that of the first one's since it was read can read the second.
  void AwaitMove() const;
  void OnEvent(const inotify_event& event, const std::string& name);
  void OnEventOfItself(const inotify_event& event);
  void OnEntry(const inotify_event& event, const std::string& name);
  void OnMovedIn(const inotify_event& event, const std::string& name);
  // It went nowhere that is watched.
  void SettleMoved();
  // Some directories cannot be watched.
  void TooMany();
  void Queue(Kind kind, std::string path, std::string destination = "");
  void TellQueued();

  UniqueFd inotify_;
  std::string path_;
  bool recursive_ = false;
  // By their watches.
  std::map<int, Directory> directories_;
  int root_watch_ = -1;
  std::deque<Scan> scans_;
  std::optional<DirectoryReader> scanned_;
  bool watching_ = false;
  // Until the first scan is over.
  bool too_many_ = false;
  bool readable_ = false;
  // The directory is gone: when all is told, it ends.
  bool gone_ = false;
  std::optional<Moved> moved_;
  bool waited_for_moved_ = false;
  std::deque<internal::AgentEvent> queued_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_DIRECTORY_WATCHER_H_
