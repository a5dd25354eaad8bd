#ifndef WARREN_RUNTIME_AGENT_FILE_FACTS_H_
#define WARREN_RUNTIME_AGENT_FILE_FACTS_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>

#include "runtime/agent/file_place.h"
#include "runtime/agent/file_result.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// Names of the sandbox's users and groups, from its /etc/passwd and /etc/group as far as they are
// read: 64 KiB of each. The number where there is none.
class OwnerNames {
 public:
  // Reads both, as whoever the caller acts for.
  explicit OwnerNames(const FileRoot& root);
  std::string Owner(uint32_t uid) const { return NameOf(owners_, uid); }
  std::string Group(uint32_t gid) const { return NameOf(groups_, gid); }

 private:
  using Names = std::map<uint32_t, std::string>;
  static Names Read(const FileRoot& root, const std::string& path);
  static std::string NameOf(const Names& names, uint32_t id);

  const Names owners_;
  const Names groups_;
};

// What `info` says of it; neither link nor attributes.
void FillFacts(const struct stat& info, const OwnerNames& names, internal::FileFacts* facts);

// Its attributes "user.…": of an open file.
void FillAttributes(int file, internal::FileFacts* facts);

// The current directory: what takes no descriptor of a directory is given a name in it. It stays so
// until the end of the ActingUser, for the user may not be able to go elsewhere.
class CurrentDirectory {
 public:
  explicit CurrentDirectory(int directory);
  CurrentDirectory(const CurrentDirectory&) = delete;
  CurrentDirectory& operator=(const CurrentDirectory&) = delete;
  bool entered() const { return entered_; }

 private:
  const bool entered_;
};

// All of an entry of `directory`, itself; false where there is none, with errno. Attributes only
// where `directory` is the CurrentDirectory.
bool FillEntry(int directory, const std::string& name, const OwnerNames& names,
               const CurrentDirectory& current, internal::FileFacts* facts);

// The same of a place, with its path. `follow`: of what a link leads to.
enum class Links { kThemselves, kFollow };
FileResult DescribePlace(const FileRoot& root, const FilePlace& place, Links links,
                         internal::FileFacts* facts);

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_FACTS_H_
