// What a builder sandbox sends of a package, written as the store writes it: whatever is taken to
// its end is whole, and nothing else is ever made.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/store/package_files.h"
#include "runtime/store/package_stream.h"
#include "runtime/store/package_writer.h"
#include "runtime/store/space.h"
#include "runtime/store/stop_signal.h"
#include "runtime/store/store_files.h"
#include "runtime/store/tree_walk.h"

namespace warren {
namespace {

constexpr PackageLimits kLimits = {64 << 10, 6};
constexpr int64_t kSpace = 256 << 10;

void Check(bool holds) {
  if (!holds) std::abort();
}

const std::string& Scratch() {
  static const std::string* path = [] {
    char name[] = "/tmp/warren-fuzz-XXXXXX";
    Check(::mkdtemp(name) != nullptr);
    std::atexit([] { std::filesystem::remove_all(Scratch()); });
    return new std::string(name);
  }();
  return *path;
}

// What the manifest says is there, and no other thing.
void CheckWritten(int tree, const internal::PackageManifest& manifest) {
  static const StopSignal* const kNever = StopSignal::Create()->release();
  TreeWalk walk(tree, TreeWalk::Missing::kFail);
  for (const internal::ManifestFile& file : manifest.files()) {
    const absl::StatusOr<int> directory = walk.DirectoryOf(file.path());
    Check(directory.ok() && CheckFile(*directory, file, *kNever).ok());
  }
  const absl::StatusOr<TreeCount> count = CountTree(tree);
  Check(count.ok() &&
        *count == TreeCount{manifest.files_size(), CountDirectories(manifest) - 1, 0});
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace warren;
  const UniqueFd scratch(::open(Scratch().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Check(::mkdirat(scratch.get(), "tree", 0755) == 0);
  {
    const absl::StatusOr<UniqueFd> tree = OpenDirectory(scratch.get(), "tree");
    Check(tree.ok());
    Space space(kSpace, [] {});
    SpaceHold hold(space);
    PackageWriter writer(tree->get(), hold);
    PackageStream stream(kLimits, writer);
    const absl::Status status =
        stream.Feed(absl::string_view(reinterpret_cast<const char*>(data), size));
    if (status.ok() && stream.complete()) CheckWritten(tree->get(), writer.TakeManifest({}));
    const absl::StatusOr<TreeCount> made = CountTree(tree->get());
    Check(made.ok() && made->others == 0 && made->files <= kLimits.max_files);
  }
  Check(RemoveTree(scratch.get(), "tree").ok());
  Check(ListDirectory(scratch.get())->empty());
  return 0;
}
