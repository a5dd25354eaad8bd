#include "runtime/policy/policy_blob.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

// Aligned as a mapped memfd is.
class Blob {
 public:
  explicit Blob(const std::string& bytes) : words_((bytes.size() + 7) / 8), size_(bytes.size()) {
    // Unlike memcpy, fit for no bytes at all.
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(words_.data()));
  }
  const void* data() const { return words_.data(); }
  size_t size() const { return size_; }

 private:
  std::vector<uint64_t> words_;
  size_t size_;
};

// The filters in the blob, or nothing when the walk failed.
std::vector<std::vector<sock_filter>> Walk(const void* data, size_t size) {
  warren_policy_blob_cursor cursor;
  if (warren_policy_blob_open(&cursor, data, size) != 0) return {};
  std::vector<std::vector<sock_filter>> filters;
  sock_fprog program;
  int more;
  while ((more = warren_policy_blob_next(&cursor, &program)) == 1) {
    filters.emplace_back(program.filter, program.filter + program.len);
  }
  if (more < 0) return {};
  return filters;
}

bool Walks(const std::string& bytes) {
  Blob blob(bytes);
  return !Walk(blob.data(), blob.size()).empty();
}

CompiledPolicy TwoFilters() {
  CompiledPolicy policy;
  policy.filters = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, 1)},
                    {BPF_STMT(BPF_RET | BPF_K, 2)}};
  return policy;
}

template <typename T>
std::string Patched(std::string bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

TEST(PolicyBlobTest, GivesBackWhatWentIn) {
  CompiledPolicy policy = CompileOrDie(LoadOrDie("default"));
  Blob blob(SerializePolicy(policy));
  EXPECT_EQ(blob.size() % 8, 0U);
  auto filters = Walk(blob.data(), blob.size());
  ASSERT_EQ(filters.size(), policy.filters.size());
  for (size_t i = 0; i < filters.size(); ++i) {
    ASSERT_EQ(filters[i].size(), policy.filters[i].size());
    EXPECT_EQ(std::memcmp(filters[i].data(), policy.filters[i].data(),
                          filters[i].size() * sizeof(sock_filter)),
              0);
  }
}

TEST(PolicyBlobTest, RefusesEveryTruncation) {
  std::string bytes = SerializePolicy(TwoFilters());
  ASSERT_TRUE(Walks(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Walks(bytes.substr(0, size))) << size;
    // The same with a header that owns up to the shorter size: the walk itself must notice.
    if (size < sizeof(warren_policy_blob_header)) continue;
    EXPECT_FALSE(Walks(
        Patched<uint64_t>(bytes.substr(0, size), offsetof(warren_policy_blob_header, size), size)))
        << size;
  }
}

TEST(PolicyBlobTest, RefusesWhatFollowsTheLastFilter) {
  std::string bytes = SerializePolicy(TwoFilters()) + std::string(8, '\0');
  EXPECT_FALSE(Walks(bytes));
  EXPECT_FALSE(
      Walks(Patched<uint64_t>(bytes, offsetof(warren_policy_blob_header, size), bytes.size())));
}

TEST(PolicyBlobTest, RefusesAForeignHeader) {
  std::string bytes = SerializePolicy(TwoFilters());
  EXPECT_FALSE(Walks(Patched<uint32_t>(bytes, offsetof(warren_policy_blob_header, magic), 0)));
  EXPECT_FALSE(Walks(Patched<uint16_t>(bytes, offsetof(warren_policy_blob_header, version), 2)));
  EXPECT_FALSE(Walks(Patched<uint16_t>(bytes, offsetof(warren_policy_blob_header, count), 0)));
  EXPECT_FALSE(Walks(Patched<uint16_t>(bytes, offsetof(warren_policy_blob_header, count), 3)));
  EXPECT_FALSE(Walks(Patched<uint16_t>(bytes, offsetof(warren_policy_blob_header, count), 0xffff)));
}

TEST(PolicyBlobTest, RefusesImpossibleLengths) {
  std::string bytes = SerializePolicy(TwoFilters());
  constexpr size_t kFirstLength = sizeof(warren_policy_blob_header);
  for (uint32_t length : {0U, 1U, 3U, 4U, BPF_MAXINSNS + 1U, 0x20000000U, 0xffffffffU}) {
    EXPECT_FALSE(Walks(Patched<uint32_t>(bytes, kFirstLength, length))) << length;
  }
}

TEST(PolicyBlobTest, RefusesAnUnalignedOrMissingBlob) {
  std::string bytes = SerializePolicy(TwoFilters());
  std::vector<uint64_t> room(bytes.size() / 8 + 1);
  char* odd = reinterpret_cast<char*>(room.data()) + 4;
  std::copy(bytes.begin(), bytes.end(), odd);
  EXPECT_TRUE(Walk(odd, bytes.size()).empty());
  EXPECT_TRUE(Walk(nullptr, bytes.size()).empty());
}

TEST(PolicyBlobTest, InstallsNothingFromADamagedBlob) {
  std::string bytes = SerializePolicy(TwoFilters());
  // The first filter is whole, the second cut: were the first installed, this process would not go
  // on.
  Blob blob(Patched<uint64_t>(bytes.substr(0, bytes.size() - 8),
                              offsetof(warren_policy_blob_header, size), bytes.size() - 8));
  errno = 0;
  EXPECT_EQ(warren_policy_blob_install(blob.data(), blob.size()), -1);
  EXPECT_EQ(errno, EINVAL);
}

}  // namespace
}  // namespace warren::testing
