#include "tools/warren/attack/suite.h"

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren::attack {
namespace {

using Json = nlohmann::json;

constexpr char kHarness[] = "attack";
constexpr char kMark[] = "WARREN-ATTACK ";

// A bytes literal that stands for any text.
std::string Literal(const std::string& text) {
  return absl::StrCat("__import__('base64').b64decode('", absl::Base64Escape(text), "').decode()");
}

std::string TextOr(const Json& object, const char* key, const std::string& otherwise) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

std::vector<std::string> Texts(const Json& object, const char* key) {
  std::vector<std::string> texts;
  for (const Json& text : object.value(key, Json::array())) texts.push_back(text);
  return texts;
}

v1::Limits ParseLimits(const Json& object) {
  v1::Limits limits;
  auto found = object.find("limits");
  if (found == object.end() || !found->is_object()) return limits;
  limits.set_memory_bytes(found->value("memory_mib", int64_t{0}) << 20);
  limits.set_disk_bytes(found->value("disk_mib", int64_t{0}) << 20);
  limits.set_disk_inodes(found->value("disk_inodes", int64_t{0}));
  limits.set_cpu_millis(found->value("cpu_millis", 0));
  limits.set_pids(found->value("pids", 0));
  return limits;
}

Probe ParseProbe(const Json& object) {
  Probe probe;
  probe.group = object.at("group");
  probe.name = object.at("name");
  probe.claim = object.at("claim");
  probe.layers = Texts(object, "layer");
  probe.ends = Texts(object, "ends");
  probe.plant = TextOr(object, "plant", "");
  probe.aftermath = TextOr(object, "aftermath", "");
  probe.conclude = TextOr(object, "conclude", "");
  probe.plant_in_predecessor = TextOr(object, "order", "") == "predecessor";
  probe.limits = ParseLimits(object);
  const Json& deadline = object.at("deadline");
  probe.deadline = absl::Seconds(deadline.is_number() ? deadline.get<double>() : 0);
  probe.bound = absl::Seconds(object.at("bound").get<double>());
  const Json& output = object.at("output_mib");
  probe.max_output_bytes = output.is_number() ? output.get<int64_t>() << 20 : 0;
  probe.host_check = TextOr(object, "host_check", "");
  probe.by_command = TextOr(object, "place", "") == "command";
  probe.profiles = Texts(object, "profiles");
  probe.granted_to_root = TextOr(object, "granted_to_root", "");
  probe.alone = object.value("alone", false);
  return probe;
}

}  // namespace

Json MarkedJson(const std::string& output) {
  Json found(Json::value_t::discarded);
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    if (!absl::ConsumePrefix(&line, kMark)) continue;
    found = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  }
  return found;
}

absl::Duration CellTimeout(const Probe& probe, double pace) {
  return probe.deadline > absl::ZeroDuration() ? probe.deadline : probe.bound * pace;
}

absl::StatusOr<Sources> LoadSources(const std::string& directory) {
  Sources sources;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".py") continue;
    WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(entry.path().string()));
    sources[entry.path().stem().string()] = std::move(text);
  }
  if (!sources.contains(kHarness)) {
    return absl::NotFoundError(absl::StrCat(
        "no attack suite in ", directory, ": build or install all of Warren, or use --suite DIR"));
  }
  return sources;
}

std::string LoadingCell(const Sources& sources) {
  std::string cell =
      "import sys, types\n"
      "def load(name, text):\n"
      "    module = sys.modules[name] = types.ModuleType(name)\n"
      "    exec(compile(text, name + '.py', 'exec'), module.__dict__)\n";
  // The others import it.
  absl::StrAppend(&cell, "load('", kHarness, "', ", Literal(sources.at(kHarness)), ")\n");
  for (const auto& [name, text] : sources) {
    if (name != kHarness) absl::StrAppend(&cell, "load('", name, "', ", Literal(text), ")\n");
  }
  return cell;
}

std::string RunningProgram(const Sources& sources, const std::string& group,
                           const std::string& function, const std::string& host_json) {
  // No more than it needs: an argument is bounded.
  const Sources needed = {{kHarness, sources.at(kHarness)}, {group, sources.at(group)}};
  return LoadingCell(needed) + RunningCell(group, function, host_json);
}

std::string ListingCell(const Sources& sources) {
  std::vector<std::string> groups;
  for (const auto& [name, text] : sources) {
    if (name != kHarness) groups.push_back(absl::StrCat("sys.modules['", name, "']"));
  }
  return absl::StrCat("import attack, json, sys\nprint('", kMark, "' + json.dumps([p for m in (",
                      absl::StrJoin(groups, ", "), ",) for p in attack.probes_of(m)]))\n");
}

std::string RunningCell(const std::string& group, const std::string& function,
                        const std::string& host_json) {
  return absl::StrCat("import attack, json, sys\nattack.run(sys.modules['", group, "'], '",
                      function, "', json.loads(", Literal(host_json), "))\n");
}

absl::StatusOr<std::vector<Probe>> ParseProbes(const std::string& output) {
  Json list = MarkedJson(output);
  if (!list.is_array()) return absl::InternalError("the sandbox did not list the probes");
  std::vector<Probe> probes;
  try {
    for (const Json& object : list) probes.push_back(ParseProbe(object));
  } catch (const Json::exception& error) {
    return absl::InternalError(absl::StrCat("the list of probes: ", error.what()));
  }
  return probes;
}

}  // namespace warren::attack
