#include "supervisor/packages/unpacking.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr int64_t kMaxFiles = 200'000;

// The store's own copy, which it reads as it comes.
absl::StatusOr<UniqueFd> CopyForStore(int socket) {
  UniqueFd copy(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return Errno("copy the builder's socket");
  return copy;
}

}  // namespace

void Unpacking::Start(Builder::Task task, Listener listener) {
  listener_ = std::move(listener);
  builder_->Start(std::move(task),
                  {[self = shared_from_this()](BuilderWord word) { self->OnWord(std::move(word)); },
                   [self = shared_from_this()](absl::Status status) {
                     self->OnBuilderEnd(std::move(status));
                   }});
}

void Unpacking::OnWord(BuilderWord word) {
  if (const auto* progress = std::get_if<BuilderProgress>(&word)) {
    if (listener_.on_progress) listener_.on_progress(progress->text);
  } else if (auto* refused = std::get_if<BuilderRefused>(&word)) {
    error_.Update(refused->why);
  } else if (const auto* listens = std::get_if<BuilderListens>(&word)) {
    // Once: what a second socket would say nobody has asked for.
    if (std::exchange(asked_, true)) return builder_->Cancel();
    builder_->ConnectPort(
        listens->port,
        [self = shared_from_this()](absl::StatusOr<std::unique_ptr<PortConnection>> connection) {
          self->host_.loop.Post([self, connection = std::move(connection)]() mutable {
            self->OnConnected(std::move(connection));
          });
        });
  }
}

void Unpacking::OnConnected(absl::StatusOr<std::unique_ptr<PortConnection>> connection) {
  absl::Status status = connection.status();
  UniqueFd socket;
  if (status.ok()) {
    absl::StatusOr<UniqueFd> copy = CopyForStore((*connection)->socket());
    status = copy.status();
    if (copy.ok()) socket = *std::move(copy);
  }
  if (!status.ok()) {
    store_said_ = std::move(status);
    return MaybeEnd();
  }
  internal::StoreRequest request;
  internal::AddPackage& add = *request.mutable_add_package();
  *add.mutable_package() = package_;
  add.set_max_bytes(limits_.disk_bytes());
  add.set_max_files(static_cast<int32_t>(std::min<int64_t>(limits_.disk_inodes(), kMaxFiles)));
  store_.Call(
      std::move(request),
      [self = shared_from_this()](const absl::StatusOr<internal::StoreReply>& reply) {
        self->store_said_ = reply.status();
        // What it still has to say is of no use. One whose connection has ended is ending, or is
        // ended by its time; why is known then.
        if (!reply.ok() && !absl::IsUnavailable(reply.status())) self->builder_->Cancel();
        self->MaybeEnd();
      },
      std::move(socket));
}

void Unpacking::OnBuilderEnd(absl::Status status) {
  builder_ended_ = std::move(status);
  MaybeEnd();
}

// From a task of its own: it may be called from within Start of what listens.
void Unpacking::MaybeEnd() {
  if (!builder_ended_ || (asked_ && !store_said_) || listener_.on_end == nullptr) return;
  // Who listens holds it, and is held by what it is told by.
  Listener listener = std::exchange(listener_, {});
  host_.loop.Post([self = shared_from_this(), on_end = std::move(listener.on_end)] {
    absl::Status status = self->error_;
    if (self->asked_ && self->store_said_->ok()) return on_end(absl::OkStatus());
    // Its limits were the end of the connection too.
    if (absl::IsResourceExhausted(*self->builder_ended_)) status.Update(*self->builder_ended_);
    // A builder that was cancelled because of what the store said is not what went wrong.
    if (status.ok() && self->asked_ && !self->store_said_->ok()) status = *self->store_said_;
    if (status.ok()) status = *self->builder_ended_;
    if (status.ok()) status = absl::InternalError("the builder ended without a file");
    on_end(absl::Status(status.code(),
                        absl::StrCat(self->package_.name(), " ", self->package_.version(), ": ",
                                     status.message())));
  });
}

}  // namespace warren
