#ifndef WARREN_RUNTIME_AGENT_DIRECTORY_LISTER_H_
#define WARREN_RUNTIME_AGENT_DIRECTORY_LISTER_H_

#include <optional>
#include <string>
#include <vector>

#include "runtime/agent/directory_reader.h"
#include "runtime/agent/file_facts.h"
#include "runtime/agent/file_stream.h"

namespace warren {

// The entries of a directory and of those below it. What vanishes meanwhile is left out.
// Lifecycle: constructor → Open → turns.
class DirectoryLister final : public FileStream {
 public:
  using FileStream::FileStream;

  void Open(const internal::ListCall& call);

  bool ready() const override { return credit() >= needed_; }
  void Turn() override;

 private:
  struct Level {
    DirectoryReader reader;
    // Of the path that is its.
    size_t path_size;
  };

  // False: there is no credit for it. `below`: where it is a directory, its entries belong on the
  // list too.
  bool TellEntry(const std::string& name, bool below, const CurrentDirectory& current);
  // The directory of that name, where there is one that can be read: so it is known before its own
  // entry is told.
  void OpenBelow(const std::string& name, internal::FileFacts* facts);
  void Descend(const std::string& name);

  std::optional<OwnerNames> names_;
  uint32_t depth_ = 0;
  // The directories on the way to where it is, and its path without a slash at the end.
  std::vector<Level> levels_;
  std::string path_;
  // That of the entry that was told last, where its entries come next.
  UniqueFd below_;
  // Credit that the next entry takes.
  int64_t needed_ = 1;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_DIRECTORY_LISTER_H_
