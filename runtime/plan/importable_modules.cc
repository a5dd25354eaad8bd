#include "runtime/plan/importable_modules.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/plan/package_directories.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string, std::less<>>;

bool IsIdentifier(absl::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// "pandas" of the folder pandas, of pandas.py and of pandas.cpython-313-x86_64-linux-gnu.so; empty
// for what is no module.
std::string ModuleOf(const fs::directory_entry& entry) {
  std::error_code error;
  const std::string file = entry.path().filename().string();
  std::string name = file.substr(0, file.find('.'));
  const bool importable = name == file
                              ? entry.is_directory(error)
                              : absl::EndsWith(file, ".so") || file == absl::StrCat(name, ".py");
  return importable && IsIdentifier(name) && name != "__pycache__" ? name : "";
}

void AddModules(const fs::path& directory, Names& names) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (std::string name = ModuleOf(*it); !name.empty()) names.insert(std::move(name));
  }
}

// "python3.13", by the interpreter's own name or by that of what it links to; empty otherwise.
std::string VersionedName(const fs::path& interpreter) {
  std::error_code error;
  const fs::path target = fs::read_symlink(interpreter, error);
  std::string name = (error ? interpreter : target).filename().string();
  const bool versioned = absl::StartsWith(name, "python3.") && name.size() > 8 &&
                         std::all_of(name.begin() + 8, name.end(), absl::ascii_isdigit);
  return versioned ? name : "";
}

// sys.path of an isolated interpreter in PREFIX/bin, as Debian and as upstream have it.
Names ImportableIn(const Template& from) {
  Names names;
  const fs::path root = from.recipe.has_host() ? fs::path("/") : fs::path(from.rootfs);
  const fs::path python = root / fs::path(from.recipe.python()).relative_path();
  const std::string version = VersionedName(python);
  if (version.empty()) return names;
  const fs::path prefix = python.parent_path().parent_path();
  const fs::path library = prefix / "lib" / version;
  AddModules(library, names);
  AddModules(library / "lib-dynload", names);
  for (const std::string& directory : PackageDirectories(prefix.string(), version))
    AddModules(directory, names);
  return names;
}

Names Preloaded(const config::TemplateRecipe& recipe) {
  Names names;
  for (const std::string& module : recipe.preload()) {
    std::string top = module.substr(0, module.find('.'));
    if (IsIdentifier(top)) names.insert(std::move(top));
  }
  return names;
}

}  // namespace

std::set<std::string, std::less<>> ImportableModules(const Template& from) {
  return from.unavailable.empty() ? ImportableIn(from) : Preloaded(from.recipe);
}

}  // namespace warren
