#include "supervisor/gateway/control/list_query.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

absl::Status Wrong(absl::string_view parameter, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("the query's \"", parameter, "\" must be ", wanted));
}

// A form within the query, whose names and values the SDK has encoded once more.
absl::Status ReadMetadata(absl::string_view text, v1::ListSandboxesRequest& request) {
  auto form = ParseForm(text);
  if (!form.ok()) return Wrong("metadata", "name=value pairs");
  for (const auto& [key, value] : *form) {
    auto name = PercentDecode(key);
    auto decoded = PercentDecode(value);
    if (!name.ok() || !decoded.ok()) return Wrong("metadata", "name=value pairs");
    (*request.mutable_metadata())[*name] = *decoded;
  }
  return absl::OkStatus();
}

absl::Status ReadStates(const Target& target, v1::ListSandboxesRequest& request) {
  // Dead ones are none of E2B's.
  const std::string states = target.Parameter("state").value_or("running,paused");
  for (absl::string_view state : absl::StrSplit(states, ',', absl::SkipEmpty())) {
    if (state == "running") {
      request.add_states(v1::Sandbox::RUNNING);
    } else if (state == "paused") {
      request.add_states(v1::Sandbox::PAUSED);
    } else {
      return Wrong("state", "running, paused or both");
    }
  }
  if (request.states().empty()) return Wrong("state", "running, paused or both");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::ListSandboxesRequest> ReadListQuery(const Target& target,
                                                       const TemplateAliases& aliases) {
  v1::ListSandboxesRequest request;
  if (auto metadata = target.Parameter("metadata"); metadata && !metadata->empty())
    WARREN_RETURN_IF_ERROR(ReadMetadata(*metadata, request));
  WARREN_RETURN_IF_ERROR(ReadStates(target, request));
  if (auto name = target.Parameter("template")) {
    auto alias = aliases.find(*name);
    request.set_template_id(alias == aliases.end() ? *name : alias->second);
  }
  if (auto after = target.Parameter("startedAfter")) {
    absl::Time time;
    std::string ignored;
    if (!absl::ParseTime(absl::RFC3339_full, *after, &time, &ignored))
      return Wrong("startedAfter", "a time as RFC 3339 has it");
    *request.mutable_created_after() = ToProto(time);
  }
  const std::string order = target.Parameter("order").value_or("desc");
  if (order != "asc" && order != "desc") return Wrong("order", "asc or desc");
  request.set_newest_first(order == "desc");
  int limit = kMaxListed;
  if (auto text = target.Parameter("limit")) {
    if (!absl::SimpleAtoi(*text, &limit) || limit < 1) return Wrong("limit", "1 to 100");
  }
  request.set_page_size(std::min(limit, kMaxListed));
  request.set_page_token(target.Parameter("nextToken").value_or(""));
  return request;
}

}  // namespace warren
