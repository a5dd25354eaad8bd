#ifndef WARREN_TOOLS_WARREN_FILES_FILE_TEXT_H_
#define WARREN_TOOLS_WARREN_FILES_FILE_TEXT_H_

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "warren/v1/file.pb.h"

// Entries of a sandbox's directories, for people and for programs. Pure functions.
namespace warren {

// "drwxr-xr-x"
std::string ModeText(const v1::FileEntry& entry);

// The cells of one line of `ls -l`, under the name that is shown; escaped.
std::vector<std::string> LongCells(const v1::FileEntry& entry, const std::string& name);

// All of it: what is no UTF-8 of names and attributes is told beside them in base64 (PutBytes).
nlohmann::ordered_json EntryObject(const v1::FileEntry& entry);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_FILE_TEXT_H_
