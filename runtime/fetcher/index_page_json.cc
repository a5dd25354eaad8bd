#include <string>
#include <utility>

#include "nlohmann/json.hpp"
#include "runtime/fetcher/index_page.h"

namespace warren {
namespace {

using Json = nlohmann::json;

// Its files are two deep, and what is said of one two more.
constexpr size_t kMaxJsonDepth = 16;
constexpr size_t kRootDepth = 1;
constexpr size_t kFileDepth = 3;
constexpr size_t kDetailDepth = 4;

// Builds no tree: what a page is worth in memory is its files alone.
class PageReader final : public nlohmann::json_sax<Json> {
 public:
  explicit PageReader(const WebUrl& page) : page_(page) {}

  std::vector<PackageFile> TakeFiles() { return std::move(files_); }
  bool has_files() const { return has_files_; }
  bool HasUnusableAlone() const { return has_entries_ && files_.empty(); }
  const std::string& error() const { return error_; }

  bool null() override { return OnValue(); }
  bool boolean(bool value) override {
    if (!AtFile()) return OnValue();
    if (file_key_ == "yanked" && value) file_.yanked.emplace();
    if (IsMetadataKey() && value && !file_.metadata) file_.metadata.emplace();
    return true;
  }
  bool number_integer(number_integer_t) override { return OnValue(); }
  bool number_unsigned(number_unsigned_t) override { return OnValue(); }
  bool number_float(number_float_t, const string_t&) override { return OnValue(); }
  bool binary(binary_t&) override { return OnValue(); }
  bool string(string_t& value) override {
    if (AtFile()) OnFileText(value);
    if (AtDetail() && detail_key_ == "sha256") {
      if (file_key_ == "hashes") file_.sha256 = NormalizedSha256(value);
      if (IsMetadataKey()) file_.metadata = NormalizedSha256(value);
    }
    return OnValue();
  }

  bool start_object(std::size_t) override {
    if (!Enter(true)) return false;
    if (depth_ == kFileDepth && in_files_) file_ = PackageFile(), link_.clear();
    if (AtDetail() && IsMetadataKey() && !file_.metadata) file_.metadata.emplace();
    return true;
  }
  bool key(string_t& value) override {
    if (depth_ == kRootDepth) root_key_ = value;
    if (depth_ == kFileDepth) file_key_ = value;
    if (depth_ == kDetailDepth) detail_key_ = value;
    return true;
  }
  bool end_object() override {
    const bool is_file = AtFile();
    Leave();
    return !is_file || AddFile();
  }
  bool start_array(std::size_t) override {
    if (!Enter(false)) return false;
    if (depth_ == kRootDepth + 1 && is_object_[kRootDepth] && root_key_ == "files")
      in_files_ = has_files_ = true;
    return true;
  }
  bool end_array() override {
    if (depth_ == kRootDepth + 1) in_files_ = false;
    Leave();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return Fail("its page is no JSON");
  }

 private:
  bool Fail(const char* error) {
    if (error_.empty()) error_ = error;
    return false;
  }
  bool Enter(bool is_object) {
    if (depth_ + 1 >= kMaxJsonDepth) return Fail("its page is nested too deep");
    OnValue();
    is_object_[++depth_] = is_object;
    return true;
  }
  void Leave() { --depth_; }
  // Whatever "files" has in it stands for a file.
  bool OnValue() {
    if (in_files_ && depth_ == kFileDepth - 1) has_entries_ = true;
    return true;
  }
  // In an object of "files", or in one that stands for a value of that.
  bool AtFile() const { return in_files_ && depth_ == kFileDepth && is_object_[depth_]; }
  bool AtDetail() const {
    return in_files_ && depth_ == kDetailDepth && is_object_[depth_] && is_object_[kFileDepth];
  }
  bool IsMetadataKey() const {
    return file_key_ == "core-metadata" || file_key_ == "dist-info-metadata";
  }
  void OnFileText(const std::string& value) {
    if (file_key_ == "filename") file_.filename = value;
    if (file_key_ == "url") link_ = value;
    if (file_key_ == "requires-python") file_.requires_python = value;
    if (file_key_ == "yanked") file_.yanked = value;
  }
  bool AddFile() {
    if (files_.size() >= kMaxPackageFiles) return Fail("its page has too many files");
    if (!IsPlainFileName(file_.filename)) return true;
    absl::StatusOr<WebUrl> url = ResolveWebUrl(page_, link_);
    if (!url.ok() || link_.empty()) return true;
    file_.url = std::move(url->text);
    files_.push_back(std::move(file_));
    return true;
  }

  const WebUrl& page_;
  std::vector<PackageFile> files_;
  std::string error_;
  bool has_files_ = false;
  bool has_entries_ = false;
  bool in_files_ = false;
  size_t depth_ = 0;
  bool is_object_[kMaxJsonDepth + 1] = {};
  std::string root_key_;
  std::string file_key_;
  std::string detail_key_;
  PackageFile file_;
  std::string link_;
};

}  // namespace

absl::StatusOr<std::vector<PackageFile>> ParseJsonPage(absl::string_view body, const WebUrl& page) {
  PageReader reader(page);
  const bool read = Json::sax_parse(body.begin(), body.end(), &reader);
  if (!read) {
    return absl::InvalidArgumentError(reader.error().empty() ? "its page is no JSON"
                                                             : reader.error());
  }
  if (!reader.has_files()) return absl::InvalidArgumentError("its page has no list of files");
  if (reader.HasUnusableAlone()) return absl::InvalidArgumentError(kNoUsableFile);
  return reader.TakeFiles();
}

}  // namespace warren
