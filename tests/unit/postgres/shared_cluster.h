#pragma once
// One server for the tests that leave it as they found it.

#include <gtest/gtest.h>

#include <memory>

#include "harness/postgres_cluster.h"
#include "tidemark/error.h"

namespace tidemark::postgres {

class SharedCluster : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<test::PostgresCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }
  static test::PostgresCluster& cluster() { return *cluster_; }
  static ConnectionOptions options(const std::string& more = "") {
    ConnectionOptions result;
    result.connection_string = cluster_->connection_string() + " " + more;
    return result;
  }

 private:
  static inline std::unique_ptr<test::PostgresCluster> cluster_;
};

// The Error that `work` throws; the test fails when it throws none.
template <typename Work>
Error error_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(ErrorKind::internal, "none");
}

}  // namespace tidemark::postgres
