#include "supervisor/local/local_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/policy/limits_policy.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/local/done_operation.h"
#include "supervisor/local/lease_proto.h"
#include "supervisor/local/local_sandbox.h"
#include "supervisor/session/ids.h"

namespace warren {
namespace {

constexpr int64_t kMebibyte = int64_t{1} << 20;
// Where the host does not say how much memory it has.
constexpr int64_t kDefaultBufferMemory = 256 * kMebibyte;
constexpr int64_t kLeastBufferMemory = 64 * kMebibyte;
constexpr int64_t kBufferShareOfHost = 16;
// The part of it that may be kept for clients that come back.
constexpr int64_t kDetachedShare = 4;
constexpr size_t kMaxPageBytes = 2 << 20;

int64_t BufferMemory(const LocalBackend::Parts& parts) {
  if (parts.buffer_memory > 0) return parts.buffer_memory;
  const int64_t host = parts.facts.memory_bytes();
  return host > 0 ? std::max(host / kBufferShareOfHost, kLeastBufferMemory) : kDefaultBufferMemory;
}

// A create that waits for its sandbox.
class CreateOperation final : public Operation {
 public:
  CreateOperation(IoLoop& loop, Pool& pool, Pool::Ticket ticket)
      : loop_(loop), pool_(pool), ticket_(std::move(ticket)) {}
  void Resume() override {}
  // From a task of its own, for who cancels may hold locks of the backend's.
  void Cancel() override {
    loop_.Post([pool = &pool_, ticket = ticket_] { pool->Cancel(ticket); });
  }

