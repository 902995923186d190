#pragma once
// An object that is read in part: frames by their place, the footer by the trailer. One thread.

#include <memory>
#include <optional>
#include <string>

#include "repository/repository.h"
#include "tidemark/error.h"

namespace tidemark::repository {

class StoredObject {
 public:
  // nullopt: there is no such object. Reads and checks the header.
  static std::optional<StoredObject> open(const Repository& repository, codec::ObjectKind kind,
                                          const std::string& name, codec::FrameContext& context);

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  // Where the last frame begins and its number; reads the object's end.
  codec::ObjectReader::Trailer trailer();
  Bytes footer();
  // The stored bytes [offset, offset + count); valid until the next call. Error corrupt when the object is
  // shorter.
  ByteView stored(std::uint64_t offset, std::size_t count);
  // Valid until the context's next use or the next call.
  codec::ObjectReader::Frame frame(const codec::FramePlace& place);
  codec::ObjectReader::Frame open_frame(ByteView stored, std::uint32_t number) {
    return reader_.open_frame(stored, number, false);
  }
  Error damaged(std::string_view why) const;

 private:
  StoredObject(std::string name, codec::ObjectKind kind, std::unique_ptr<ObjectSource> source,
               codec::ObjectReader reader);
  void load_tail();

  std::string name_;
  codec::ObjectKind kind_;
  std::unique_ptr<ObjectSource> source_;
  codec::ObjectReader reader_;
  std::uint64_t size_;
  Bytes tail_;  // the object's last bytes; empty: not loaded
  std::uint64_t tail_offset_ = 0;
  Bytes buffer_;
};

}  // namespace tidemark::repository
