#include "codec/cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark::codec {
namespace {

void must(int result, const char* what) {
  if (result <= 0) throw Error(ErrorKind::internal, fmt::format("OpenSSL refuses {}", what));
}

OSSL_PARAM octets(const char* name, ByteView bytes) {  // OpenSSL only reads them
  return OSSL_PARAM_construct_octet_string(name, const_cast<Byte*>(bytes.data()), bytes.size());
}

}  // namespace

CipherKey::~CipherKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

CipherKey derive_key(ByteView key, ByteView salt, ByteView info) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr),
                                                              EVP_KDF_free);
  must(kdf != nullptr, "HKDF");
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()),
                                                                          EVP_KDF_CTX_free);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                   octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_SALT, salt),
                                   octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  CipherKey derived;
  must(EVP_KDF_derive(context.get(), derived.bytes().data(), kKeyBytes, parameters), "to derive a key");
  return derived;
}

struct Cipher::Direction {
  explicit Direction(bool encrypts) {
    must(context != nullptr, "a cipher context");
    must(EVP_CipherInit_ex2(context, EVP_aes_256_gcm(), nullptr, nullptr, encrypts, nullptr), "AES-256-GCM");
  }
  ~Direction() { EVP_CIPHER_CTX_free(context); }
  Direction(const Direction&) = delete;
  Direction& operator=(const Direction&) = delete;

  // Expanding a key costs as much as sealing a small frame, so the same one is set up once.
  void begin(const CipherKey& wanted, const Nonce& nonce, ByteView associated) {
    const bool known = key && *key == wanted;
    must(EVP_CipherInit_ex2(context, nullptr, known ? nullptr : wanted.bytes().data(), nonce.data(), -1,
                            nullptr),
         "a key");
    if (!known) key = wanted;
    int written = 0;
    must(EVP_CipherUpdate(context, nullptr, &written, associated.data(), static_cast<int>(associated.size())),
         "associated data");
  }

  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  std::optional<CipherKey> key;
};

Cipher::Cipher()
    : sealing_(std::make_unique<Direction>(true)), opening_(std::make_unique<Direction>(false)) {}
Cipher::~Cipher() = default;

void Cipher::seal(const CipherKey& key, const Nonce& nonce, ByteView associated, std::span<Byte> data,
                  std::span<Byte, kTagBytes> tag) {
  sealing_->begin(key, nonce, associated);
  EVP_CIPHER_CTX* context = sealing_->context;
  int written = 0;
  must(EVP_CipherUpdate(context, data.data(), &written, data.data(), static_cast<int>(data.size())),
       "to encrypt");
  must(EVP_CipherFinal_ex(context, data.data() + written, &written), "to encrypt");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()), "to give the tag");
}

bool Cipher::open(const CipherKey& key, const Nonce& nonce, ByteView associated, ByteView sealed,
                  std::span<const Byte, kTagBytes> tag, Byte* to) {
  opening_->begin(key, nonce, associated);
  EVP_CIPHER_CTX* context = opening_->context;
  int written = 0;
  must(EVP_CipherUpdate(context, to, &written, sealed.data(), static_cast<int>(sealed.size())), "to decrypt");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, const_cast<Byte*>(tag.data())),
       "the tag");
  return EVP_CipherFinal_ex(context, to + written, &written) == 1;
}

}  // namespace tidemark::codec
