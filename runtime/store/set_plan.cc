#include "runtime/store/set_plan.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/store/sha256.h"

namespace warren {
namespace {

// Of all packages together: the plan is held in memory.
constexpr int64_t kMaxSetFiles = 1'000'000;

class SetPlanner {
 public:
  explicit SetPlanner(const std::vector<internal::PackageManifest>& packages)
      : packages_(packages) {}

  SetPlan Plan() {
    plan_.files.resize(packages_.size());
    for (int package = 0; package < static_cast<int>(packages_.size()); ++package) {
      for (int file = 0; file < packages_[package].files_size(); ++file) Add(package, file);
    }
    return std::move(plan_);
  }

 private:
  // Which file a path is; a directory has none.
  struct Node {
    int package = 0;
    int file = kNoFile;
  };
  static constexpr int kNoFile = -1;

  void Add(int package, int index) {
    const internal::ManifestFile& file = packages_[package].files(index);
    const absl::string_view path = file.path();
    if (!HasDirectories(path)) return;
    const auto [found, is_new] = nodes_.try_emplace(path, Node{package, index});
    if (!is_new) {
      const Node& there = found->second;
      if (there.file == kNoFile ||
          packages_[there.package].files(there.file).sha256() != file.sha256()) {
        Conflict(path);
      }
      return;
    }
    for (size_t slash = path.rfind('/'); slash != absl::string_view::npos;
         slash = path.substr(0, slash).rfind('/')) {
      if (!nodes_.try_emplace(path.substr(0, slash)).second) break;
      ++plan_.directory_count;
    }
    plan_.files[package].push_back(index);
    plan_.size += file.size();
    ++plan_.file_count;
  }

  // Whether nothing that the path goes through is a file.
  bool HasDirectories(absl::string_view path) {
    for (size_t slash = path.find('/'); slash != absl::string_view::npos;
         slash = path.find('/', slash + 1)) {
      const auto found = nodes_.find(path.substr(0, slash));
      if (found == nodes_.end()) return true;
      if (found->second.file != kNoFile) {
        Conflict(path.substr(0, slash));
        return false;
      }
    }
    return true;
  }

  void Conflict(absl::string_view path) {
    if (plan_.conflicts.size() >= kMaxConflicts) return;
    if (std::find(plan_.conflicts.begin(), plan_.conflicts.end(), path) != plan_.conflicts.end())
      return;
    plan_.conflicts.emplace_back(path);
  }

  const std::vector<internal::PackageManifest>& packages_;
  // Paths are the manifests'.
  absl::flat_hash_map<absl::string_view, Node> nodes_;
  SetPlan plan_;
};

}  // namespace

std::string SetDigest(const google::protobuf::RepeatedPtrField<internal::StoredPackage>& packages) {
  Sha256 sum;
  sum.Add("warren set 1\n");
  for (const internal::StoredPackage& package : packages) sum.Add(package.key() + "\n");
  return absl::BytesToHexString(sum.Digest());
}

absl::StatusOr<SetPlan> PlanSet(const std::vector<internal::PackageManifest>& packages) {
  int64_t files = 0;
  for (const internal::PackageManifest& package : packages) files += package.files_size();
  if (files > kMaxSetFiles) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the packages have ", files, " files; a set has at most ", kMaxSetFiles));
  }
  return SetPlanner(packages).Plan();
}

}  // namespace warren
