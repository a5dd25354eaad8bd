#ifndef WARREN_RUNTIME_AGENT_TREE_REMOVER_H_
#define WARREN_RUNTIME_AGENT_TREE_REMOVER_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/agent/directory_reader.h"
#include "runtime/agent/file_place.h"
#include "runtime/agent/file_stream.h"

namespace warren {

// Removes a directory with all that is in it, on its own file system. However deep it is, one
// directory is open; the way up is by "..", and only to the directory that it came from: where
// somebody moves what it is in, it stops. So it does at the first thing that cannot be removed.
// Lifecycle: constructor → Open → turns.
class TreeRemover final : public FileStream {
 public:
  using FileStream::FileStream;

  void Open(const internal::RemoveCall& call);

  bool ready() const override { return true; }
  void Turn() override;

 private:
  // Which directory it is.
  struct Identity {
    dev_t device;
    ino_t inode;
    bool operator==(const Identity&) const = default;
  };
  static std::optional<Identity> IdentityOf(int fd);

  // One name of the open directory; false where it is a directory that is not empty.
  bool Remove(const char* name, unsigned char type);
  void Enter(UniqueFd directory, const Identity& identity);
  void Descend(const std::string& name);
  void Ascend();

  FilePlace place_;
  std::optional<DirectoryReader> reader_;
  // From the directory that is removed to the open one.
  std::vector<Identity> way_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_TREE_REMOVER_H_
