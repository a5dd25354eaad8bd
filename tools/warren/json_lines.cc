#include "tools/warren/json_lines.h"

#include <google/protobuf/util/json_util.h>

#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/report.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

double InSeconds(const google::protobuf::Duration& duration) {
  return absl::ToDoubleSeconds(ToDuration(duration));
}

}  // namespace

std::string JsonLine(const nlohmann::ordered_json& object) {
  std::string line =
      object.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::ordered_json::error_handler_t::replace);
  // DEL is the one control character that JSON lets through.
  return absl::StrCat(absl::StrReplaceAll(line, {{"\x7f", "\\u007f"}}), "\n");
}

void PutBytes(nlohmann::ordered_json& object, const char* key, const char* base64_key,
              const std::string& bytes) {
  object[key] = bytes;
  if (!IsUtf8(bytes)) object[base64_key] = absl::Base64Escape(bytes);
}

void PutTermination(nlohmann::ordered_json& object, const v1::Termination& termination) {
  object["outcome"] = absl::AsciiStrToLower(v1::Termination::Kind_Name(termination.kind()));
  object["exit_code"] = termination.exit_code();
  object["signal"] = termination.signal();
  object["message"] = termination.message();
}

nlohmann::ordered_json UsageObject(const v1::Usage& usage) {
  return {{"wall_s", InSeconds(usage.wall())},
          {"cpu_user_s", InSeconds(usage.cpu_user())},
          {"cpu_system_s", InSeconds(usage.cpu_system())},
          {"peak_memory_bytes", usage.peak_memory_bytes()},
          {"peak_pids", usage.peak_pids()},
          {"output_bytes", usage.output_bytes()}};
}

int PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) {
    return Fail("the server's answer cannot be written as JSON (invalid UTF-8)");
  }
  std::cout << text << "\n";
  return 0;
}

}  // namespace warren
