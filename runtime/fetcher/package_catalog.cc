#include "runtime/fetcher/package_catalog.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/fetcher/index_page.h"
#include "runtime/fetcher/times.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/packages/distribution_file.h"

namespace warren {
namespace {

constexpr int kTries = 3;
constexpr int kPageFound = 200;
constexpr int kPageMissing = 404;
constexpr int kPageGone = 410;

std::string AcceptedPages() {
  return absl::StrCat(kSimpleJson, ", ", kSimpleHtml, ";q=0.2, text/html;q=0.1");
}

// Keeps a page, as long as it is not too long.
class PageSink final : public WebSink {
 public:
  bool OnHead(const WebHead& head) override {
    head_ = head;
    is_too_large_ =
        head.status == kPageFound && head.length.value_or(0) > static_cast<int64_t>(kMaxIndexPage);
    return !is_too_large_;
  }
  bool OnBytes(absl::string_view bytes) override {
    // The text of an error is nobody's.
    if (head_.status != kPageFound) return false;
    is_too_large_ = body_.size() + bytes.size() > kMaxIndexPage;
    if (!is_too_large_) absl::StrAppend(&body_, bytes);
    return !is_too_large_;
  }

  const WebHead& head() const { return head_; }
  const std::string& body() const { return body_; }
  bool is_too_large() const { return is_too_large_; }

 private:
  WebHead head_;
  bool is_too_large_ = false;
  std::string body_;
};

absl::StatusOr<WebUrl> PageUrlOf(const WebIndex& index, absl::string_view package) {
  return ParseWebUrl(absl::StrCat(index.url.text, package, "/"));
}

// Each try has a sink of its own.
absl::Status FetchPage(const WebIndex& index, const WebRequest& request, WebClient& client,
                       std::optional<PageSink>& page) {
  absl::Status status;
  for (int tries = 0; tries < kTries; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kIndexRetryPause);
    page.emplace();
    status = client.Fetch(index, request, *page);
    if (!absl::IsUnavailable(status) || page->head().status != 0) break;
  }
  // It was this sink that had enough.
  if (page->is_too_large()) return absl::ResourceExhaustedError("its page is too large");
  const int answered = page->head().status;
  if (absl::IsCancelled(status) && answered != 0 && answered != kPageFound) return absl::OkStatus();
  return status;
}

absl::StatusOr<std::vector<PackageFile>> WebFiles(const WebIndex& index, absl::string_view package,
                                                  WebClient& client) {
  WebRequest request;
  WARREN_ASSIGN_OR_RETURN(request.url, PageUrlOf(index, package));
  request.accept = AcceptedPages();
  request.until = client.Until(kIndexPageTime);
  std::optional<PageSink> page;
  WARREN_RETURN_IF_ERROR(FetchPage(index, request, client, page));
  const WebHead& head = page->head();
  if (head.status == kPageMissing || head.status == kPageGone) return std::vector<PackageFile>();
  if (head.status != kPageFound)
    return absl::UnavailableError(absl::StrCat("it answers with status ", head.status));
  return ParseIndexPage(head.content_type, page->body(), head.url);
}

// It tells of files, but of none that could be fetched as one of the package's: whether it has the
// package is not known, and so nobody else is asked for it.
absl::Status NothingToUse() { return absl::FailedPreconditionError(kNoUsableFile); }

}  // namespace

absl::StatusOr<std::unique_ptr<PackageCatalog>> PackageCatalog::Create(
    const internal::FetcherSetup& setup, const FetcherHost& host) {
  const config::PackagePolicy& policy = setup.policy();
  WARREN_RETURN_IF_ERROR(ValidatePackagePolicy(policy));
  if (setup.secrets_size() != policy.indexes_size())
    return absl::InvalidArgumentError("not every index has its secrets");
  WARREN_ASSIGN_OR_RETURN(PackageRules rules, PackageRules::Compile(policy));
  std::unique_ptr<PackageCatalog> catalog(
      new PackageCatalog(std::move(rules), policy.source_distributions(), setup.layers_off()));
  for (int i = 0; i < policy.indexes_size(); ++i) {
    const config::PackageIndex& configured = policy.indexes(i);
    const internal::IndexSecrets& secrets = setup.secrets(i);
    Index& index = catalog->indexes_.emplace_back();
    index.name = configured.name().empty() ? absl::StrCat("index-", i + 1) : configured.name();
    index.patterns.assign(configured.packages().begin(), configured.packages().end());
    if (configured.url().substr(0, 1) == "/") {
      index.directory = std::make_unique<DirectoryIndex>(absl::StrCat(host.directories, "/", i));
      continue;
    }
    std::string root = configured.url();
    if (root.empty() || root.back() != '/') root += '/';
    WARREN_ASSIGN_OR_RETURN(WebUrl url, ParseWebUrl(root));
    index.web =
        WebIndex{std::move(url), secrets.credentials(),
                 secrets.certificates().empty() ? host.certificates : secrets.certificates()};
  }
  return catalog;
}

