#include "runtime/agent/file_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "runtime/agent/file_facts.h"

namespace warren {

FileResult Stat(const FileRoot& root, const internal::StatCall& call, internal::StreamEnd* end) {
  FilePlace place;
  FileResult result = FindPlace(root, call.path(), Parents::kThere, &place);
  if (!result.ok()) return result;
  return DescribePlace(root, place, call.follow() ? Links::kFollow : Links::kThemselves,
                       end->mutable_file());
}

FileResult MakeDirectory(const FileRoot& root, const internal::MakeDirectoryCall& call,
                         internal::StreamEnd* end) {
  FilePlace place;
  FileResult result = FindPlace(root, call.path(), Parents::kMade, &place);
  if (!result.ok()) return result;
  if (::mkdirat(place.directory.get(), place.name.c_str(), call.mode()) != 0)
    return FileFailed(errno, "make");
  return DescribePlace(root, place, Links::kThemselves, end->mutable_file());
}

FileResult Move(const FileRoot& root, const internal::MoveCall& call, internal::StreamEnd* end) {
  FilePlace source;
  FilePlace destination;
  FileResult result = FindPlace(root, call.source(), Parents::kThere, &source);
  if (!result.ok()) return result;
  result = FindPlace(root, call.destination(), Parents::kThere, &destination);
  // Said of the other path than the client takes it for.
  if (!result.ok()) {
    result.detail = "open the directory that the destination is in";
    return result;
  }
  if (::renameat(source.directory.get(), source.name.c_str(), destination.directory.get(),
                 destination.name.c_str()) != 0) {
    return FileFailed(errno, "move");
  }
  return DescribePlace(root, destination, Links::kThemselves, end->mutable_file());
}

FileResult TellUsage(const FileRoot& root, internal::StreamEnd* end) {
  UniqueFd top(root.Open("/", O_PATH | O_DIRECTORY));
  struct statfs info;
  if (!top.valid() || ::fstatfs(top.get(), &info) != 0)
    return FileFailed(errno, "ask the file system");
  const uint64_t block = static_cast<uint64_t>(info.f_bsize);
  end->set_disk_total(info.f_blocks * block);
  end->set_disk_used((info.f_blocks - info.f_bfree) * block);
  return {};
}

}  // namespace warren
