#include <algorithm>
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
  std::string name = context.path.at(2);
  // Names of templates are taken where one is asked for, as aliases are.
  auto alias = options_.defaults.aliases.find(name);
  if (alias != options_.defaults.aliases.end()) name = alias->second;
  auto listed = co_await Ask<v1::ListTemplatesResponse>(
      [&](auto reply) { door_.backend().ListTemplates(context.call, std::move(reply)); });
  WARREN_ANSWER_IF_ERROR(context.exchange, listed.status());
  const auto& templates = listed->templates();
  if (std::none_of(templates.begin(), templates.end(),
                   [&](const v1::TemplateInfo& info) { return info.template_id() == name; })) {
    co_await AnswerError(context.exchange, HttpStatus::not_found,
                         absl::StrCat("there is no template \"", name, "\""));
    co_return;
  }
  nlohmann::json json;
  json["templateID"] = std::move(name);
  json["public"] = true;
  co_await AnswerJson(context.exchange, HttpStatus::ok, json);
}

}  // namespace warren
