#ifndef WARREN_RUNTIME_FETCHER_PACKAGE_CATALOG_H_
#define WARREN_RUNTIME_FETCHER_PACKAGE_CATALOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/fetcher/directory_index.h"
#include "runtime/fetcher/package_file.h"
#include "runtime/fetcher/web_client.h"
#include "runtime/packages/package_policy.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// What of the host's the fetcher works with.
struct FetcherHost {
  // PEM, for indexes without certificates of their own; empty where the host has none.
  std::string certificates;
  // Where indexes that are directories are: index I at directories/I.
  std::string directories;
};

// The policy's indexes, and which of them has a package. Thread-safe, but for what it is given.
class PackageCatalog {
 public:
  // INVALID_ARGUMENT: an index that cannot be used.
  static absl::StatusOr<std::unique_ptr<PackageCatalog>> Create(const internal::FetcherSetup& setup,
                                                                const FetcherHost& host);

  // An index's files of a package that sandboxes may have, which may be none.
  struct Offer {
    size_t index = 0;
    std::vector<PackageFile> files;
  };
  // Of the first index that has any file of it, by its normalized name: those behind are not asked,
  // and where one fails, nobody answers in its place. One whose page tells of files alone that
  // cannot be used has failed. NOT_FOUND: none has it; CANCELLED: the client has gone; of other
  // errors the message names the index, and says nothing else that is not for sandboxes.
  absl::StatusOr<Offer> Find(absl::string_view package, WebClient& client);

  size_t size() const { return indexes_.size(); }
  const std::string& NameOf(size_t index) const { return indexes_[index].name; }
  // Null of one that is a directory, and the other way round.
  const WebIndex* web(size_t index) const;
  DirectoryIndex* directory(size_t index) const { return indexes_[index].directory.get(); }
  const PackageRules& rules() const { return rules_; }
  // Those in the web, as WebClient::Setup has them.
  std::vector<WebUrl> WebUrls() const;

 private:
  struct Index {
    std::string name;
    std::vector<std::string> patterns;
    std::optional<WebIndex> web;
    std::unique_ptr<DirectoryIndex> directory;
  };

  PackageCatalog(PackageRules rules, bool source_distributions, uint32_t layers_off)
      : rules_(std::move(rules)),
        source_distributions_(source_distributions),
        layers_off_(layers_off) {}

  // The indexes that may be asked for it, in their order.
  std::vector<size_t> AskedFor(absl::string_view package) const;
  // All that the index has; empty where it does not know the package.
  absl::StatusOr<std::vector<PackageFile>> AllFiles(const Index& index, absl::string_view package,
                                                    WebClient& client) const;
  // Nothing where there is no file.
  absl::StatusOr<std::optional<std::vector<PackageFile>>> Select(std::vector<PackageFile> files,
                                                                 absl::string_view package) const;

  const PackageRules rules_;
  const bool source_distributions_;
  const uint32_t layers_off_;
  std::vector<Index> indexes_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_PACKAGE_CATALOG_H_
