#include "supervisor/gateway/base/sandbox_notes.h"

#include "absl/strings/match.h"
#include "nlohmann/json.hpp"

namespace warren {
namespace {

constexpr char kNotesKey[] = "warren.e2b";

bool Flag(const nlohmann::json& notes, const char* name, bool otherwise) {
  auto found = notes.find(name);
  return found != notes.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::string Text(const nlohmann::json& notes, const char* name) {
  auto found = notes.find(name);
  return found != notes.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

bool IsReservedMetadata(absl::string_view key) { return absl::StartsWith(key, kReservedMetadata); }

void WriteNotes(const SandboxNotes& notes,
                google::protobuf::Map<std::string, std::string>& metadata) {
  const nlohmann::json json = {
      {"secured", notes.secured},         {"auto_resume", notes.auto_resume},
      {"public", notes.public_traffic},   {"alias", notes.alias},
      {"masked_host", notes.masked_host}, {"internet", notes.internet},
  };
  metadata[kNotesKey] = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

SandboxNotes ReadNotes(const v1::Sandbox& sandbox) {
  SandboxNotes notes;
  auto found = sandbox.metadata().find(kNotesKey);
  const auto json = found == sandbox.metadata().end()
                        ? nlohmann::json()
                        : nlohmann::json::parse(found->second, nullptr, false);
  if (!json.is_object()) {
    // Of another door: nobody has asked for its ports to be open to whoever knows its id.
    notes.public_traffic = false;
    return notes;
  }
  notes.secured = Flag(json, "secured", true);
  notes.auto_resume = Flag(json, "auto_resume", false);
  notes.public_traffic = Flag(json, "public", true);
  notes.alias = Text(json, "alias");
  notes.masked_host = Text(json, "masked_host");
  notes.internet = Flag(json, "internet", true);
  return notes;
}

}  // namespace warren
