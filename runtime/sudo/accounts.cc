#include "runtime/sudo/accounts.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "runtime/sudo/request.h"

namespace warren::sudo {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // The last one means "no change" to the kernel.
  if (error != std::errc() || end != text.data() + text.size() || number == UINT32_MAX)
    return std::nullopt;
  return number;
}

std::optional<Account> ParseAccount(std::string_view line) {
  const std::vector<std::string_view> fields = Split(line, ':');
  if (fields.size() != 7) return std::nullopt;
  const std::optional<uint32_t> uid = Number(fields[2]);
  const std::optional<uint32_t> gid = Number(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return Account{std::string(fields[0]), *uid, *gid, std::string(fields[5]),
                 std::string(fields[6].empty() ? "/bin/sh" : fields[6])};
}

}  // namespace

Account AccountOf(std::string_view passwd, uint32_t uid) {
  for (std::string_view line : Split(passwd, '\n')) {
    std::optional<Account> account = ParseAccount(line);
    if (account && account->uid == uid) return *std::move(account);
  }
  if (uid == 0) return {"root", 0, 0, "/root", "/bin/sh"};
  std::string name = std::to_string(uid);
  name.insert(name.begin(), '#');
  return {std::move(name), uid, uid, "/", "/bin/sh"};
}

std::optional<Account> FindAccount(std::string_view passwd, const std::string& who) {
  if (!who.empty() && who[0] == '#') {
    const std::optional<uint32_t> uid = Number(std::string_view(who).substr(1));
    return uid ? std::optional<Account>(AccountOf(passwd, *uid)) : std::nullopt;
  }
  for (std::string_view line : Split(passwd, '\n')) {
    std::optional<Account> account = ParseAccount(line);
    if (account && account->name == who) return account;
  }
  return who == "root" ? std::optional<Account>(AccountOf("", 0)) : std::nullopt;
}

std::optional<uint32_t> FindGroup(std::string_view group, const std::string& which) {
  if (!which.empty() && which[0] == '#') return Number(std::string_view(which).substr(1));
  for (std::string_view line : Split(group, '\n')) {
    const std::vector<std::string_view> fields = Split(line, ':');
    if (fields.size() == 4 && fields[0] == which) return Number(fields[2]);
  }
  return which == "root" ? std::optional<uint32_t>(0) : std::nullopt;
}

std::vector<uint32_t> GroupsOf(std::string_view group, const Account& account) {
  std::vector<uint32_t> groups = {account.gid};
  for (std::string_view line : Split(group, '\n')) {
    const std::vector<std::string_view> fields = Split(line, ':');
    if (fields.size() != 4 || groups.size() >= kMaxGroups) continue;
    const std::optional<uint32_t> gid = Number(fields[2]);
    if (!gid || *gid == account.gid) continue;
    for (std::string_view member : Split(fields[3], ',')) {
      if (member != account.name) continue;
      groups.push_back(*gid);
      break;
    }
  }
  return groups;
}

}  // namespace warren::sudo
