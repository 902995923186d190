#pragma once
// Secrets of a repository: design.md "Encryption". The repository key (32 random bytes) never changes for
// what it sealed; keys/<n> holds it wrapped with a key derived from the user's key file, so that the key file
// can change without rewriting.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tidemark/bytes.h"
#include "tidemark/identity.h"

namespace tidemark::codec {

// Wiped when destroyed; never printed.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(ByteView bytes);
  ~SecretBytes();
  SecretBytes(const SecretBytes&);
  SecretBytes& operator=(const SecretBytes&);
  SecretBytes(SecretBytes&&) noexcept;
  SecretBytes& operator=(SecretBytes&&) noexcept;
  ByteView bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

// What sealing and opening objects of one repository needs. Cheap to copy; any thread.
class Secrets {
 public:
  static Secrets unencrypted(const RepositoryId& repository);
  static Secrets with_key(const RepositoryId& repository, const SecretBytes& repository_key);
  bool encrypted() const { return !key_.empty(); }
  const RepositoryId& repository() const { return repository_; }
  const SecretBytes& key() const { return key_; }
  // Seed of every XXH3-128 that is stored: derived from the key, so that hashes tell nothing without it.
  std::uint64_t hash_seed() const { return hash_seed_; }

 private:
  RepositoryId repository_;
  SecretBytes key_;
  std::uint64_t hash_seed_ = 0;
};

// Content of keys/<n> (JSON, readable without any key). `key_file` is the content of the user's key file, at
// least 16 bytes (32 random ones are best; a passphrase works, it is stretched with scrypt).
Bytes wrap_key(const SecretBytes& repository_key, ByteView key_file, const RepositoryId& repository,
               std::uint32_t number);
SecretBytes unwrap_key(ByteView wrapped, ByteView key_file,
                       const RepositoryId& repository);  // Error config/"wrong_key"
RepositoryId repository_of_key(ByteView wrapped);        // the one it was wrapped for
SecretBytes random_key();                                // 32 bytes
RepositoryId random_repository_id();
std::uint64_t random_number();

}  // namespace tidemark::codec
