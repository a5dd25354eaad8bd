#include "supervisor/api/info_services.h"

#include <sys/utsname.h>

#include <string>

#include "supervisor/api/reply.h"

namespace warren {
namespace {

// Debian's name of the machine's architecture.
std::string Architecture() {
  utsname names;
  if (::uname(&names) != 0) return "";
  const std::string machine = names.machine;
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

}  // namespace

grpc::ServerUnaryReactor* TemplateService::ListTemplates(
    grpc::CallbackServerContext* context, const warren::v1::ListTemplatesRequest*,
    warren::v1::ListTemplatesResponse* response) {
  response->set_default_template_id(backend_.default_template());
  for (const auto& [name, from] : backend_.templates()) {
    auto* info = response->add_templates();
    info->set_template_id(name);
    info->set_description(from.recipe.description());
    info->set_python_version(backend_.PythonVersion(from));
    *info->mutable_preload() = from.recipe.preload();
    info->set_digest(from.digest);
    info->set_unavailable(from.unavailable);
  }
  return Reply(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* EnvironmentService::GetEnvironment(
    grpc::CallbackServerContext* context, const warren::v1::GetEnvironmentRequest* request,
    warren::v1::Environment* response) {
  if (request->sandbox_id().empty() == request->template_id().empty()) {
    return Reply(context, absl::InvalidArgumentError("name either a sandbox_id or a template_id"));
  }
  std::string id = request->template_id();
  if (id.empty()) {
    auto lease = backend_.FindSandbox(request->sandbox_id());
    if (!lease.ok()) return Reply(context, lease.status());
    id = lease->sandbox->identity().template_id;
  }
  auto from = backend_.FindTemplate(id);
  if (!from.ok()) return Reply(context, from.status());
  response->set_template_id(id);
  response->set_python_version(backend_.PythonVersion(**from));
  for (const auto& package : (*from)->manifest.packages()) {
    auto* out = response->add_system_packages();
    out->set_name(package.name());
    out->set_version(package.version());
  }
  *response->mutable_preload() = (*from)->recipe.preload();
  response->set_architecture(Architecture());
  return Reply(context, grpc::Status::OK);
}

}  // namespace warren