 private:
  IoLoop& loop_;
  Pool& pool_;
  const Pool::Ticket ticket_;
};

// But for its state, which is for who has no lock of the table's.
bool Matches(const Lease& lease, const warren::v1::ListSandboxesRequest& request) {
  if (!request.template_id().empty() &&
      request.template_id() != lease.sandbox->identity().template_id) {
    return false;
  }
  if (request.has_created_after() && lease.created_at < ToTime(request.created_after()))
    return false;
  return std::all_of(request.metadata().begin(), request.metadata().end(), [&](const auto& wanted) {
    auto found = lease.metadata.find(wanted.first);
    return found != lease.metadata.end() && found->second == wanted.second;
  });
}

absl::Status NoSuchSandbox() {
  return absl::NotFoundError("no such sandbox: it never was, was destroyed, or its lifetime ended");
}

bool HasState(const warren::v1::Sandbox& sandbox, const warren::v1::ListSandboxesRequest& request) {
  return request.states().empty() || std::find(request.states().begin(), request.states().end(),
                                               sandbox.state()) != request.states().end();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalBackend>> LocalBackend::Make(IoLoop& loop, Parts parts) {
  std::map<std::string, Pool::PoolTemplate> pool_templates;
  for (const auto& [name, from] : parts.templates) {
    WARREN_ASSIGN_OR_RETURN(
        warren::v1::Limits limits,
        ResolveLimits(parts.limits_policy, warren::v1::Limits(), from.recipe.limits()));
    pool_templates.emplace(name, Pool::PoolTemplate{from, std::move(limits)});
  }
  PackageInstaller::Parts packages;
  packages.policy = std::move(parts.package_policy);
  packages.unavailable = std::move(parts.packages_unavailable);
  packages.template_id = parts.default_template;
  if (auto from = parts.templates.find(parts.default_template); from != parts.templates.end())
    packages.python = from->second.recipe.python();
  WARREN_ASSIGN_OR_RETURN(packages.limits, BuilderLimits(parts.limits_policy));
  std::unique_ptr<LocalBackend> backend(
      new LocalBackend(loop, std::move(parts), std::move(pool_templates)));
  WARREN_RETURN_IF_ERROR(backend->MakePackages(std::move(packages)));
  return backend;
}

absl::Status LocalBackend::MakePackages(PackageInstaller::Parts parts) {
  package_policy_text_ = parts.policy.SerializeAsString();
  WARREN_ASSIGN_OR_RETURN(packages_, PackageInstaller::Make(host_, pool_, std::move(parts)));
  return absl::OkStatus();
}

LocalBackend::LocalBackend(IoLoop& loop, Parts parts,
                           std::map<std::string, Pool::PoolTemplate> pool_templates)
    : loop_(loop),
      instance_(NewId("")),
      file_attributes_(parts.facts.tmpfs_user_xattr()),
      socket_lookup_(parts.facts.socket_lookup()),
      templates_(std::move(parts.templates)),
      default_template_(std::move(parts.default_template)),
      profile_(parts.pool.profile),
      modules_(std::move(parts.modules)),
      limits_policy_(std::move(parts.limits_policy)),
      network_presets_(std::move(parts.network_presets)),
      network_enabled_(parts.network_enabled),
      memory_(BufferMemory(parts)),
      detached_(loop, memory_.limit() / kDetachedShare, &memory_),
      link_(loop, std::move(parts.launcher)),
      host_{loop,
            link_,
            memory_,
            *detached_.budget(),
            std::max(parts.facts.pace(), 1.0),
            [this](const std::string& template_id, absl::string_view module) {
              return modules_.Hint(template_id, module);
            },
            Allotment(parts.further_contexts),
            Allotment(parts.process_descriptors),
            Allotment(parts.port_connections)},
      table_(loop,
             [this](const std::string& id) {
               detached_.ForgetSandbox(id);
               if (on_forgotten_) on_forgotten_(id);
             }),
      pool_(host_, table_, std::move(parts.facts), pool_templates, std::move(parts.pool)) {
  host_.backend = std::move(parts.name);
  for (auto& [name, pooled] : pool_templates) default_limits_[name] = pooled.default_limits;
}

absl::Status LocalBackend::Start(absl::AnyInvocable<void(absl::Status)> on_launcher_gone) {
  WARREN_RETURN_IF_ERROR(
      link_.Start([this](LauncherMessage message) { OnLauncherEvent(std::move(message)); },
                  [this, on_gone = std::move(on_launcher_gone)](absl::Status why) mutable {
                    state_ = State::kLauncherGone;
                    table_.OnLauncherGone();
                    on_gone(std::move(why));
                  }));
  loop_.Post([this] { pool_.Start(); });
  return absl::OkStatus();
}

void LocalBackend::OnLauncherEvent(LauncherMessage message) {
  const internal::LauncherReply& event = message.reply;
  switch (event.body_case()) {
    case internal::LauncherReply::kZygoteExited:
      return pool_.OnZygoteExited(event.zygote_exited().zygote_id(),
                                  event.zygote_exited().reason());
    case internal::LauncherReply::kAgentWanted:
      return table_.OnAgentWanted(event.agent_wanted().sandbox_id());
    case internal::LauncherReply::kProcessExited:
      return table_.OnProcessExited(event.process_exited());
    case internal::LauncherReply::kSandboxGone:
      spdlog::debug("event=sandbox_gone sandbox={}", event.sandbox_gone().sandbox_id());
      table_.OnGone(event.sandbox_gone());
      packages_->OnSandboxGone(event.sandbox_gone().sandbox_id());
      return pool_.OnSandboxGone();
    case internal::LauncherReply::kRelayStarted:
      if (message.fds.size() == 1) return host_.relay.Start(std::move(message.fds.front()));
      return spdlog::error("event=relay_without_socket fds={}", message.fds.size());
    case internal::LauncherReply::kStoreStarted:
      if (message.fds.size() == 1) return packages_->OnStoreStarted(std::move(message.fds.front()));
      return spdlog::error("event=store_without_socket fds={}", message.fds.size());
    case internal::LauncherReply::kFetcherStarted:
      if (message.fds.size() == 1)
        return packages_->OnFetcherStarted(std::move(message.fds.front()));
      return spdlog::error("event=fetcher_without_socket fds={}", message.fds.size());
    default:
      spdlog::warn("event=unknown_launcher_event kind={}", static_cast<int>(event.body_case()));
  }
}

void LocalBackend::ListBackends(const Call&, const warren::v1::ListBackendsRequest&,
                                Reply<warren::v1::ListBackendsResponse> reply) {
  warren::v1::ListBackendsResponse response;
  warren::v1::BackendStatus& self = *response.add_backends();
  self.set_name(host_.backend);
  self.set_kind(warren::v1::BackendStatus::LOCAL);
  self.set_circuit(warren::v1::BackendStatus::CLOSED);
  self.set_problem(std::string(health().message()));
  reply(std::move(response));
}

absl::Status LocalBackend::health() const {
  switch (state_.load()) {
    case State::kServing:
      return absl::OkStatus();
    case State::kStopping:
      return absl::UnavailableError("the supervisor is stopping");
    case State::kLauncherGone:
      break;
  }
  return absl::UnavailableError("the launcher is gone, and every sandbox with it");
}

// ---- Templates --------------------------------------------------------------------------------

absl::StatusOr<const Template*> LocalBackend::FindTemplate(const std::string& id) const {
  auto found = templates_.find(id);
  if (found == templates_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, from] : templates_) names.push_back(name);
    return absl::NotFoundError(
        absl::StrCat("no template \"", id, "\"; there are: ", absl::StrJoin(names, ", ")));
  }
  return &found->second;
}

absl::StatusOr<FileUser> LocalBackend::FindFileUser(const std::string& template_id,
                                                    const std::string& user) const {
  WARREN_ASSIGN_OR_RETURN(const Template* from, FindTemplate(template_id));
  const std::string& profile = user.empty() ? profile_ : user;
  if (profile.empty() || profile == "user") return FileUser{1000, 1000};
  const std::vector<std::string> granted = GrantedProfiles(from->recipe);
  if (std::count(granted.begin(), granted.end(), profile) > 0) return FileUser{0, 0};
  return absl::PermissionDeniedError(
      absl::StrCat("user is \"", profile, "\", which template ", template_id,
                   " does not grant; leave it out, or add it to the template's profiles"));
}

absl::StatusOr<std::vector<std::string>> LocalBackend::FindInterpreter(
    const std::string& template_id, const std::string& language) const {
  // The only one whose program has another name.
  if (language == "javascript") return std::vector<std::string>{"node"};
  if (language != kDefaultLanguage) return std::vector<std::string>{language};
  WARREN_ASSIGN_OR_RETURN(const Template* from, FindTemplate(template_id));
  // Unbuffered: what it prints comes as it is printed, and is not lost with a kill.
  return std::vector<std::string>{from->recipe.python(), "-u"};
}

std::string LocalBackend::PythonVersion(const Template& from) const {
  if (!from.manifest.python_version().empty()) return from.manifest.python_version();
  return pool_.PythonVersion(from.recipe.name());
}

void LocalBackend::ListTemplates(const Call&, Reply<warren::v1::ListTemplatesResponse> reply) {
  warren::v1::ListTemplatesResponse response;
  response.set_default_template_id(default_template_);
  for (const auto& [name, from] : templates_) {
    auto* info = response.add_templates();
    info->set_template_id(name);
    info->set_description(from.recipe.description());
    info->set_python_version(PythonVersion(from));
    *info->mutable_preload() = from.recipe.preload();
    info->set_digest(from.digest);
    info->set_unavailable(from.unavailable);
  }
  reply(std::move(response));
}

// ---- Sandboxes --------------------------------------------------------------------------------

absl::StatusOr<warren::v1::Limits> LocalBackend::Resolve(
    warren::v1::CreateSandboxRequest& request) const {
  WARREN_RETURN_IF_ERROR(ValidateCreate(request));
  if (request.template_id().empty()) request.set_template_id(default_template_);
  WARREN_ASSIGN_OR_RETURN(const Template* from, FindTemplate(request.template_id()));
  if (!from->unavailable.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("template \"", request.template_id(),
                                                      "\" cannot be used: ", from->unavailable));
  }
  return ResolveLimits(limits_policy_, request.limits(), from->recipe.limits());
}

