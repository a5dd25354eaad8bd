#include "supervisor/gateway/http/gzip.h"

#include <utility>

namespace warren {
namespace {

// zlib's own word for gzip's format and no other, with the largest window.
constexpr int kGzipWindow = 15 + 16;
constexpr size_t kOutputStep = 64 << 10;
// A file on its way to a client who asked for gzip: less work, not the smallest.
constexpr int kLevel = 1;

Bytef* AsInput(absl::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

void Gunzip::Free::operator()(z_stream* stream) const {
  ::inflateEnd(stream);
  delete stream;
}

absl::StatusOr<Gunzip> Gunzip::Make() {
  auto stream = std::make_unique<z_stream>();
  if (::inflateInit2(stream.get(), kGzipWindow) != Z_OK)
    return absl::ResourceExhaustedError("no memory to unpack gzip with");
  return Gunzip(std::unique_ptr<z_stream, Free>(stream.release()));
}

void Gunzip::Give(absl::string_view compressed) {
  stream_->next_in = AsInput(compressed);
  stream_->avail_in = static_cast<uInt>(compressed.size());
}

absl::StatusOr<std::string> Gunzip::Take(size_t limit) {
  if (ended_) {
    if (stream_->avail_in == 0) return std::string();
    return absl::InvalidArgumentError("the body goes on behind the end of its gzip stream");
  }
  std::string plain(limit, '\0');
  stream_->next_out = reinterpret_cast<Bytef*>(plain.data());
  stream_->avail_out = static_cast<uInt>(limit);
  const int result = ::inflate(stream_.get(), Z_NO_FLUSH);
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
    return absl::InvalidArgumentError("the body is not the gzip that its Content-Encoding says");
  ended_ = result == Z_STREAM_END;
  plain.resize(limit - stream_->avail_out);
  // The end of the stream may have come without a byte: what follows it is found at once.
  if (plain.empty() && ended_) return Take(limit);
  return plain;
}

void Gzip::Free::operator()(z_stream* stream) const {
  ::deflateEnd(stream);
  delete stream;
}

absl::StatusOr<Gzip> Gzip::Make() {
  auto stream = std::make_unique<z_stream>();
  if (::deflateInit2(stream.get(), kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return absl::ResourceExhaustedError("no memory to pack gzip with");
  return Gzip(std::unique_ptr<z_stream, Free>(stream.release()));
}

std::string Gzip::Add(absl::string_view plain) { return Run(plain, Z_NO_FLUSH); }
std::string Gzip::Finish() { return Run("", Z_FINISH); }

std::string Gzip::Run(absl::string_view plain, int flush) {
  stream_->next_in = AsInput(plain);
  stream_->avail_in = static_cast<uInt>(plain.size());
  std::string packed;
  do {
    const size_t before = packed.size();
    packed.resize(before + kOutputStep);
    stream_->next_out = reinterpret_cast<Bytef*>(packed.data() + before);
    stream_->avail_out = kOutputStep;
    // Fails only where its state is broken.
    ::deflate(stream_.get(), flush);
    packed.resize(before + kOutputStep - stream_->avail_out);
  } while (stream_->avail_out == 0);
  return packed;
}

}  // namespace warren
