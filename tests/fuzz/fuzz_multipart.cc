// What a stranger says to the gateway of a file: a request's target on the first line, a Range
// header on the second, and the body of a form behind them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "supervisor/gateway/envd/byte_range.h"
#include "supervisor/gateway/envd/file_transfer_download.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/envd/signature.h"
#include "supervisor/gateway/http/multipart.h"
#include "supervisor/gateway/http/target.h"

namespace {

using warren::ByteRange;
using warren::Multipart;

// The line, without its end; what is behind it stays in `rest`.
absl::string_view TakeLine(absl::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const absl::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void CheckTarget(absl::string_view text) {
  auto target = warren::ParseTarget(text);
  if (!target.ok()) return;
  for (const std::string& segment : target->segments) {
    if (segment.empty() || segment == ".." || segment.find('/') != std::string::npos) std::abort();
  }
  auto query = warren::ParseFileQuery(*target);
  if (!query.ok() || !query->path) return;
  auto path = warren::EnvdPath(*query->path, query->user);
  if (!path.ok()) return;
  if (!absl::StartsWith(*path, "/")) std::abort();
  for (char c : warren::ContentDisposition(*path)) {
    if (c < ' ' || c > '~') std::abort();
  }
}

void CheckRange(absl::string_view header) {
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, UINT64_MAX}) {
    const ByteRange range = warren::ParseByteRange(header, size);
    if (range.kind == ByteRange::Kind::kPart &&
        (range.length == 0 || range.first >= size || range.length > size - range.first)) {
      std::abort();
    }
  }
}

// What comes of a form, with every part's end and the form's own, however it comes in.
std::string ReadForm(absl::string_view body, size_t step) {
  auto form = Multipart::Make("multipart/form-data; boundary=B");
  if (!form.ok()) std::abort();
  std::string all;
  for (;;) {
    auto event = form->Next();
    if (!event.ok()) return all + "<malformed>";
    switch (*event) {
      case Multipart::Event::kMore: {
        if (body.empty()) return all + "<cut off>";
        const std::vector<char> piece(body.begin(), body.begin() + std::min(step, body.size()));
        body.remove_prefix(piece.size());
        form->Give(absl::string_view(piece.data(), piece.size()));
        break;
      }
      case Multipart::Event::kPart:
        all += "<part " + form->part().name + " " + form->part().filename.value_or("(none)") + ">";
        break;
      case Multipart::Event::kData:
        if (form->data().empty()) std::abort();
        all += form->TakeData();
        break;
      case Multipart::Event::kPartEnd:
        all += "<end>";
        break;
      case Multipart::Event::kEnd:
        return all + "<whole>";
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<char> exact(data, data + size);
  absl::string_view rest(exact.data(), exact.size());
  CheckTarget(TakeLine(rest));
  CheckRange(TakeLine(rest));
  const std::string whole = ReadForm(rest, std::max<size_t>(rest.size(), 1));
  for (size_t step : {size_t{1}, 2 + size % 61}) {
    // Bounds are looked at where a piece ends, so a malformed form may be seen to be later.
    const std::string pieces = ReadForm(rest, step);
    if (pieces != whole && !absl::EndsWith(whole, "<malformed>") &&
        !absl::EndsWith(pieces, "<malformed>")) {
      std::abort();
    }
  }
  return 0;
}
