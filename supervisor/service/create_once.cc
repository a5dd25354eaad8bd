#include "supervisor/service/create_once.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace warren {
namespace {

using warren::v1::CreateSandboxRequest;
using warren::v1::Sandbox;

// Tells a client's mistake; it is no defence, for who may use an id may make a sandbox anyway. Of
// this process alone.
uint64_t Fingerprint(CreateSandboxRequest request) {
  request.clear_request_id();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream out(&bytes);
    google::protobuf::io::CodedOutputStream coded(&out);
    // Maps in one order.
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  return absl::HashOf(bytes);
}

// No tenant's name has a slash.
std::string KeyOf(const Principal& who, const std::string& request_id) {
  return absl::StrCat(who.tenant, "/", request_id);
}

class Answered final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

}  // namespace

// One of those that wait.
class CreateOnce::Waiting final : public Operation {
 public:
  Waiting(std::shared_ptr<CreateOnce> creates, std::shared_ptr<Entry> entry, uint64_t number)
      : creates_(std::move(creates)), entry_(std::move(entry)), number_(number) {}
  void Resume() override {}
  void Cancel() override { creates_->Cancel(entry_, number_); }

 private:
  const std::shared_ptr<CreateOnce> creates_;
  const std::shared_ptr<Entry> entry_;
  const uint64_t number_;
};

std::unique_ptr<Operation> CreateOnce::Create(const Call& call, const CreateSandboxRequest& request,
                                              Reply<Sandbox> reply) {
  const std::string key = KeyOf(call.who, request.request_id());
  const uint64_t fingerprint = Fingerprint(request);
  std::shared_ptr<Entry> entry;
  uint64_t number = 0;
  bool first = false;
  absl::StatusOr<Sandbox> answer = absl::UnknownError("");
  bool answered = false;
  {
    MutexLock lock(&mu_);
    std::shared_ptr<Entry>& known = entries_[key];
    // One that everybody gave up is not waited for again.
    first = known == nullptr || (known->cancelled && !known->made);
    if (first) {
      known = std::make_shared<Entry>();
      known->fingerprint = fingerprint;
    }
    entry = known;
    if (entry->fingerprint != fingerprint) {
      answer = absl::InvalidArgumentError(
          "request_id was used for another request; use a new one for each sandbox");
      answered = true;
    } else if (entry->made) {
      answer = entry->sandbox;
      answered = true;
    } else if (entry->waiting.size() >= kMaxWaiting) {
      answer = absl::ResourceExhaustedError(
          absl::StrCat(kMaxWaiting, " calls wait for the create with this request_id already"));
      answered = true;
    } else {
      number = ++last_number_;
      entry->waiting.emplace_back(number, std::exchange(reply, nullptr));
    }
  }
  if (answered) {
    reply(std::move(answer));
    return std::make_unique<Answered>();
  }
  if (first) {
    std::shared_ptr<Operation> operation =
        backend_.Create(call, request,
                        // The entry keeps the operation, and that this. Where nobody keeps the
                        // entry any more, nobody waits.
                        [self = weak_from_this(), key,
                         waited = std::weak_ptr<Entry>(entry)](absl::StatusOr<Sandbox> made) {
                          const auto creates = self.lock();
                          const auto current = waited.lock();
                          if (creates && current) creates->OnMade(key, current, std::move(made));
                        });
    bool cancelled = false;
    {
      MutexLock lock(&mu_);
      entry->operation = operation;
      cancelled = entry->cancelled;
    }
    // By another thread, meanwhile.
    if (cancelled) operation->Cancel();
  }
  return std::make_unique<Waiting>(shared_from_this(), std::move(entry), number);
}

void CreateOnce::OnMade(const std::string& key, const std::shared_ptr<Entry>& entry,
                        absl::StatusOr<Sandbox> made) {
  decltype(entry->waiting) waiting;
  {
    MutexLock lock(&mu_);
    waiting.swap(entry->waiting);
    auto found = entries_.find(key);
    // Given up, another create took its place.
    const bool current = found != entries_.end() && found->second == entry;
    if (made.ok() && current) {
      entry->made = true;
      entry->sandbox = *made;
      Keep(key, made->sandbox_id());
    } else if (current) {
      entries_.erase(found);
    }
  }
  for (auto& [number, reply] : waiting) reply(made);
}

void CreateOnce::Cancel(const std::shared_ptr<Entry>& entry, uint64_t number) {
  Reply<Sandbox> reply;
  std::shared_ptr<Operation> operation;
  {
    MutexLock lock(&mu_);
    auto found = std::find_if(entry->waiting.begin(), entry->waiting.end(),
                              [&](const auto& each) { return each.first == number; });
    // It was answered.
    if (found == entry->waiting.end()) return;
    reply = std::move(found->second);
    entry->waiting.erase(found);
    if (entry->waiting.empty()) {
      entry->cancelled = true;
      operation = entry->operation;
    }
  }
  if (operation != nullptr) operation->Cancel();
  reply(absl::CancelledError("the client went away"));
}

void CreateOnce::Keep(const std::string& key, const std::string& sandbox_id) {
  in_order_.push_back(sandbox_id);
  made_[sandbox_id] = Made{key, std::prev(in_order_.end())};
  if (in_order_.size() > kMaxKept) ForgetLocked(std::string(in_order_.front()));
}

void CreateOnce::Forget(const std::string& sandbox_id) {
  MutexLock lock(&mu_);
  ForgetLocked(sandbox_id);
}

void CreateOnce::ForgetLocked(const std::string& sandbox_id) {
  auto found = made_.find(sandbox_id);
  if (found == made_.end()) return;
  entries_.erase(found->second.key);
  in_order_.erase(found->second.place);
  made_.erase(found);
}

size_t CreateOnce::size() const {
  MutexLock lock(&mu_);
  return entries_.size();
}

}  // namespace warren
