#pragma once
// OpenSSL's part: AES-256-GCM with contexts that are set up once, HKDF-SHA256 and random bytes. One thread an
// object.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "tidemark/bytes.h"

namespace tidemark::codec {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kTagBytes = 16;
inline constexpr std::size_t kNonceBytes = 12;

// Wiped when destroyed.
class CipherKey {
 public:
  CipherKey() = default;
  ~CipherKey();
  CipherKey(const CipherKey&) = default;
  CipherKey& operator=(const CipherKey&) = default;
  std::array<Byte, kKeyBytes>& bytes() { return bytes_; }
  const std::array<Byte, kKeyBytes>& bytes() const { return bytes_; }
  bool operator==(const CipherKey&) const = default;

 private:
  std::array<Byte, kKeyBytes> bytes_{};
};

CipherKey derive_key(ByteView key, ByteView salt, ByteView info);  // HKDF-SHA256
void fill_random(std::span<Byte> to);

using Nonce = std::array<Byte, kNonceBytes>;

// Keeps the key schedules of the last key used in each direction.
class Cipher {
 public:
  Cipher();
  ~Cipher();
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  // Encrypts `data` where it lies and writes the tag.
  void seal(const CipherKey& key, const Nonce& nonce, ByteView associated, std::span<Byte> data,
            std::span<Byte, kTagBytes> tag);
  // Decrypts `sealed` to `to` (as long as `sealed`). False when it is not what was sealed; `to` is garbage
  // then.
  bool open(const CipherKey& key, const Nonce& nonce, ByteView associated, ByteView sealed,
            std::span<const Byte, kTagBytes> tag, Byte* to);

 private:
  struct Direction;
  std::unique_ptr<Direction> sealing_, opening_;
};

}  // namespace tidemark::codec
