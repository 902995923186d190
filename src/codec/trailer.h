#pragma once
// The last 32 bytes of every finished object: docs/repository-format.md "Objects".

#include <array>

#include "codec/frame.h"

namespace tidemark::codec {

std::array<Byte, kTrailerBytes> render_trailer(const ObjectIdentity& identity,
                                               const ObjectReader::Trailer& trailer);
// `last_bytes` ends with the trailer of an object of `object_size` bytes. Error corrupt.
ObjectReader::Trailer parse_trailer(const ObjectIdentity& identity, ByteView last_bytes,
                                    std::uint64_t object_size);

}  // namespace tidemark::codec
