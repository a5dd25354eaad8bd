#include "runtime/sudo/request.h"

#include <cstring>

namespace warren::sudo {
namespace {

constexpr uint32_t kMagic = 0x6f647573;
constexpr uint32_t kVersion = 1;
constexpr uint32_t kStandardStreams = 7;

void PutNumber(std::string& out, uint32_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

bool PutString(std::string& out, const std::string& text) {
  if (text.find('\0') != std::string::npos || text.size() > kMaxRequestBytes) return false;
  out.append(text.c_str(), text.size() + 1);
  return true;
}

bool PutStrings(std::string& out, const std::vector<std::string>& strings) {
  if (strings.size() > kMaxStrings) return false;
  PutNumber(out, static_cast<uint32_t>(strings.size()));
  for (const std::string& each : strings) {
    if (!PutString(out, each)) return false;
  }
  return true;
}

// Takes what is there; after the first that is not, everything fails.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool Take(uint32_t& number) {
    if (bytes_.size() < sizeof(number)) return false;
    std::memcpy(&number, bytes_.data(), sizeof(number));
    bytes_.remove_prefix(sizeof(number));
    return true;
  }
  bool Take(std::string& text) {
    const size_t end = bytes_.find('\0');
    if (end == std::string_view::npos) return false;
    text = bytes_.substr(0, end);
    bytes_.remove_prefix(end + 1);
    return true;
  }
  bool Take(std::vector<std::string>& strings) {
    uint32_t count = 0;
    if (!Take(count) || count > kMaxStrings) return false;
    for (uint32_t i = 0; i < count; ++i) {
      if (!Take(strings.emplace_back())) return false;
    }
    return true;
  }
  bool Take(std::vector<uint32_t>& numbers) {
    uint32_t count = 0;
    if (!Take(count) || count > kMaxGroups) return false;
    for (uint32_t i = 0; i < count; ++i) {
      if (!Take(numbers.emplace_back())) return false;
    }
    return true;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

}  // namespace

std::optional<size_t> RequestBytes(std::string_view header) {
  Reader reader(header);
  uint32_t magic = 0, version = 0, bytes = 0;
  if (!reader.Take(magic) || !reader.Take(version) || !reader.Take(bytes) || magic != kMagic ||
      version != kVersion || bytes < kRequestHeaderBytes || bytes > kMaxRequestBytes) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::string> EncodeRequest(const Request& request) {
  std::string out;
  PutNumber(out, kMagic);
  PutNumber(out, kVersion);
  PutNumber(out, 0);
  for (uint32_t number : {request.uid, request.gid, request.umask, request.terminals})
    PutNumber(out, number);
  if (request.groups.size() > kMaxGroups) return std::nullopt;
  PutNumber(out, static_cast<uint32_t>(request.groups.size()));
  for (uint32_t group : request.groups) PutNumber(out, group);
  if (!PutString(out, request.directory) || !PutString(out, request.file) ||
      !PutStrings(out, request.argv) || !PutStrings(out, request.environment) ||
      out.size() > kMaxRequestBytes) {
    return std::nullopt;
  }
  const uint32_t bytes = static_cast<uint32_t>(out.size());
  std::memcpy(out.data() + 2 * sizeof(uint32_t), &bytes, sizeof(bytes));
  return out;
}

std::optional<Request> DecodeRequest(std::string_view bytes) {
  const std::optional<size_t> size = RequestBytes(bytes.substr(0, kRequestHeaderBytes));
  if (!size || *size != bytes.size()) return std::nullopt;
  Reader reader(bytes.substr(kRequestHeaderBytes));
  Request request;
  if (!reader.Take(request.uid) || !reader.Take(request.gid) || !reader.Take(request.umask) ||
      !reader.Take(request.terminals) || !reader.Take(request.groups) ||
      !reader.Take(request.directory) || !reader.Take(request.file) || !reader.Take(request.argv) ||
      !reader.Take(request.environment) || !reader.at_end()) {
    return std::nullopt;
  }
  if (request.file.empty() || request.argv.empty() || request.umask > 0777 ||
      request.terminals > kStandardStreams) {
    return std::nullopt;
  }
  return request;
}

}  // namespace warren::sudo
