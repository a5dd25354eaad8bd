#include "runtime/plan/template_store.h"

#include <openssl/sha.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

std::string Sha256(const std::string& data) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
  return absl::StrCat("sha256:", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<char*>(digest), sizeof(digest))));
}

bool ValidName(const std::string& name) {
  auto ok = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= 63 && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), ok);
}

bool ValidAbsolute(const std::string& path) {
  return path.size() > 1 && path.size() < 100 && path[0] == '/' && path.back() != '/' &&
         fs::path(path).lexically_normal().string() == path &&
         path.find_first_of(":,\\") == std::string::npos;
}

// What is wrong with the profiles that a recipe grants; empty where nothing is.
std::string ProfilesError(const config::TemplateRecipe& recipe) {
  const auto& profiles = recipe.profiles();
  const auto count = [&](absl::string_view name) {
    return std::count(profiles.begin(), profiles.end(), name);
  };
  if (profiles.empty()) return "";
  if (count("user") != 1 || count("root") > 1 || count("user") + count("root") != profiles.size()) {
    return "profiles are \"user\", and \"root\" where it is granted";
  }
  const std::string& policy = recipe.seccomp_policy();
  if (count("root") == 1 && !policy.empty() && policy != "default") {
    return absl::StrCat("profile \"root\" has a seccomp policy of its own, which would go past \"",
                        absl::CEscape(policy), "\": grant \"user\" only");
  }
  return "";
}

absl::Status CheckRecipe(const config::TemplateRecipe& recipe, const std::string& directory_name,
                         const std::string& path) {
  auto invalid = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", why));
  };
  if (!ValidName(recipe.name()) || recipe.name() != directory_name) {
    return invalid("name must be that of its directory, [a-z0-9][a-z0-9-]{0,62}");
  }
  if (recipe.source_case() == config::TemplateRecipe::SOURCE_NOT_SET)
    return invalid("no source: give host or debian");
  if (!ValidAbsolute(recipe.python())) return invalid("python must be an absolute path");
  if (recipe.host().directories_size() > 8) return invalid("at most 8 directories of the host");
  for (const std::string& directory : recipe.host().directories()) {
    if (!ValidAbsolute(directory))
      return invalid(absl::StrCat("bad directory \"", directory, "\""));
  }
  const std::string wrong = ProfilesError(recipe);
  return wrong.empty() ? absl::OkStatus() : invalid(wrong);
}

// What of a recipe its tree is made and checked from; the rest says what sandboxes get.
std::string TreeSource(config::TemplateRecipe recipe) {
  recipe.clear_description();
  recipe.clear_limits();
  recipe.clear_seccomp_policy();
  recipe.clear_warmup();
  recipe.clear_start();
  recipe.clear_profiles();
  return recipe.SerializeAsString();
}

// True when the tree in `built` is one that `recipe` would make: made from the same file, or from
// one that differs in nothing that reaches the tree. The builder leaves a copy of that file.
bool IsCurrent(const fs::path& built, const config::TemplateManifest& manifest,
               const config::TemplateRecipe& recipe, const std::string& recipe_digest) {
  if (manifest.recipe_digest() == recipe_digest) return true;
  absl::StatusOr<std::string> text = ReadFile((built / "recipe.textproto").string());
  config::TemplateRecipe stored;
  return text.ok() && Sha256(*text) == manifest.recipe_digest() &&
         google::protobuf::TextFormat::ParseFromString(*text, &stored) &&
         TreeSource(stored) == TreeSource(recipe);
}

// Fills in what the store holds of a built template.
void ReadBuilt(const std::string& store_dir, const std::string& recipe_digest, Template& result) {
  const std::string& name = result.recipe.name();
  fs::path built = fs::path(store_dir) / name;
  const std::string store =
      store_dir == kDefaultTemplateStore ? "" : absl::StrCat("--store ", store_dir, " ");
  std::string remedy = absl::StrCat("; run `rootfs/build ", store, name, "`");
  absl::StatusOr<std::string> manifest = ReadFile((built / "manifest.textproto").string());
  if (!manifest.ok()) {
    result.unavailable = absl::StrCat("not built", remedy);
    return;
  }
  if (!google::protobuf::TextFormat::ParseFromString(*manifest, &result.manifest)) {
    result.unavailable = absl::StrCat("its manifest is damaged", remedy);
    return;
  }
  if (!IsCurrent(built, result.manifest, result.recipe, recipe_digest)) {
    result.unavailable = absl::StrCat("built from an older recipe", remedy);
    return;
  }
  std::error_code error;
  if (!fs::is_directory(built / "rootfs", error)) {
    result.unavailable = absl::StrCat("its root file system is missing", remedy);
    return;
  }
  result.rootfs = (built / "rootfs").string();
  result.digest = result.manifest.tree_digest();
}

absl::StatusOr<Template> LoadTemplate(const fs::path& directory, const std::string& store_dir) {
  std::string path = (directory / "recipe.textproto").string();
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  Template result;
  if (!google::protobuf::TextFormat::ParseFromString(text, &result.recipe)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a TemplateRecipe in protobuf text format"));
  }
  WARREN_RETURN_IF_ERROR(CheckRecipe(result.recipe, directory.filename().string(), path));
  std::error_code error;
  if (fs::exists(directory / "warmup.py", error)) {
    WARREN_ASSIGN_OR_RETURN(result.warmup, ReadFile((directory / "warmup.py").string(), 64 << 10));
  }
  result.digest = Sha256(text);
  if (result.recipe.has_debian()) ReadBuilt(store_dir, Sha256(text), result);
  return result;
}

}  // namespace

absl::StatusOr<std::map<std::string, Template>> LoadTemplates(const std::string& recipes_dir,
                                                              const std::string& store_dir) {
  std::map<std::string, Template> templates;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(recipes_dir, error)) {
    if (!fs::exists(entry.path() / "recipe.textproto", error)) continue;
    WARREN_ASSIGN_OR_RETURN(Template loaded, LoadTemplate(entry.path(), store_dir));
    templates.emplace(loaded.recipe.name(), std::move(loaded));
  }
  if (templates.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no template recipe below ", recipes_dir, ": is the installation complete?"));
  }
  return templates;
}

}  // namespace warren
