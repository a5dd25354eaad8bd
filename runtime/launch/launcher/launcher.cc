#include "runtime/launch/launcher/launcher.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/memfd.h"
#include "spdlog/spdlog.h"

// The launcher's messages: what comes from the supervisor and what goes to it.
namespace warren {
namespace {

using std::chrono::milliseconds;

// Requests are small: a spec, or a name.
constexpr size_t kMaxRequest = 16 << 10;

// Of a request that may be cut off or malformed; 0 where it has none. It is the first field, as the
// supervisor's library writes it.
uint64_t RequestIdOf(const std::string& data) {
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(data.data()),
                                                static_cast<int>(data.size()));
  uint64_t id = 0;
  return stream.ReadTag() == 8 && stream.ReadVarint64(&id) ? id : 0;
}

// CPU time from a sandbox's making to its context's being ready, on a host of pace 1.
constexpr milliseconds kMakingCpuTime(30);

}  // namespace

Launcher::Launcher(const LauncherConfig& config, Parts parts)
    : config_(config),
      loop_(std::move(parts.loop)),
      ids_(std::move(parts.ids)),
      janitor_(std::move(parts.janitor)),
      resources_(std::move(parts.resources)),
      templates_(std::move(parts.templates)),
      limits_policy_(std::move(parts.limits_policy)),
      network_presets_(std::move(parts.network_presets)),
      idle_lookup_(std::move(parts.idle_lookup)),
      slots_(config.max_sandboxes),
      pace_(std::max(resources_.facts.pace(), 1.0)),
      sorter_(resources_.cgroups,
              std::chrono::duration_cast<std::chrono::microseconds>(AtPace(kMakingCpuTime))),
      package_policy_(std::move(parts.services.package_policy)),
      packages_unavailable_(std::move(parts.services.packages_unavailable)) {
  services_.emplace(loop_, resources_, std::move(parts.services.sources),
                    [this](const internal::LauncherReply& event, UniqueFd supervisor_end) {
                      const int fd = supervisor_end.get();
                      Send(event, {&fd, 1});
                    });
}

Launcher::~Launcher() {
  // A frozen process would not end, and the anchor waits for all of them.
  for (auto& [id, sandbox] : sandboxes_) {
    if (sandbox.motion != Motion::kRuns) sandbox.process->Thaw().IgnoreError();
  }
  services_.reset();
  // First the processes, all at once through the anchor; then what the kernel leaves behind.
  resources_.anchor.Stop();
  zygotes_.clear();
  sandboxes_.clear();
  janitor_.Finish();
}

absl::Status Launcher::SayHello() {
  internal::LauncherOffer offer;
  *offer.mutable_limits_policy() = limits_policy_;
  for (const auto& [name, preset] : network_presets_) *offer.add_network_presets() = preset;
  offer.set_network_enabled(services_->has_relay());
  *offer.mutable_package_policy() = package_policy_;
  offer.set_packages_unavailable(packages_unavailable_);
  for (const auto& [name, launch] : templates_) {
    internal::OfferedTemplate& offered = *offer.add_templates();
    *offered.mutable_recipe() = launch.source.recipe;
    *offered.mutable_manifest() = launch.source.manifest;
    offered.set_digest(launch.source.digest);
    offered.set_unavailable(launch.source.unavailable);
    offered.mutable_modules()->Add(launch.source.modules.begin(), launch.source.modules.end());
  }
  WARREN_ASSIGN_OR_RETURN(UniqueFd memfd, SealedMemfd("warren-offer", offer.SerializeAsString()));
  internal::LauncherReply hello;
  *hello.mutable_hello()->mutable_facts() = resources_.facts;
  const int fd = memfd.get();
  Send(hello, {&fd, 1});
  return absl::OkStatus();
}

absl::Status Launcher::Run() {
  WARREN_RETURN_IF_ERROR(SayHello());
  WARREN_RETURN_IF_ERROR(loop_.Watch(config_.socket, [this] { OnSupervisor(); }));
  WARREN_RETURN_IF_ERROR(loop_.Watch(resources_.anchor.exits(), [this] { OnExits(); }));
  WARREN_RETURN_IF_ERROR(loop_.Watch(resources_.anchor.pidfd(), [this] {
    spdlog::critical("event=anchor_died");
    loop_.Stop();
  }));
  if (resources_.cgroups.processors().count == 0)
    spdlog::info("event=no_cpuset effect=\"what computes leaves no processor to the others\"");
  if (!resources_.facts.socket_lookup())
    spdlog::info(
        "event=no_socket_lookup effect=\"sandboxes reach the ports alone that are listed\"");
  services_->Start();
  SortByCpuTime();
  return loop_.Run();
}

