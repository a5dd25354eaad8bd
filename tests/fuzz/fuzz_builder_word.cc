// What a hostile package's code tells the supervisor in a builder's name: lines of JSON.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/packages/package_name.h"
#include "supervisor/base/text.h"
#include "supervisor/packages/builder_word.h"

namespace warren {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckFile(const ResolvedFile& file) {
  Check(IsNormalizedPackageName(file.name));
  Check(file.sha256.size() == 64);
  Check(!file.filename.empty() && file.filename[0] != '.' &&
        file.filename.find('/') == std::string::npos);
  for (const char c : file.url + file.filename + file.version) Check(c > ' ' && c < 127);
}

void CheckLine(absl::string_view line) {
  const auto word = ParseBuilderWord(line);
  if (!word.ok()) return;
  if (const auto* progress = std::get_if<BuilderProgress>(&*word))
    Check(IsValidUtf8(progress->text) && progress->text.size() <= 256);
  if (const auto* listens = std::get_if<BuilderListens>(&*word)) Check(listens->port != 0);
  if (const auto* refused = std::get_if<BuilderRefused>(&*word)) {
    const std::string message(refused->why.message());
    Check(!refused->why.ok() && IsValidUtf8(message) && message.size() <= 4096);
  }
  if (const auto* resolved = std::get_if<BuilderResolved>(&*word)) {
    Check(resolved->files.size() <= kMaxResolvedFiles);
    for (const ResolvedFile& file : resolved->files) CheckFile(file);
  }
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::CheckLine({reinterpret_cast<const char*>(data), size});
  return 0;
}