std::unique_ptr<Operation> LocalBackend::Create(const Call& call,
                                                const warren::v1::CreateSandboxRequest& from,
                                                Reply<warren::v1::Sandbox> reply) {
  warren::v1::CreateSandboxRequest request = from;
  auto limits = Resolve(request);
  if (!limits.ok()) {
    reply(limits.status());
    return std::make_unique<DoneOperation>();
  }
  const std::string& template_id = request.template_id();
  if (request.has_network()) {
    auto network = ResolveNetwork(request.network());
    if (network.ok()) {
      return CreateWithNetwork(call.who, std::move(request), *limits, *std::move(network),
                               std::move(reply));
    }
    reply(network.status());
    return std::make_unique<DoneOperation>();
  }
  if (auto sandbox = TakeReady(template_id, *limits)) {
    reply(Deliver(call.who, request, Pool::Made{std::move(sandbox), {}}, true));
    return std::make_unique<DoneOperation>();
  }
  Pool::Ticket ticket = pool_.Make(template_id, *limits,
                                   [this, who = call.who, request, reply = std::move(reply)](
                                       absl::StatusOr<Pool::Made> made) mutable {
                                     if (!made.ok()) return reply(made.status());
                                     reply(Deliver(who, request, *std::move(made), false));
                                   });
  if (!ticket) return std::make_unique<DoneOperation>();
  return std::make_unique<CreateOperation>(loop_, pool_, std::move(ticket));
}

std::shared_ptr<Sandbox> LocalBackend::TakeReady(const std::string& template_id,
                                                 const warren::v1::Limits& limits) {
  const bool common =
      limits.SerializeAsString() == default_limits_.at(template_id).SerializeAsString();
  return common ? pool_.Take(template_id) : nullptr;
}

