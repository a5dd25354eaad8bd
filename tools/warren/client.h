#ifndef WARREN_TOOLS_WARREN_CLIENT_H_
#define WARREN_TOOLS_WARREN_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "warren/v1/backend.grpc.pb.h"
#include "warren/v1/execution.grpc.pb.h"
#include "warren/v1/file.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/process.grpc.pb.h"
#include "warren/v1/sandbox.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {

inline constexpr char kDefaultAddress[] = "unix:///run/warren/warren.sock";
// Of a call that has no reason to last, so that a stuck server is reported instead of waited for.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(60);

// Where a warrend is, and the key that it is called with; empty for none.
struct ServerAddress {
  std::string target = kDefaultAddress;
  std::string api_key;
};

// A connection to one warrend. Connects at the first call.
// Owner: a command. The stubs are thread-safe.
class Client {
 public:
  explicit Client(ServerAddress address);

  v1::SandboxService::Stub& sandboxes() { return *sandboxes_; }
  v1::ExecutionService::Stub& executions() { return *executions_; }
  v1::TemplateService::Stub& templates() { return *templates_; }
  v1::ContextService::Stub& contexts() { return *contexts_; }
  v1::ProcessService::Stub& processes() { return *processes_; }
  v1::FileService::Stub& files() { return *files_; }
  v1::EnvironmentService::Stub& environments() { return *environments_; }
  v1::PackageService::Stub& packages() { return *packages_; }
  v1::BackendService::Stub& backends() { return *backends_; }

  // A failed call for people, with its remedy where there is one: "warren: create a sandbox: ...".
  // Ends with a newline. `what` is a verb and its object.
  std::string Explain(absl::string_view what, const grpc::Status& status) const;

 private:
  ServerAddress address_;
  std::unique_ptr<v1::SandboxService::Stub> sandboxes_;
  std::unique_ptr<v1::ExecutionService::Stub> executions_;
  std::unique_ptr<v1::TemplateService::Stub> templates_;
  std::unique_ptr<v1::ContextService::Stub> contexts_;
  std::unique_ptr<v1::ProcessService::Stub> processes_;
  std::unique_ptr<v1::FileService::Stub> files_;
  std::unique_ptr<v1::EnvironmentService::Stub> environments_;
  std::unique_ptr<v1::PackageService::Stub> packages_;
  std::unique_ptr<v1::BackendService::Stub> backends_;
};

// All pages of ListSandboxes in one response, each asked for within `timeout`. `request` says
// which.
grpc::Status ListAllSandboxes(v1::SandboxService::StubInterface& sandboxes,
                              v1::ListSandboxesRequest request, absl::Duration timeout,
                              v1::ListSandboxesResponse* all);

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout);

// Whether the server itself has given a call's status, which is not OK; else gRPC has, or what lies
// between. After the call.
bool IsOfServer(const grpc::ClientContext& context);

// One call with one answer, within kCallTimeout.
template <typename Stub, typename Request, typename Response>
grpc::Status CallUnary(Stub& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       const Request& request, Response* response) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  return (stub.*method)(&context, request, response);
}

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_CLIENT_H_
