#include "supervisor/packages/dependency_finder.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/packages/package_name.h"
#include "spdlog/spdlog.h"

namespace warren {

void DependencyFinder::Find(const internal::DependenciesWanted& wanted) {
  if (waiting_ >= kMaxWaiting) return callbacks_.answered(wanted.id());
  ++waiting_;
  places_.Take([this, wanted](BuilderPlaces::Place place) {
    --waiting_;
    Run(wanted, std::move(place));
  });
}

void DependencyFinder::Run(const internal::DependenciesWanted& wanted, BuilderPlaces::Place place) {
  nlohmann::json files = nlohmann::json::array();
  std::vector<std::string> digests;
  for (const internal::FetchedFile& file : wanted.files()) {
    if (known_.contains(file.sha256())) continue;
    files.push_back({{"url", absl::StrCat("http://", kPackageIndexHost, file.path())},
                     {"sha256", file.sha256()}});
    digests.push_back(file.sha256());
  }
  if (files.empty()) return callbacks_.answered(wanted.id());
  Builder::Task task = task_;
  task.job = nlohmann::json{{"files", std::move(files)}}.dump();
  auto builder = std::make_shared<Builder>(host_, pool_);
  auto kept = std::make_shared<BuilderPlaces::Place>(std::move(place));
  builder->Start(
      std::move(task),
      {[this, digests](BuilderWord word) {
         const auto* required = std::get_if<BuilderRequires>(&word);
         if (required == nullptr) return;
         if (known_.size() + digests.size() > kMaxKnown) known_.clear();
         known_.insert(digests.begin(), digests.end());
         callbacks_.learned(required->names);
       },
       [this, id = wanted.id(), sandbox = wanted.sandbox_id(), kept](absl::Status status) mutable {
         if (!status.ok()) {
           spdlog::warn("event=dependencies_not_found sandbox=\"{}\" error=\"{}\"",
                        absl::CEscape(sandbox), absl::CEscape(status.message()));
         }
         callbacks_.answered(id);
         // The next one begins.
         kept.reset();
       }});
}

}  // namespace warren
