#include "supervisor/e2b/control/list_path.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/control/create_body.h"

namespace warren {
namespace {

constexpr int kMostInPage = 100;

// A form within the query, whose names and values are encoded once more: so E2B's SDKs do it.
std::string MetadataQuery(const Principal& who, const v1::ListSandboxesRequest& request) {
  std::map<std::string, std::string> wanted(request.metadata().begin(), request.metadata().end());
  if (!who.is_operator()) wanted[kTenantNote] = who.tenant;
  std::vector<std::string> pairs;
  pairs.reserve(wanted.size());
  for (const auto& [name, value] : wanted) {
    pairs.push_back(
        absl::StrCat(PercentEncode(PercentEncode(name)), "=", PercentEncode(PercentEncode(value))));
  }
  return PercentEncode(absl::StrJoin(pairs, "&"));
}

std::vector<std::string> StatesOf(const v1::ListSandboxesRequest& request) {
  if (request.states().empty()) return {"running", "paused"};
  std::vector<std::string> states;
  for (const int state : request.states()) {
    if (state == v1::Sandbox::RUNNING) states.emplace_back("running");
    if (state == v1::Sandbox::PAUSED) states.emplace_back("paused");
  }
  return states;
}

}  // namespace

std::string ListPath(const CloudOptions& options, const Principal& who,
                     const v1::ListSandboxesRequest& request) {
  const std::vector<std::string> states = StatesOf(request);
  if (states.empty()) return "";
  std::string path = absl::StrCat("/v2/sandboxes?state=", absl::StrJoin(states, "%2C"),
                                  "&limit=", std::min(request.page_size(), kMostInPage),
                                  "&order=", request.newest_first() ? "desc" : "asc");
  const std::string metadata = MetadataQuery(who, request);
  if (!metadata.empty()) absl::StrAppend(&path, "&metadata=", metadata);
  if (!request.template_id().empty()) {
    auto found = options.templates.find(request.template_id());
    if (found == options.templates.end()) return "";
    absl::StrAppend(&path, "&template=", PercentEncode(found->second));
  }
  if (request.has_created_after()) {
    absl::StrAppend(&path, "&startedAfter=",
                    PercentEncode(absl::FormatTime(
                        absl::RFC3339_full, ToTime(request.created_after()), absl::UTCTimeZone())));
  }
  if (!request.page_token().empty())
    absl::StrAppend(&path, "&nextToken=", PercentEncode(request.page_token()));
  return path;
}

}  // namespace warren
