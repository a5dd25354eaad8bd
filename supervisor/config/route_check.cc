#include "supervisor/config/route_check.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/network/quote.h"
#include "supervisor/backend/tenant.h"
#include "supervisor/backend/validate_fields.h"

namespace warren {
namespace {

using config::Route;
using config::Share;

constexpr int kWhole = 100;
// What routes call the operator, who is no tenant.
constexpr char kOperatorTenant[] = "operator";

// Of a field of texts.
void CheckTwice(const google::protobuf::RepeatedPtrField<std::string>& texts,
                const ConfigSection& section, int field) {
  std::set<std::string> seen;
  for (int i = 0; i < texts.size(); ++i) {
    if (seen.insert(texts[i]).second) continue;
    section.Complain(section.At(field, i), absl::StrCat(Quoted(texts[i]), " is in the route twice"),
                     "remove one of them");
  }
}

void CheckWho(const Route& route, const ConfigSection& section) {
  for (int i = 0; i < route.tenants_size(); ++i) {
    if (IsTenant(route.tenants(i))) continue;
    section.Complain(section.At(Route::kTenantsFieldNumber, i),
                     absl::StrCat(Quoted(route.tenants(i)), " can be no tenant"),
                     absl::StrCat("write a name as `warren keys create --tenant` has it, or \"",
                                  kOperatorTenant, "\""));
  }
  CheckTwice(route.tenants(), section, Route::kTenantsFieldNumber);
  for (int i = 0; i < route.template_ids_size(); ++i) {
    section.Complain(section.At(Route::kTemplateIdsFieldNumber, i),
                     CheckTemplateId(route.template_ids(i)));
  }
  CheckTwice(route.template_ids(), section, Route::kTemplateIdsFieldNumber);
}

// What is wrong with a share by itself; whether it can be counted.
bool CheckPercent(const Share& share, const ConfigSection& section) {
  if (share.percent() >= 0 && share.percent() <= kWhole) return true;
  section.Complain(section.At(Share::kPercentFieldNumber),
                   absl::StrCat("percent is ", share.percent()), "it can be 0 to 100");
  return false;
}

void CheckOnlyShare(const Share& share, const ConfigSection& section) {
  if (!section.Has(Share::kPercentFieldNumber) || !CheckPercent(share, section)) return;
  if (share.percent() == kWhole) return;
  section.Complain(section.At(Share::kPercentFieldNumber),
                   absl::StrCat("the shares come to ", share.percent(), ", not to 100"),
                   "write 100, or leave it out: it is the only one");
}

void CheckSeveralShares(const Route& route, const ConfigSection& section) {
  int64_t sum = 0;
  bool counted = true;
  for (int i = 0; i < route.to_size(); ++i) {
    const ConfigSection nested = section.Nested(Route::kToFieldNumber, i);
    if (!nested.Has(Share::kPercentFieldNumber)) {
      nested.Complain(nested.Here(), "the share has no percent, and is not the only one",
                      "write percent, be it 0");
      counted = false;
    } else if (!CheckPercent(route.to(i), nested)) {
      counted = false;
    }
    sum += route.to(i).percent();
  }
  if (!counted || sum == kWhole) return;
  section.Complain(section.At(Route::kToFieldNumber, 0),
                   absl::StrCat("the shares come to ", sum, ", not to 100"), "change them");
}

}  // namespace

void CheckRoute(const Route& route, const BackendNames& names, const ConfigSection& section) {
  CheckWho(route, section);
  std::set<std::string> seen;
  for (int i = 0; i < route.to_size(); ++i) {
    const ConfigSection nested = section.Nested(Route::kToFieldNumber, i);
    const ConfigSection::Place place = nested.At(Share::kBackendFieldNumber);
    const std::string& name = route.to(i).backend();
    names.CheckReference(name, nested, place);
    if (!name.empty() && !seen.insert(name).second) {
      nested.Complain(place, absl::StrCat("the route has two shares for ", Quoted(name)),
                      "make one of them");
    }
  }
  if (route.to().empty()) {
    section.Complain(section.Here(), "the route leads nowhere", "write to { backend: ... }");
  } else if (route.to_size() == 1) {
    CheckOnlyShare(route.to(0), section.Nested(Route::kToFieldNumber, 0));
  } else {
    CheckSeveralShares(route, section);
  }
}

}  // namespace warren