warren::v1::Sandbox LocalBackend::Deliver(const Principal& who,
                                          const warren::v1::CreateSandboxRequest& request,
                                          Pool::Made made, bool from_pool) {
  Lease lease;
  lease.tenant = who.tenant;
  lease.handle = std::make_shared<LocalSandbox>(*this, made.sandbox);
  lease.sandbox = std::move(made.sandbox);
  lease.metadata.insert(request.metadata().begin(), request.metadata().end());
  lease.stages = std::move(made.stages);
  lease.from_pool = from_pool;
  lease.lifetime = {ToDuration(request.lifetime()), request.lifetime_from(), request.on_expiry()};
  lease.sandbox->SetEnv({request.env().begin(), request.env().end()});
  if (request.has_network()) lease.sandbox->NoteAskedNetwork(request.network());
  LeaseRef published = table_.Publish(std::move(lease));
  spdlog::info("event=sandbox_leased sandbox={} tenant={} template={} from_pool={}",
               published->sandbox->identity().id, who.is_operator() ? "-" : who.tenant,
               request.template_id(), from_pool);
  warren::v1::Sandbox response = ToProto(*published, MemoryReading::kNone);
  response.mutable_stages()->Add(published->stages.begin(), published->stages.end());
  return response;
}

absl::StatusOr<LeaseRef> LocalBackend::FindLease(const std::string& id) const {
  LeaseRef lease = table_.Find(id);
  if (lease) return lease;
  return NoSuchSandbox();
}

void LocalBackend::Open(const Call& call, const std::string& sandbox_id,
                        Reply<std::shared_ptr<SandboxHandle>> reply) {
  // What is under way may end; nothing new begins.
  if (state_.load() != State::kServing) return reply(health());
  auto lease = FindLease(sandbox_id);
  if (!lease.ok()) return reply(lease.status());
  // In the words for one that never was.
  if (!call.who.MayUse((*lease)->tenant)) return reply(NoSuchSandbox());
  reply((*lease)->handle);
}

void LocalBackend::List(const Call& call, const warren::v1::ListSandboxesRequest& from,
                        Reply<warren::v1::ListSandboxesResponse> reply) {
  warren::v1::ListSandboxesRequest request = from;
  if (absl::Status status = ValidateList(request); !status.ok()) return reply(status);
  // A token is the place of the last sandbox of its page, and the server that gave it.
  uint64_t after = 0;
  if (!request.page_token().empty()) {
    absl::string_view token = request.page_token();
    if (!absl::ConsumeSuffix(&token, absl::StrCat(".", instance_)) ||
        !absl::SimpleAtoi(token, &after) || after > table_.last_sequence()) {
      return reply(
          absl::InvalidArgumentError("page_token is none that this server gave since it started; "
                                     "list from the first page"));
    }
  }
  warren::v1::ListSandboxesResponse response;
  if (request.page_token().empty() && call.who.is_operator()) {
    for (warren::v1::PoolStatus& pool : pool_.Status()) *response.add_pools() = std::move(pool);
  }
  FillPage(call.who, request, after, response);
  reply(std::move(response));
}

void LocalBackend::FillPage(const Principal& who, const warren::v1::ListSandboxesRequest& request,
                            uint64_t after, warren::v1::ListSandboxesResponse& response) const {
  const auto order = request.newest_first() ? SandboxTable::Order::kNewestFirst
                                            : SandboxTable::Order::kOldestFirst;
  const auto size = static_cast<size_t>(request.page_size());
  uint64_t last = after;
  size_t bytes = 0;
  while (true) {
    // One more, to know whether there is a next page.
    const auto places = table_.List(order, after, size + 1, [&](const Lease& lease) {
      return who.MayUse(lease.tenant) && Matches(lease, request);
    });
    for (const SandboxTable::Place& place : places) {
      after = place.sequence;
      warren::v1::Sandbox sandbox = ToProto(*place.lease, MemoryReading::kCurrent);
      if (!HasState(sandbox, request)) continue;
      bytes += sandbox.ByteSizeLong();
      const bool first = response.sandboxes_size() == 0;
      if (!first && (response.sandboxes_size() == request.page_size() || bytes > kMaxPageBytes)) {
        response.set_next_page_token(absl::StrCat(last, ".", instance_));
        return;
      }
      last = place.sequence;
      *response.add_sandboxes() = std::move(sandbox);
    }
    if (places.size() <= size) return;
  }
}

// ---- The end ----------------------------------------------------------------------------------

void LocalBackend::BeginShutdown() {
  State serving = State::kServing;
  state_.compare_exchange_strong(serving, State::kStopping);
  pool_.Stop();
}

bool LocalBackend::in_use() const {
  const std::vector<LeaseRef> leases = table_.All();
  return std::any_of(leases.begin(), leases.end(),
                     [](const LeaseRef& lease) { return lease->sandbox->uses().in_use(); });
}

void LocalBackend::EndExecutions() {
  loop_.Post([this] { packages_->EndInstallations(); });
  for (const LeaseRef& lease : table_.All()) lease->sandbox->Destroy(StopReason::kShutdown);
}

bool LocalBackend::CloseLauncher(absl::Duration timeout) {
  link_.Close();
  const bool ended = link_.WaitForExit(timeout);
  // It ends with the launcher: nobody is to be told of that.
  host_.relay.Close();
  packages_->Close();
  return ended;
}

}  // namespace warren
