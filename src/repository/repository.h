#pragma once
// A repository: names, codec and store joined. Any thread, unless a class says otherwise.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/object_names.h"
#include "codec/object.h"
#include "tidemark/object_store.h"

namespace tidemark::repository {

struct RepositoryOptions {
  std::string name;               // in the configuration
  bool required = true;           // acknowledgements wait for it
  std::optional<Bytes> key_file;  // content; unset: no encryption
  int compression_level = 1;      // zstd; 0 = none
};

class Repository {
 public:
  // Writes tidemark.json and, with a key file, keys/1. On a repository that exists already: opens it and
  // checks that it fits (Error mismatch when it is encrypted and no key is given, or the other way round).
  static std::shared_ptr<Repository> create(std::shared_ptr<ObjectStore> store,
                                            const RepositoryOptions& options);
  // Error not_found/"no_repository" with the hint to run `tidemark init`; config/"wrong_key";
  // config/"newer_layout".
  static std::shared_ptr<Repository> open(std::shared_ptr<ObjectStore> store,
                                          const RepositoryOptions& options);

  const RepositoryOptions& options() const { return options_; }
  const std::string& name() const { return options_.name; }
  ObjectStore& store() const { return *store_; }
  const codec::Secrets& secrets() const { return secrets_; }
  std::uint64_t hash_seed() const { return secrets_.hash_seed(); }

  // Whole objects. put() answers already_exists when the name is taken, whatever it holds.
  PutOutcome put(codec::ObjectKind kind, const std::string& name, ByteView plain);
  std::optional<Bytes> find(codec::ObjectKind kind, const std::string& name) const;  // nullopt: absent
  Bytes get(codec::ObjectKind kind, const std::string& name) const;                  // Error not_found

  // Every incarnation of `cluster` (all clusters when empty), by cluster, then the order in which they
  // appeared (identity).
  std::vector<catalog::Incarnation> incarnations(const std::string& cluster = "") const;

 private:
  Repository(std::shared_ptr<ObjectStore> store, RepositoryOptions options, codec::Secrets secrets);
  std::shared_ptr<ObjectStore> store_;
  RepositoryOptions options_;
  codec::Secrets secrets_;
};

// Facts about a cluster, stored as identity/<n>; a new number when they change.
struct ClusterIdentity {
  catalog::Incarnation incarnation;
  std::uint32_t segment_bytes = 0, block_bytes = 0;
  std::uint32_t catalog_version = 0;
  int server_version_number = 0;
  Instant recorded;
};
void put_identity(Repository& repository,
                  const ClusterIdentity& identity);  // no-op when the newest says the same
std::optional<ClusterIdentity> newest_identity(const Repository& repository,
                                               const catalog::Incarnation& incarnation);
// When the first identity was recorded; the beginning of time when there is none.
Instant first_recorded(const Repository& repository, const catalog::Incarnation& incarnation);

}  // namespace tidemark::repository
