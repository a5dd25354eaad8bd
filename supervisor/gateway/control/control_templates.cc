#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/control/control_plane.h"

namespace warren {

Async<void> ControlPlane::ListTemplates(Context& context) {
  auto listed = co_await Ask<v1::ListTemplatesResponse>(
      [&](auto reply) { door_.backend().ListTemplates(context.call, std::move(reply)); });
  WARREN_ANSWER_IF_ERROR(context.exchange, listed.status());
  nlohmann::json json = nlohmann::json::array();
  for (const v1::TemplateInfo& info : listed->templates()) {
    nlohmann::json element;
    element["templateID"] = info.template_id();
    element["buildID"] = info.digest();
    element["public"] = true;
    nlohmann::json aliases = nlohmann::json::array();
    for (const auto& [alias, name] : options_.defaults.aliases) {
      if (name == info.template_id()) aliases.push_back(alias);
    }
    element["aliases"] = std::move(aliases);
    json.push_back(std::move(element));
  }
  co_await AnswerJson(context.exchange, HttpStatus::ok, json);
}

Async<void> ControlPlane::FindAlias(Context& context) {
  auto alias = options_.defaults.aliases.find(context.path.at(2));
  if (alias == options_.defaults.aliases.end()) {
    co_await AnswerError(context.exchange, HttpStatus::not_found,
                         absl::StrCat("there is no template \"", context.path.at(2), "\""));
    co_return;
  }
  nlohmann::json json;
  json["templateID"] = alias->second;
  json["public"] = true;
  co_await AnswerJson(context.exchange, HttpStatus::ok, json);
}

}  // namespace warren
