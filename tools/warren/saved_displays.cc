#include "tools/warren/saved_displays.h"

#include <fcntl.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "tools/warren/output.h"

namespace warren {
namespace {

struct FileType {
  const char* mime;
  const char* extension;
};
constexpr FileType kFileTypes[] = {
    {"image/png", "png"},       {"image/jpeg", "jpg"}, {"image/svg+xml", "svg"},
    {"application/pdf", "pdf"}, {"text/html", "html"},
};

absl::Status WriteNewFile(const std::string& path, const std::string& data) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd.valid()) return Errno(absl::StrCat("create ", path));
  return Output(fd.get(), Output::Treatment::kRaw).Write(data);
}

}  // namespace

absl::StatusOr<SavedDisplays> SavedDisplays::Create(std::string directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("make directory ", directory));
  }
  return SavedDisplays(std::move(directory));
}

absl::StatusOr<std::vector<std::string>> SavedDisplays::Save(
    const v1::ExecutionEvent::Display& display) {
  std::vector<std::string> paths;
  for (const FileType& type : kFileTypes) {
    auto part = display.data().find(type.mime);
    if (part == display.data().end()) continue;
    if (paths.empty()) ++count_;
    std::string path = absl::StrCat(directory_, "/figure-", count_, ".", type.extension);
    WARREN_RETURN_IF_ERROR(WriteNewFile(path, part->second));
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace warren
