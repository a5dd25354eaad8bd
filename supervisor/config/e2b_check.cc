#include "supervisor/config/e2b_check.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/host_name.h"
#include "runtime/network/quote.h"
#include "supervisor/backend/tenant.h"
#include "supervisor/backend/validate_fields.h"
#include "supervisor/config/backend_check.h"
#include "supervisor/config/config_numbers.h"
#include "supervisor/config/endpoints.h"

namespace warren {
namespace {

using config::Budget;
using config::E2bBackend;
using config::TemplateName;
using config::WarmSandboxes;
using TemplateIds = std::set<std::string>;

constexpr size_t kMaxCloudTemplate = 256;

bool IsCloudTemplate(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxCloudTemplate &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isgraph(c); });
}

bool IsPlainHttp(absl::string_view url) { return absl::StartsWith(url, "http://"); }

void CheckE2bPlace(const E2bBackend& e2b, const ConfigSection& section) {
  if (section.Has(E2bBackend::kDomainFieldNumber) && !NormalizeHostName(e2b.domain()).ok()) {
    section.Complain(section.At(E2bBackend::kDomainFieldNumber),
                     absl::StrCat(Quoted(e2b.domain()), " is no domain"),
                     "write its name alone: \"e2b.app\"");
  }
  if (section.Has(E2bBackend::kApiUrlFieldNumber))
    section.Complain(section.At(E2bBackend::kApiUrlFieldNumber), ValidateServiceUrl(e2b.api_url()));
  if (section.Has(E2bBackend::kSandboxUrlFieldNumber)) {
    section.Complain(section.At(E2bBackend::kSandboxUrlFieldNumber),
                     ValidateServiceUrl(e2b.sandbox_url()));
  }
  if (!e2b.has_tls()) return;
  CheckTls(e2b.tls(), section.Nested(E2bBackend::kTlsFieldNumber));
  if (IsPlainHttp(e2b.api_url()) && IsPlainHttp(e2b.sandbox_url())) {
    section.Complain(section.At(E2bBackend::kTlsFieldNumber),
                     "http:// shows and asks for no certificates", "remove tls, or write https://");
  }
}

void CheckTemplateName(const TemplateName& name, const ConfigSection& section, TemplateIds* known) {
  const ConfigSection::Place place = section.At(TemplateName::kTemplateIdFieldNumber);
  if (name.template_id().empty()) {
    section.Complain(place, "the template has no template_id", "write the name that creates have");
  } else if (absl::Status size = CheckTemplateId(name.template_id()); !size.ok()) {
    section.Complain(place, size);
  } else if (!known->insert(name.template_id()).second) {
    section.Complain(place,
                     absl::StrCat("the template ", Quoted(name.template_id()), " is there twice"),
                     "remove one of them");
  }
  if (IsCloudTemplate(name.cloud_template())) return;
  section.Complain(section.At(TemplateName::kCloudTemplateFieldNumber),
                   absl::StrCat(Quoted(name.cloud_template()), " cannot be one of the cloud's"),
                   "write cloud_template, the template's id or alias there");
}

void CheckTemplateReference(const std::string& id, const TemplateIds& known,
                            const ConfigSection& section, ConfigSection::Place place) {
  if (known.count(id) != 0) return;
  section.Complain(place, absl::StrCat(Quoted(id), " is not among this backend's templates"),
                   "add templates { template_id: ... }, or correct the name");
}

void CheckWarm(const E2bBackend& e2b, const ConfigSection& section, const TemplateIds& known) {
  TemplateIds seen;
  for (int i = 0; i < e2b.warm_size(); ++i) {
    const WarmSandboxes& warm = e2b.warm(i);
    const ConfigSection nested = section.Nested(E2bBackend::kWarmFieldNumber, i);
    const ConfigSection::Place place = nested.At(WarmSandboxes::kTemplateIdFieldNumber);
    CheckTemplateReference(warm.template_id(), known, nested, place);
    if (!seen.insert(warm.template_id()).second) {
      nested.Complain(
          place,
          absl::StrCat("how many of ", Quoted(warm.template_id()), " are ready is there twice"),
          "remove one of them");
    }
    CheckNumbers(warm, nested, kWarmNumbers);
  }
}

void CheckTemplates(const E2bBackend& e2b, const ConfigSection& section) {
  TemplateIds known;
  for (int i = 0; i < e2b.templates_size(); ++i) {
    CheckTemplateName(e2b.templates(i), section.Nested(E2bBackend::kTemplatesFieldNumber, i),
                      &known);
  }
  if (e2b.templates().empty()) {
    section.Complain(section.Here(), "the cloud has no templates, so nothing can be made there",
                     "add templates { template_id: \"base\" cloud_template: \"base\" }");
    return;
  }
  if (section.Has(E2bBackend::kDefaultTemplateFieldNumber)) {
    CheckTemplateReference(e2b.default_template(), known, section,
                           section.At(E2bBackend::kDefaultTemplateFieldNumber));
  }
  CheckWarm(e2b, section, known);
}

void CheckBudget(const Budget& budget, const ConfigSection& section) {
  CheckNumbers(budget, section, kBudgetNumbers);
  if (section.Has(Budget::kFileFieldNumber)) {
    section.Complain(section.At(Budget::kFileFieldNumber), ValidateFilePath(budget.file()));
    return;
  }
  section.Complain(section.Here(), "the budget has no file, and would begin anew at each start",
                   "write file: \"/var/lib/warren/budget\", say");
}

// A name of a policy of Warren's, which are named as tenants are, or a path.
void CheckPackagePolicy(const E2bBackend& e2b, const ConfigSection& section) {
  const int field = E2bBackend::kPackagePolicyFieldNumber;
  const std::string& policy = e2b.package_policy();
  if (!section.Has(field) || IsTenant(policy)) return;
  if (absl::StrContains(policy, '/')) {
    section.Complain(section.At(field), ValidateFilePath(policy));
    return;
  }
  section.Complain(section.At(field), absl::StrCat(Quoted(policy), " is no name of a policy"),
                   "write one of a-z, 0-9 and -, or the absolute path of a file");
}

}  // namespace

void CheckE2b(const E2bBackend& e2b, const ConfigSection& section) {
  if (e2b.has_key()) {
    CheckSecret(e2b.key(), section.Nested(E2bBackend::kKeyFieldNumber));
  } else {
    section.Complain(section.Here(), "the cloud has no key",
                     "write key { file: \"/PATH\" } or key { environment: \"E2B_API_KEY\" }");
  }
  CheckE2bPlace(e2b, section);
  CheckTemplates(e2b, section);
  CheckNumbers(e2b, section, kE2bNumbers);
  if (e2b.has_budget()) CheckBudget(e2b.budget(), section.Nested(E2bBackend::kBudgetFieldNumber));
  CheckPackagePolicy(e2b, section);
}

}  // namespace warren
