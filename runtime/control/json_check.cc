#include "runtime/control/json_check.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace warren {
namespace {

// Keeps nothing: counts how deep it is, and refuses what is too deep or no object.
class DepthCounter {
 public:
  bool null() { return depth_ > 0; }
  bool boolean(bool) { return depth_ > 0; }
  bool number_integer(int64_t) { return depth_ > 0; }
  bool number_unsigned(uint64_t) { return depth_ > 0; }
  bool number_float(double, const std::string&) { return depth_ > 0; }
  bool string(std::string&) { return depth_ > 0; }
  bool binary(std::vector<uint8_t>&) { return false; }
  bool key(std::string&) { return true; }
  bool start_object(size_t) { return ++depth_ <= kMaxJsonDepth; }
  bool end_object() { return --depth_ >= 0; }
  bool start_array(size_t) { return depth_ > 0 && ++depth_ <= kMaxJsonDepth; }
  bool end_array() { return --depth_ >= 0; }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) { return false; }

 private:
  int depth_ = 0;
};

}  // namespace

bool IsJsonObject(absl::string_view text) {
  // nlohmann-json takes it for the end of the text, whatever is behind it.
  if (text.find('\0') != absl::string_view::npos) return false;
  DepthCounter counter;
  return nlohmann::json::sax_parse(text.begin(), text.end(), &counter);
}

}  // namespace warren
