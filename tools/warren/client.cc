#include "tools/warren/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/base/status_mark.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

// Before an address: a connection with TLS. The authorities are the host's, or those of the file
// that gRPC's GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names.
constexpr absl::string_view kTlsScheme = "tls://";

// Adds the key to each call. (gRPC's own credentials of calls want a connection with TLS.)
class KeySender final : public grpc::experimental::Interceptor {
 public:
  explicit KeySender(const std::string& authorization) : authorization_(authorization) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA))
      methods->GetSendInitialMetadata()->emplace("authorization", authorization_);
    methods->Proceed();
  }

 private:
  const std::string authorization_;
};

// Marks what the server itself has answered, for Explain. A status of gRPC's own has no details.
class AnswerMarker final : public grpc::experimental::Interceptor {
 public:
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_STATUS)) {
      grpc::Status* status = methods->GetRecvStatus();
      const auto* trailing = methods->GetRecvTrailingMetadata();
      if (!status->ok() && trailing->count(kStatusMark) != 0)
        *status = grpc::Status(status->error_code(), status->error_message(), kStatusMark);
    }
    methods->Proceed();
  }
};

class AnswerMarkers final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new AnswerMarker();
  }
};

class KeySenders final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit KeySenders(const std::string& api_key)
      : authorization_(absl::StrCat("Bearer ", api_key)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new KeySender(authorization_);
  }

 private:
  const std::string authorization_;
};

std::shared_ptr<grpc::Channel> Connect(const ServerAddress& address) {
  grpc::ChannelArguments arguments;
  // A supervisor is reached directly; an http_proxy in the environment is meant for other things.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> senders;
  senders.push_back(std::make_unique<AnswerMarkers>());
  if (!address.api_key.empty()) senders.push_back(std::make_unique<KeySenders>(address.api_key));
  absl::string_view target = address.target;
  const bool tls = absl::ConsumePrefix(&target, kTlsScheme);
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      std::string(target),
      tls ? grpc::SslCredentials(grpc::SslCredentialsOptions())
          : grpc::InsecureChannelCredentials(),
      arguments, std::move(senders));
}

// Path of a unix: address, empty for others.
std::string SocketPath(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "unix:")) return "";
  absl::ConsumePrefix(&address, "//");
  return std::string(address);
}

// errno of a plain connect to the socket: gRPC tells only that it did not succeed.
int ProbeSocket(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) return ENAMETOOLONG;
  std::memcpy(name.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  bool connected = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  return connected ? 0 : errno;
}

std::string ExplainUnreachable(const std::string& address, absl::string_view message) {
  std::string path = SocketPath(address);
  int error = path.empty() ? 0 : ProbeSocket(path);
  std::string text = absl::StrCat("no answer from warrend at ", address, " (",
                                  error == 0 ? message : std::strerror(error), ")\n");
  if (error == EACCES) {
    return absl::StrCat(text, "  This user may not open the socket: ask for access to it.\n");
  }
  absl::string_view name = address;
  if (absl::ConsumePrefix(&name, kTlsScheme)) {
    return absl::StrCat(
        text, "  It listens there by:       warrend --tls-listen ", name,
        "\n  Its certificate must be of that name and of an authority that this host trusts, or of "
        "one in the file that GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names.\n");
  }
  return absl::StrCat(text, "  Start it, as root:         warrend --listen ", address,
                      "\n  Or say where one listens:  --address ADDR, or WARREN_ADDRESS\n");
}

// What to do about a status, where the message of the server does not say so itself.
absl::string_view Remedy(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::NOT_FOUND:
      return "  `warren ps` lists the sandboxes, `warren templates` the templates.\n";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "  `warren ps` shows what is in use; `warren kill ID` makes room.\n";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "  Say the key:  WARREN_API_KEY, or --api-key KEY\n";
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::INTERNAL:
      return "  `warren doctor` checks what this host lacks; warrend's log has the details.\n";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "  The server took too long to answer: its log says what it is busy with.\n";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "  This warrend does not offer the call: is it as new as this client?\n";
    default:
      return "";
  }
}

}  // namespace

Client::Client(ServerAddress address) : address_(std::move(address)) {
  std::shared_ptr<grpc::Channel> channel = Connect(address_);
  sandboxes_ = v1::SandboxService::NewStub(channel);
  executions_ = v1::ExecutionService::NewStub(channel);
  templates_ = v1::TemplateService::NewStub(channel);
  contexts_ = v1::ContextService::NewStub(channel);
  processes_ = v1::ProcessService::NewStub(channel);
  files_ = v1::FileService::NewStub(channel);
  environments_ = v1::EnvironmentService::NewStub(channel);
  packages_ = v1::PackageService::NewStub(channel);
  backends_ = v1::BackendService::NewStub(channel);
}

std::string Client::Explain(absl::string_view what, const grpc::Status& status) const {
  std::string message = EscapeForTerminal(status.error_message(), WhiteSpace::kEscape);
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      status.error_details() != kStatusMark) {
    return absl::StrCat("warren: ", what, ": ", ExplainUnreachable(address_.target, message));
  }
  return absl::StrCat("warren: ", what, ": ", message, "\n", Remedy(status.error_code()));
}

grpc::Status ListAllSandboxes(v1::SandboxService::StubInterface& sandboxes,
                              v1::ListSandboxesRequest request, absl::Duration timeout,
                              v1::ListSandboxesResponse* all) {
  do {
    grpc::ClientContext context;
    SetDeadline(context, timeout);
    v1::ListSandboxesResponse page;
    grpc::Status status = sandboxes.ListSandboxes(&context, request, &page);
    if (!status.ok()) return status;
    request.set_page_token(page.next_page_token());
    all->MergeFrom(page);
  } while (!request.page_token().empty());
  all->clear_next_page_token();
  return grpc::Status::OK;
}

void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
}

bool IsOfServer(const grpc::ClientContext& context) {
  return context.GetServerTrailingMetadata().count(kStatusMark) != 0;
}

}  // namespace warren
