#include "codec/keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <utility>

#include "codec/cipher.h"
#include "tidemark/error.h"

namespace tidemark::codec {

SecretBytes::SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
SecretBytes::~SecretBytes() {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
}
SecretBytes::SecretBytes(const SecretBytes&) = default;
SecretBytes& SecretBytes::operator=(const SecretBytes& other) {
  SecretBytes copy(other);
  std::swap(bytes_, copy.bytes_);
  return *this;
}
SecretBytes::SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Secrets Secrets::unencrypted(const RepositoryId& repository) {
  Secrets secrets;
  secrets.repository_ = repository;
  secrets.hash_seed_ = load_le<std::uint64_t>(repository.bytes().data());
  return secrets;
}

Secrets Secrets::with_key(const RepositoryId& repository, const SecretBytes& repository_key) {
  if (repository_key.bytes().size() != kKeyBytes)
    throw Error(ErrorKind::internal, "a repository key has 32 bytes");
  Secrets secrets;
  secrets.repository_ = repository;
  secrets.key_ = repository_key;
  const CipherKey seed =
      derive_key(repository_key.bytes(), repository.bytes(), as_bytes("tidemark hash seed 1"));
  secrets.hash_seed_ = load_le<std::uint64_t>(seed.bytes().data());
  return secrets;
}

void fill_random(std::span<Byte> to) {
  if (RAND_bytes(to.data(), static_cast<int>(to.size())) != 1) {
    throw Error(ErrorKind::io, "the random number generator of OpenSSL gives nothing");
  }
}

SecretBytes random_key() {
  std::array<Byte, kKeyBytes> bytes;
  fill_random(bytes);
  SecretBytes key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

RepositoryId random_repository_id() {
  std::array<Byte, 16> bytes;
  fill_random(bytes);
  return RepositoryId(bytes);
}

std::uint64_t random_number() {
  std::array<Byte, 8> bytes;
  fill_random(bytes);
  return load_le<std::uint64_t>(bytes.data());
}

}  // namespace tidemark::codec