EventLoop::Clock::duration Launcher::AtPace(std::chrono::microseconds time) const {
  return std::chrono::duration_cast<EventLoop::Clock::duration>(time * pace_);
}

void Launcher::OnSupervisor() {
  absl::StatusOr<Message> message = ReceiveMessage(config_.socket, kMaxRequest, WhenCut::kKeep);
  // Its end, or that of the socket.
  if (!message.ok() || message->data.empty()) return loop_.Stop();
  internal::LauncherRequest request;
  const bool whole = !message->cut && message->fds.empty();
  if (whole && request.ParseFromString(message->data) && request.request_id() != 0) {
    return Dispatch(request);
  }
  // A supervisor that does this is broken, or is not one any more; what runs is not hurt by it.
  const char* why = message->cut ? "too long, or with descriptors" : "malformed";
  spdlog::error("event=bad_request error=\"{}\" bytes={}", absl::CEscape(why),
                message->data.size());
  const uint64_t id = RequestIdOf(message->data);
  if (id != 0) Reply(id, absl::InvalidArgumentError(absl::StrCat("the request is ", why)));
}

void Launcher::Dispatch(const internal::LauncherRequest& request) {
  using Request = internal::LauncherRequest;
  uint64_t id = request.request_id();
  absl::Status status;
  switch (request.request_case()) {
    case Request::kStartZygote:
      status = HandleStartZygote(id, request.start_zygote());
      break;
    case Request::kCreateSandbox:
      status = HandleCreateSandbox(id, request.create_sandbox());
      break;
    case Request::kStartProcess:
      status = HandleStartProcess(id, request.start_process());
      break;
    case Request::kStopZygote:
      EndZygote(request.stop_zygote().zygote_id(), "stopped");
      return Reply(id, absl::OkStatus());
    case Request::kSignalProcess:
      return Reply(id, HandleSignalProcess(request.signal_process()));
    case Request::kDestroySandbox:
      return Reply(id, HandleDestroy(request.destroy_sandbox().sandbox_id()));
    case Request::kPauseSandbox:
      status = HandlePause(id, request.pause_sandbox().sandbox_id());
      break;
    case Request::kResumeSandbox:
      return Reply(id, HandleResume(request.resume_sandbox().sandbox_id()));
    case Request::kSetLimits:
      return Reply(id, HandleSetLimits(request.set_limits()));
    case Request::kOpenNetwork:
      status = HandleOpenNetwork(id, request.open_network());
      break;
    case Request::kConnectPort:
      status = HandleConnectPort(id, request.connect_port());
      break;
    case Request::kMountPackages:
      status = HandleMountPackages(id, request.mount_packages());
      break;
    case Request::REQUEST_NOT_SET:
      status = absl::InvalidArgumentError("a request of no known kind");
  }
  // Those that did not return here reply later, when they go well.
  if (!status.ok()) Reply(id, status);
}

void Launcher::Reply(uint64_t request_id, const absl::Status& status) {
  internal::LauncherReply reply;
  reply.set_request_id(request_id);
  reply.set_code(static_cast<int32_t>(status.code()));
  reply.set_message(std::string(status.message()));
  Send(reply, {});
}

void Launcher::Send(const internal::LauncherReply& reply, std::span<const int> fds) {
  absl::Status status = SendMessage(config_.socket, reply.SerializeAsString(), fds);
  // The supervisor is gone: nothing here has a purpose any more.
  if (!status.ok()) loop_.Stop();
}

absl::StatusOr<LaunchTemplate*> Launcher::FindTemplate(const std::string& id) {
  auto found = templates_.find(id);
  if (found == templates_.end())
    return absl::NotFoundError(absl::StrCat("no template \"", absl::CEscape(id), "\""));
  const std::string& unavailable = found->second.source.unavailable;
  if (!unavailable.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("template ", id, " is ", unavailable));
  }
  return &found->second;
}

}  // namespace warren
