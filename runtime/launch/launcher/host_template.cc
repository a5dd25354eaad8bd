#include "runtime/launch/launcher/host_template.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/plan/launch_plan.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

struct Directory {
  const char* path;
  mode_t mode;
  uid_t owner;
};
constexpr Directory kDirectories[] = {
    {"dev", 0755, 0},  {"etc", 0755, 0}, {"home", 0755, 0},       {"home/user", 0755, kUserUid},
    {"mnt", 0755, 0},  {"opt", 0755, 0}, {"opt/warren", 0755, 0}, {"proc", 0555, 0},
    {"root", 0700, 0}, {"run", 0755, 0}, {"srv", 0755, 0},        {"sys", 0555, 0},
    {"tmp", 01777, 0}, {"var", 0755, 0}, {"var/tmp", 01777, 0},   {"var/lib", 0755, 0},
};

// Debian's merged /usr.
constexpr const char* kUsrLinks[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

struct TextFile {
  const char* path;
  const char* text;
};
constexpr TextFile kFiles[] = {
    {"etc/passwd",
     "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000:user:/home/user:/bin/bash\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"},
    {"etc/hostname", "sandbox\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
    // A sandbox has its own over it.
    {"etc/resolv.conf", ""},
};

// Another one whenever something above or below changes what is in a skeleton.
constexpr int kSkeletonVersion = 2;

absl::Status FileError(absl::string_view what, const fs::path& path, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat(what, " ", path.string()));
}

absl::Status MakeSkeletonDirectory(const fs::path& path, const Directory& directory) {
  // chmod after mkdir: the umask does not apply to it.
  if (::mkdir(path.c_str(), directory.mode) != 0 ||
      ::chown(path.c_str(), directory.owner, directory.owner) != 0 ||
      ::chmod(path.c_str(), directory.mode) != 0) {
    return Errno(absl::StrCat("make directory ", path.string()));
  }
  return absl::OkStatus();
}

absl::Status WriteTexts(const fs::path& root) {
  for (const TextFile& file : kFiles) {
    std::ofstream out(root / file.path);
    out << file.text;
    if (!out.flush()) return Errno(absl::StrCat("write ", (root / file.path).string()));
  }
  return absl::OkStatus();
}

absl::Status CopyFromHost(const fs::path& root, const config::TemplateRecipe::HostSource& host) {
  for (const std::string& source : host.copies()) {
    std::error_code error;
    if (!fs::exists(source, error)) continue;
    fs::path target = root / fs::path(source).relative_path();
    fs::create_directories(target.parent_path(), error);
    if (!error)
      fs::copy(source, target, fs::copy_options::recursive | fs::copy_options::copy_symlinks,
               error);
    if (error) return FileError("copy into the template", source, error);
  }
  return absl::OkStatus();
}

absl::Status FillSkeleton(const fs::path& root, const Template& source) {
  for (const Directory& directory : kDirectories) {
    WARREN_RETURN_IF_ERROR(MakeSkeletonDirectory(root / directory.path, directory));
  }
  WARREN_RETURN_IF_ERROR(WriteTexts(root));
  for (const std::string& directory : source.recipe.host().directories()) {
    std::error_code error;
    if (!fs::is_directory(directory, error)) {
      return absl::FailedPreconditionError(absl::StrCat("template ", source.recipe.name(), " uses ",
                                                        directory,
                                                        " of the host, which is no directory"));
    }
    fs::create_directories(root / fs::path(directory).relative_path(), error);
    if (error) return FileError("make mount point for", directory, error);
  }
  for (const char* link : kUsrLinks) {
    std::error_code error;
    if (!fs::is_symlink(fs::path("/") / link, error)) continue;
    fs::create_symlink(fs::path("usr") / link, root / link, error);
    if (error) return FileError("make link", root / link, error);
  }
  return CopyFromHost(root, source.recipe.host());
}

// One supervisor at a time makes a skeleton; the lock goes with its fd.
absl::StatusOr<UniqueFd> LockStore(const fs::path& directory) {
  UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) return Errno(absl::StrCat("open ", directory.string()));
  if (::flock(lock.get(), LOCK_EX) != 0) return Errno(absl::StrCat("lock ", directory.string()));
  return lock;
}

}  // namespace

absl::StatusOr<std::string> MakeHostTemplate(const Template& source, const std::string& store_dir) {
  std::error_code error;
  fs::path directory = fs::path(store_dir) / source.recipe.name();
  fs::create_directories(directory, error);
  if (error) return FileError("make the template store", directory, error);
  WARREN_ASSIGN_OR_RETURN(UniqueFd lock, LockStore(directory));
  // Named after the recipe, and what is made of it here: a running supervisor keeps the tree that
  // it started with.
  fs::path root = directory / absl::StrCat("rootfs-", kSkeletonVersion, "-",
                                           absl::string_view(source.digest).substr(7, 16));
  if (fs::is_directory(root, error)) return root.string();
  fs::path unfinished = directory / "unfinished";
  fs::remove_all(unfinished, error);
  if (!fs::create_directory(unfinished, error)) return FileError("make", unfinished, error);
  absl::Status status = FillSkeleton(unfinished, source);
  if (status.ok()) {
    fs::rename(unfinished, root, error);
    if (!error) return root.string();
    status = FileError("rename", unfinished, error);
  }
  fs::remove_all(unfinished, error);
  return status;
}

}  // namespace warren
