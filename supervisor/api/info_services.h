#ifndef WARREN_SUPERVISOR_API_INFO_SERVICES_H_
#define WARREN_SUPERVISOR_API_INFO_SERVICES_H_

#include "supervisor/local/local_backend.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {

// warren.v1.TemplateService. Thread-safe; the backend outlives it.
class TemplateService final : public warren::v1::TemplateService::CallbackService {
 public:
  explicit TemplateService(LocalBackend& backend) : backend_(backend) {}
  grpc::ServerUnaryReactor* ListTemplates(grpc::CallbackServerContext* context,
                                          const warren::v1::ListTemplatesRequest* request,
                                          warren::v1::ListTemplatesResponse* response) override;

 private:
  LocalBackend& backend_;
};

// warren.v1.EnvironmentService. Thread-safe; the backend outlives it.
class EnvironmentService final : public warren::v1::EnvironmentService::CallbackService {
 public:
  explicit EnvironmentService(LocalBackend& backend) : backend_(backend) {}
  grpc::ServerUnaryReactor* GetEnvironment(grpc::CallbackServerContext* context,
                                           const warren::v1::GetEnvironmentRequest* request,
                                           warren::v1::Environment* response) override;

 private:
  LocalBackend& backend_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_INFO_SERVICES_H_
