#include "runtime/store/package_writer.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "runtime/base/status.h"
#include "runtime/store/package_files.h"
#include "runtime/store/quote.h"
#include "runtime/store/store_files.h"

namespace warren {
namespace {

constexpr int64_t kReserveStep = 16 << 20;

}  // namespace

absl::Status PackageWriter::BeginFile(const internal::PackageFile& file) {
  reserved_ = written_ = 0;
  const int64_t made = walk_.made();
  WARREN_ASSIGN_OR_RETURN(const int directory, walk_.DirectoryOf(file.path()));
  if (walk_.made() > made)
    WARREN_RETURN_IF_ERROR(space_.Grow((walk_.made() - made) * kDirectoryBytes));
  file_.reset(::openat(directory, FileNameOf(file.path()).c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       PackageFileMode(file.executable())));
  if (!file_.valid()) return Errno(absl::StrCat("make ", QuotedPath(file.path())));
  sum_.emplace();
  internal::ManifestFile& entry = files_.emplace_back();
  entry.set_path(file.path());
  entry.set_executable(file.executable());
  entry.set_size(file.size());
  return absl::OkStatus();
}

// Not all that it says it has at once: who says much and sends nothing has nobody else's go.
absl::Status PackageWriter::Reserve(int64_t bytes) {
  const int64_t all = BlocksOf(files_.back().size());
  const int64_t wanted = std::min(all, (bytes + kReserveStep - 1) / kReserveStep * kReserveStep);
  if (wanted <= reserved_) return absl::OkStatus();
  WARREN_RETURN_IF_ERROR(space_.Grow(wanted - reserved_));
  reserved_ = wanted;
  return absl::OkStatus();
}

absl::Status PackageWriter::Write(absl::string_view content) {
  written_ += static_cast<int64_t>(content.size());
  WARREN_RETURN_IF_ERROR(Reserve(written_));
  sum_->Add(content);
  return WriteBytes(file_.get(), content);
}

absl::Status PackageWriter::EndFile() {
  WARREN_RETURN_IF_ERROR(Reserve(files_.back().size()));
  files_.back().set_sha256(sum_->Digest());
  file_.reset();
  return absl::OkStatus();
}

internal::PackageManifest PackageWriter::TakeManifest(internal::StoredPackage package) {
  std::sort(files_.begin(), files_.end(),
            [](const auto& a, const auto& b) { return a.path() < b.path(); });
  internal::PackageManifest manifest;
  int64_t size = 0;
  for (internal::ManifestFile& file : files_) {
    size += file.size();
    *manifest.add_files() = std::move(file);
  }
  files_.clear();
  package.set_size(size);
  package.set_files(manifest.files_size());
  *manifest.mutable_package() = std::move(package);
  return manifest;
}

}  // namespace warren
