#include "runtime/linux/cpuset.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

// No kernel numbers its processors higher.
constexpr int kMostProcessors = 1 << 16;

// A list in this process's own status: "Cpus_allowed_list", "Mems_allowed_list".
absl::StatusOr<std::string> OwnList(absl::string_view field) {
  WARREN_ASSIGN_OR_RETURN(std::string status, ReadFile("/proc/self/status"));
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    if (absl::ConsumePrefix(&line, field) && absl::ConsumePrefix(&line, ":"))
      return std::string(absl::StripAsciiWhitespace(line));
  }
  return absl::NotFoundError(absl::StrCat("no ", field, " in /proc/self/status"));
}

std::vector<int> Intersection(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<int> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

// The parent's list in `file`, narrowed to this process's own where `field` names it.
absl::Status InheritList(const std::string& group, const char* file, const char* field) {
  WARREN_ASSIGN_OR_RETURN(std::string present, ReadFile(group + file));
  // It may have been born with its parent's.
  if (field == nullptr && !absl::StripAsciiWhitespace(present).empty()) return absl::OkStatus();
  const std::string parent = std::filesystem::path(group).parent_path().string();
  WARREN_ASSIGN_OR_RETURN(std::string inherited, ReadFile(parent + file));
  if (absl::StripAsciiWhitespace(inherited).empty())
    return absl::NotFoundError(absl::StrCat(parent, file, " is empty"));
  if (field != nullptr) {
    WARREN_ASSIGN_OR_RETURN(std::string own, OwnList(field));
    const std::vector<int> both = Intersection(ParseProcessors(inherited), ParseProcessors(own));
    if (!both.empty()) inherited = FormatProcessors(both);
  }
  return WriteControlFile(AT_FDCWD, group + file, inherited);
}

}  // namespace

bool HasCpuset(const internal::HostFacts& facts) {
  auto mount = facts.controllers().find("cpuset");
  if (mount == facts.controllers().end()) return false;
  const bool v1 = ::access(absl::StrCat(mount->second, "/tasks").c_str(), F_OK) == 0;
  return v1 == (facts.cgroup_mode() == internal::HostFacts::V1);
}

absl::Status InheritCpuset(const std::string& group) {
  WARREN_RETURN_IF_ERROR(InheritList(group, "/cpuset.cpus", nullptr));
  return InheritList(group, "/cpuset.mems", nullptr);
}

absl::Status InheritOwnCpuset(const std::string& group) {
  WARREN_RETURN_IF_ERROR(InheritList(group, "/cpuset.cpus", "Cpus_allowed_list"));
  WARREN_RETURN_IF_ERROR(InheritList(group, "/cpuset.mems", "Mems_allowed_list"));
  return WriteControlFile(AT_FDCWD, group + "/cgroup.clone_children", "1");
}

absl::StatusOr<Processors> FindProcessors(int group, internal::HostFacts::CgroupMode mode) {
  const bool v2 = mode == internal::HostFacts::V2;
  const char* file = v2 ? "cpuset.cpus.effective" : "cpuset.effective_cpus";
  UniqueFd fd(::openat(group, file, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Errno(absl::StrCat("open ", file));
  char buffer[4096];
  const ssize_t size = ::read(fd.get(), buffer, sizeof(buffer));
  if (size < 0) return Errno(absl::StrCat("read ", file));
  WARREN_ASSIGN_OR_RETURN(std::string own, OwnList("Cpus_allowed_list"));
  std::vector<int> usable = Intersection(
      ParseProcessors(absl::string_view(buffer, static_cast<size_t>(size))), ParseProcessors(own));
  if (usable.empty()) return absl::NotFoundError("no processor that groups and launcher share");
  Processors processors;
  processors.count = static_cast<int>(usable.size());
  // v2: those of the parent, whichever they are by then.
  processors.all = v2 ? "\n" : FormatProcessors(usable);
  usable.pop_back();
  processors.all_but_one = FormatProcessors(usable);
  return processors;
}

std::vector<int> ParseProcessors(absl::string_view list) {
  std::vector<int> processors;
  for (absl::string_view range : absl::StrSplit(absl::StripAsciiWhitespace(list), ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(range, '-');
    int first = 0;
    int last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &first) ||
        !absl::SimpleAtoi(ends.back(), &last) || first < 0 || last < first ||
        last >= kMostProcessors) {
      return {};
    }
    for (int processor = first; processor <= last; ++processor) processors.push_back(processor);
  }
  return processors;
}

std::string FormatProcessors(const std::vector<int>& processors) {
  std::vector<std::string> ranges;
  for (size_t begin = 0; begin < processors.size();) {
    size_t end = begin + 1;
    while (end < processors.size() && processors[end] == processors[end - 1] + 1) ++end;
    ranges.push_back(end - begin == 1 ? absl::StrCat(processors[begin])
                                      : absl::StrCat(processors[begin], "-", processors[end - 1]));
    begin = end;
  }
  return absl::StrJoin(ranges, ",");
}

}  // namespace warren
