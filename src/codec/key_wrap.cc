// keys/<n>: docs/repository-format.md "Keys".
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <nlohmann/json.hpp>

#include "codec/cipher.h"
#include "codec/keys.h"
#include "tidemark/error.h"

namespace tidemark::codec {
namespace {

constexpr std::size_t kShortestKeyFile = 16;
constexpr std::size_t kSaltBytes = 32;

struct Stretching {
  std::uint64_t n = 1U << 15;  // with r = 8: 32 MiB and some 50 ms, once a start of the program
  std::uint32_t r = 8, p = 1;
};

// The key that the key file stands for. The parameters come from outside when unwrapping: bounded by the
// caller.
CipherKey stretch(ByteView key_file, ByteView salt, Stretching cost) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "SCRYPT", nullptr),
                                                              EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr, EVP_KDF_CTX_free);
  if (!context) throw Error(ErrorKind::internal, "OpenSSL has no scrypt");
  std::uint64_t memory = 256 * cost.n * cost.r;  // twice what scrypt needs; OpenSSL's own limit is too near
  const auto octets = [](const char* name, ByteView bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<Byte*>(bytes.data()), bytes.size());
  };
  const OSSL_PARAM parameters[] = {octets(OSSL_KDF_PARAM_PASSWORD, key_file),
                                   octets(OSSL_KDF_PARAM_SALT, salt),
                                   OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost.n),
                                   OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &cost.r),
                                   OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &cost.p),
                                   OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
                                   OSSL_PARAM_construct_end()};
  CipherKey key;
  if (EVP_KDF_derive(context.get(), key.bytes().data(), kKeyBytes, parameters) <= 0) {
    throw Error(ErrorKind::internal, "OpenSSL refuses to stretch the key file with scrypt");
  }
  return key;
}

Bytes associated_data(const RepositoryId& repository, std::uint32_t number, const Stretching& cost,
                      ByteView salt) {
  Bytes associated;
  ByteWriter writer(associated);
  writer.text("tidemark key 1");
  writer.bytes(repository.bytes());
  writer.fixed(number);
  writer.fixed(cost.n);
  writer.fixed(cost.r);
  writer.fixed(cost.p);
  writer.bytes(salt);
  return associated;
}

struct WrappedKey {
  RepositoryId repository;
  std::uint32_t number = 0;
  Stretching cost;
  Bytes salt, nonce, wrapped;
};

WrappedKey parse_wrapped(ByteView content) {
  try {
    const auto json = nlohmann::json::parse(as_text(content));
    if (const int format = json.at("format").get<int>(); format != 1) {
      throw Error(ErrorKind::config,
                  fmt::format("the repository's key has format {}, this program knows 1", format))
          .code("newer_layout")
          .hint("use a newer tidemark with this repository");
    }
    WrappedKey key;
    const auto repository = RepositoryId::parse(json.at("repository").get<std::string>());
    key.number = json.at("number").get<std::uint32_t>();
    key.cost = {json.at("n").get<std::uint64_t>(), json.at("r").get<std::uint32_t>(),
                json.at("p").get<std::uint32_t>()};
    key.salt = from_hex(json.at("salt").get<std::string>());
    key.nonce = from_hex(json.at("nonce").get<std::string>());
    key.wrapped = from_hex(json.at("wrapped").get<std::string>());
    const bool power_of_two = key.cost.n >= 2 && (key.cost.n & (key.cost.n - 1)) == 0;
    if (!repository || !power_of_two || key.cost.n > (1U << 20) || key.cost.r < 1 || key.cost.r > 32 ||
        key.cost.p < 1 || key.cost.p > 16 || key.salt.size() != kSaltBytes ||
        key.nonce.size() != kNonceBytes || key.wrapped.size() != kKeyBytes + kTagBytes) {
      throw Error(ErrorKind::corrupt,
                  "the repository's key is not what was stored: a value is out of its range");
    }
    key.repository = *repository;
    return key;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::corrupt,
                fmt::format("the repository's key is not what was stored: {}", error.what()));
  }
}

void check_key_file(ByteView key_file) {
  if (key_file.size() >= kShortestKeyFile) return;
  throw Error(ErrorKind::config, fmt::format("the key file has {} bytes, at least {} are needed",
                                             key_file.size(), kShortestKeyFile))
      .code("short_key")
      .hint("make one with: openssl rand -out FILE 32");
}

}  // namespace

Bytes wrap_key(const SecretBytes& repository_key, ByteView key_file, const RepositoryId& repository,
               std::uint32_t number) {
  check_key_file(key_file);
  std::array<Byte, kSaltBytes> salt;
  Nonce nonce;
  fill_random(salt);
  fill_random(nonce);
  const Stretching cost;
  Bytes wrapped(repository_key.bytes().begin(), repository_key.bytes().end());
  wrapped.resize(wrapped.size() + kTagBytes);
  const std::span<Byte> whole(wrapped);
  Cipher().seal(stretch(key_file, salt, cost), nonce, associated_data(repository, number, cost, salt),
                whole.first(wrapped.size() - kTagBytes), whole.last<kTagBytes>());
  const nlohmann::ordered_json json{{"format", 1},
                                    {"repository", repository.to_string()},
                                    {"number", number},
                                    {"stretching", "scrypt"},
                                    {"n", cost.n},
                                    {"r", cost.r},
                                    {"p", cost.p},
                                    {"salt", to_hex(salt)},
                                    {"cipher", "aes-256-gcm"},
                                    {"nonce", to_hex(nonce)},
                                    {"wrapped", to_hex(wrapped)}};
  const std::string text = json.dump(2) + "\n";
  return {text.begin(), text.end()};
}

SecretBytes unwrap_key(ByteView wrapped, ByteView key_file, const RepositoryId& repository) {
  check_key_file(key_file);
  const WrappedKey key = parse_wrapped(wrapped);
  if (key.repository != repository) {
    throw Error(ErrorKind::mismatch, fmt::format("the repository's key belongs to repository {}, not to {}",
                                                 key.repository.to_string(), repository.to_string()));
  }
  Nonce nonce;
  std::copy(key.nonce.begin(), key.nonce.end(), nonce.begin());
  const ByteView whole(key.wrapped);
  CipherKey plain;
  const bool good = Cipher().open(stretch(key_file, key.salt, key.cost), nonce,
                                  associated_data(repository, key.number, key.cost, key.salt),
                                  whole.first(kKeyBytes), whole.last<kTagBytes>(), plain.bytes().data());
  if (!good) {
    throw Error(ErrorKind::config,
                fmt::format("the key file does not open key {} of the repository", key.number))
        .code("wrong_key")
        .hint("give the key file that the repository was created with; without it nothing can be read");
  }
  return SecretBytes(plain.bytes());
}

RepositoryId repository_of_key(ByteView wrapped) { return parse_wrapped(wrapped).repository; }

}  // namespace tidemark::codec
