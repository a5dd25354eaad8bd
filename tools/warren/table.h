#ifndef WARREN_TOOLS_WARREN_TABLE_H_
#define WARREN_TOOLS_WARREN_TABLE_H_

#include <string>
#include <vector>

namespace warren {

// Columns of text for a terminal, as wide as their widest cell, two spaces apart. Cells are printed
// as they are: escape foreign text before. Thread-compatible. Lifecycle: AddRow* → Render.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  // As many cells as the header has.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Lines without trailing spaces; a column whose cells are all empty is left out with its header.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_TABLE_H_