absl::StatusOr<PackageCatalog::Offer> PackageCatalog::Find(absl::string_view package,
                                                           WebClient& client) {
  for (const size_t number : AskedFor(package)) {
    const Index& index = indexes_[number];
    const auto name_index = [&](const absl::Status& status) {
      return absl::Status(status.code() == absl::StatusCode::kNotFound
                              ? absl::StatusCode::kUnavailable
                              : status.code(),
                          absl::StrCat("index \"", index.name, "\": ", status.message()));
    };
    absl::StatusOr<std::vector<PackageFile>> all = AllFiles(index, package, client);
    if (!all.ok() && LayerIsOff(layers_off_, TestLayer::kIndexClaims)) continue;
    if (!all.ok()) return name_index(all.status());
    auto selected = Select(*std::move(all), package);
    if (!selected.ok()) return name_index(selected.status());
    if (*selected) return Offer{number, **std::move(selected)};
  }
  return absl::NotFoundError(absl::StrCat("no index of this server has \"", package, "\""));
}

const WebIndex* PackageCatalog::web(size_t index) const {
  const std::optional<WebIndex>& web = indexes_[index].web;
  return web ? &*web : nullptr;
}

std::vector<WebUrl> PackageCatalog::WebUrls() const {
  std::vector<WebUrl> urls;
  for (const Index& index : indexes_) {
    if (index.web) urls.push_back(index.web->url);
  }
  return urls;
}

std::vector<size_t> PackageCatalog::AskedFor(absl::string_view package) const {
  std::vector<size_t> claim;
  std::vector<size_t> open;
  for (size_t i = 0; i < indexes_.size(); ++i) {
    const std::vector<std::string>& patterns = indexes_[i].patterns;
    if (patterns.empty()) open.push_back(i);
    const bool claims = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& one) {
      return FitsPackagePattern(one, package);
    });
    if (claims) claim.push_back(i);
  }
  if (LayerIsOff(layers_off_, TestLayer::kIndexClaims))
    claim.insert(claim.end(), open.begin(), open.end());
  return claim.empty() ? open : claim;
}

absl::StatusOr<std::vector<PackageFile>> PackageCatalog::AllFiles(const Index& index,
                                                                  absl::string_view package,
                                                                  WebClient& client) const {
  if (index.directory != nullptr) return index.directory->FilesOf(package);
  WARREN_ASSIGN_OR_RETURN(std::vector<PackageFile> files, WebFiles(*index.web, package, client));
  if (index.web->url.scheme == "http") return files;
  // Of an index of https nothing is fetched in the clear.
  const size_t erased = std::erase_if(
      files, [](const PackageFile& file) { return file.url.rfind("https:", 0) != 0; });
  if (files.empty() && erased > 0) return NothingToUse();
  return files;
}

absl::StatusOr<std::optional<std::vector<PackageFile>>> PackageCatalog::Select(
    std::vector<PackageFile> files, absl::string_view package) const {
  bool has_package = false;
  bool has_digest = false;
  std::vector<PackageFile> selected;
  for (PackageFile& file : files) {
    const absl::StatusOr<DistributionFile> parsed = ParseDistributionFile(file.filename, package);
    if (!parsed.ok()) continue;
    has_package = true;
    if (file.sha256.empty()) continue;
    has_digest = true;
    if (parsed->kind == DistributionFile::Kind::kSource && !source_distributions_) continue;
    if (rules_.AllowsVersion(package, parsed->version)) selected.push_back(std::move(file));
  }
  if (!has_package && !files.empty()) return NothingToUse();
  if (!has_package) return std::nullopt;
  if (!has_digest)
    return absl::FailedPreconditionError("it has no SHA-256 of any of the package's files");
  return selected;
}

}  // namespace warren
