#include "tools/warren/files/file_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

char TypeLetter(v1::FileEntry::Type type) {
  switch (type) {
    case v1::FileEntry::REGULAR:
      return '-';
    case v1::FileEntry::DIRECTORY:
      return 'd';
    case v1::FileEntry::SYMLINK:
      return 'l';
    default:
      return '?';
  }
}

// "x" with the letter of set-user-id and its like over it, as ls shows them.
char ExecuteLetter(bool executable, bool special, char letter) {
  if (!special) return executable ? 'x' : '-';
  return executable ? letter : absl::ascii_toupper(static_cast<unsigned char>(letter));
}

}  // namespace

std::string ModeText(const v1::FileEntry& entry) {
  uint32_t mode = entry.mode();
  std::string text(1, TypeLetter(entry.type()));
  for (int shift : {6, 3, 0}) {
    uint32_t bits = mode >> static_cast<unsigned>(shift);
    text.push_back((bits & 4U) != 0 ? 'r' : '-');
    text.push_back((bits & 2U) != 0 ? 'w' : '-');
    bool special = (mode & (shift == 6 ? 04000U : shift == 3 ? 02000U : 01000U)) != 0;
    text.push_back(ExecuteLetter((bits & 1U) != 0, special, shift == 0 ? 't' : 's'));
  }
  return text;
}

std::vector<std::string> LongCells(const v1::FileEntry& entry, const std::string& name) {
  std::string shown = Safe(name);
  if (entry.type() == v1::FileEntry::SYMLINK) {
    absl::StrAppend(&shown, " -> ", Safe(entry.symlink_target()));
  }
  return {
      ModeText(entry),
      Safe(entry.owner()),
      Safe(entry.group()),
      absl::StrCat(entry.size_bytes()),
      absl::FormatTime("%Y-%m-%d %H:%M:%S", ToAbslTime(entry.modified_at()), absl::LocalTimeZone()),
      std::move(shown)};
}

nlohmann::ordered_json EntryObject(const v1::FileEntry& entry) {
  nlohmann::ordered_json object;
  PutBytes(object, "path", "path_base64", entry.path());
  object["type"] = absl::AsciiStrToLower(v1::FileEntry::Type_Name(entry.type()));
  object["size_bytes"] = entry.size_bytes();
  object["mode"] = absl::StrFormat("%04o", entry.mode());
  object["uid"] = entry.uid();
  object["gid"] = entry.gid();
  object["owner"] = entry.owner();
  object["group"] = entry.group();
  object["modified_at"] =
      absl::FormatTime(absl::RFC3339_full, ToAbslTime(entry.modified_at()), absl::UTCTimeZone());
  if (entry.type() == v1::FileEntry::SYMLINK) {
    PutBytes(object, "symlink_target", "symlink_target_base64", entry.symlink_target());
  }
  if (!entry.attributes().empty()) {
    nlohmann::ordered_json attributes = nlohmann::ordered_json::object();
    for (const auto& [name, value] : entry.attributes()) {
      attributes[name] = absl::Base64Escape(value);
    }
    object["attributes_base64"] = std::move(attributes);
  }
  if (entry.attributes_cut()) object["attributes_cut"] = true;
  if (entry.not_listed()) object["not_listed"] = true;
  return object;
}

}  // namespace warren
