#include "runtime/fetcher/client_threads.h"

#include <sys/socket.h>

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

void SetReset(int fd) {
  const linger now = {1, 0};
  const int ignored = ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  (void)ignored;
}

}  // namespace

ClientThreads::~ClientThreads() {
  std::vector<std::thread> left;
  {
    MutexLock lock(&mu_);
    for (auto& [id, running] : running_) {
      ::shutdown(running.fd.get(), SHUT_RDWR);
      left.push_back(std::move(running.thread));
    }
  }
  for (std::thread& thread : left) thread.join();
  JoinEnded();
}

ClientThreads::Count ClientThreads::CountOf(const std::string& sandbox_id, bool refused) const {
  Count count;
  for (const auto& [id, running] : running_) {
    if (running.refused != refused) continue;
    ++count.all;
    if (running.client == internal::USER) ++count.of_users;
    if (running.sandbox_id == sandbox_id) ++count.of_sandbox;
  }
  return count;
}

void ClientThreads::Start(internal::PackageConnection who, UniqueFd fd) {
  JoinEnded();
  MutexLock lock(&mu_);
  const Count count = CountOf(who.sandbox_id(), false);
  Client client{std::move(who), fd.get(), ""};
  if (count.of_sandbox >= kMostOfSandbox) {
    client.refusal = absl::StrCat("this sandbox has ", count.of_sandbox,
                                  " connections to the package index, which is as many as it may");
  } else if (count.all >= kMost ||
             (client.who.client() == internal::USER && count.of_users >= kMostOfUsers)) {
    client.refusal = absl::StrCat("all sandboxes together have ", count.all,
                                  " connections to the package index, which is as many as it has");
  }
  const bool refused = !client.refusal.empty();
  if (refused) {
    const Count others = CountOf(client.who.sandbox_id(), true);
    if (others.all >= kMostRefused || others.of_sandbox >= kMostRefusedOfSandbox)
      return SetReset(fd.get());
  }
  const uint64_t id = ++last_;
  Running& running = running_[id];
  running.fd = std::move(fd);
  running.sandbox_id = client.who.sandbox_id();
  running.client = client.who.client();
  running.refused = refused;
  // The one thing here that throws: where the host has no room for a thread.
  try {
    running.thread = std::thread([this, id, client = std::move(client)] { Run(id, client); });
  } catch (const std::system_error&) {
    SetReset(running.fd.get());
    running_.erase(id);
  }
}

void ClientThreads::Cut(const std::string& sandbox_id) {
  MutexLock lock(&mu_);
  for (auto& [id, running] : running_) {
    if (running.sandbox_id == sandbox_id) ::shutdown(running.fd.get(), SHUT_RDWR);
  }
}

void ClientThreads::Run(uint64_t id, const Client& client) {
  work_(client);
  MutexLock lock(&mu_);
  auto found = running_.find(id);
  // Where the destructor has taken it, the thread is joined there.
  if (found->second.thread.joinable()) ended_.push_back(std::move(found->second.thread));
  running_.erase(found);
}

void ClientThreads::JoinEnded() {
  std::vector<std::thread> ended;
  {
    MutexLock lock(&mu_);
    ended.swap(ended_);
  }
  for (std::thread& thread : ended) thread.join();
}

}  // namespace warren
