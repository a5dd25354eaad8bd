// Runs a fuzz target's function over its corpus: every file of the directory, every prefix of each,
// and each with every byte flipped once.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMaxVaried = 4096;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

void RunVariations(std::string input) {
  Run(input);
  const size_t varied = std::min(input.size(), kMaxVaried);
  for (size_t length = 0; length < varied; ++length) Run(input.substr(0, length));
  for (size_t i = 0; i < varied; ++i) {
    input[i] = static_cast<char>(~input[i]);
    Run(input);
    input[i] = static_cast<char>(~input[i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    RunVariations({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    ++files;
  }
  std::printf("%d files replayed\n", files);
  return files > 0 ? 0 : 1;
}
