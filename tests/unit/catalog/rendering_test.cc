// Plans and receipts as others read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "catalog/receipt.h"
#include "samples.h"
#include "tidemark/error.h"

namespace tidemark::catalog {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

RestorePlan sample_plan() {
  RestorePlan plan;
  plan.target.kind = TargetKind::time;
  plan.target.requested = "2026-11-22 04:00:01+01";
  plan.target.time = at(1'000'000);
  plan.backup = sample_header(1);
  plan.timeline = TimelineId(2);
  plan.stop = {Lsn(0x3000100), false, StopReason::stopper};
  plan.resolved_time = plan.target.time;
  plan.last_kept =
      wal::TransactionEnd{Lsn(0x30000C0), Lsn(0x30000E8), at(900'000), 700, wal::EndKind::commit};
  plan.last_kept_full_xid = (1ULL << 32) + 700;
  plan.first_dropped =
      wal::TransactionEnd{Lsn(0x3000100), Lsn(0x3000128), at(1'100'000), 701, wal::EndKind::abort};
  plan.skipped_older = 2;
  plan.wal_from = Lsn(0x3000028);
  plan.wal_to = Lsn(0x3000128);
  plan.wal_bytes = 256;
  plan.file_bytes = 5'000'000'000;
  plan.transactions = 17;
  plan.proven_until = at(5'000'000);
  return plan;
}

PredictedSeconds sample_prediction() { return {1, 50, 0, 7.5, 3, true}; }

TEST(PlanJson, HasTheFieldsThatOthersScriptAgainst) {
  const json plan = json::parse(render_plan_json(sample_plan(), sample_prediction()));
  EXPECT_EQ(plan["format"], 1);
  EXPECT_EQ(plan["target"]["requested"], "2026-11-22 04:00:01+01");
  EXPECT_EQ(plan["target"]["resolved"], "2026-11-22T03:00:01.000000Z");
  EXPECT_EQ(plan["target"]["lsn"], "0/3000100");
  EXPECT_EQ(plan["backup"], sample_header(1).id.to_string());
  EXPECT_EQ(plan["timeline"], 2);
  EXPECT_EQ(plan["last_kept"]["xid"], 700);
  EXPECT_EQ(plan["last_kept"]["full_xid"], (1ULL << 32) + 700);
  EXPECT_EQ(plan["last_kept"]["commit_time"], "2026-11-22T03:00:00.900000Z");
  EXPECT_EQ(plan["last_kept"]["lsn"], "0/30000C0");
  EXPECT_EQ(plan["first_dropped"]["xid"], 701);
  EXPECT_TRUE(plan["first_dropped"]["full_xid"].is_null());
  EXPECT_EQ(plan["skipped_older"], 2);
  EXPECT_EQ(plan["bytes"]["files"], 5'000'000'000);
  EXPECT_EQ(plan["bytes"]["wal"], 256);
  EXPECT_EQ(plan["predicted_seconds"]["total"], 61.5);
}

TEST(PlanJson, WhatIsAbsentIsNull) {
  RestorePlan plan = sample_plan();
  plan.last_kept.reset();
  plan.first_dropped.reset();
  plan.resolved_time.reset();
  const json rendered = json::parse(render_plan_json(plan, sample_prediction()));
  EXPECT_TRUE(rendered.at("last_kept").is_null());
  EXPECT_TRUE(rendered.at("first_dropped").is_null());
  EXPECT_TRUE(rendered.at("target").at("resolved").is_null());
}

TEST(PlanText, SaysTheEssentialFirst) {
  const std::string text = render_plan_text(sample_plan(), sample_prediction());
  EXPECT_THAT(text, StartsWith("plan: restore to 2026-11-22T03:00:01.000000Z from backup " +
                               sample_header(1).id.to_string() + ", about 62 s\n"));
  EXPECT_THAT(
      text,
      HasSubstr("last kept:     transaction 4294967996, committed 2026-11-22T03:00:00.900000Z at 0/30000C0"));
  EXPECT_THAT(
      text,
      HasSubstr("first dropped: transaction 701, rolled back 2026-11-22T03:00:01.100000Z at 0/3000100"));
  EXPECT_THAT(text, HasSubstr("also dropped:  2 commits"));
  EXPECT_THAT(text, HasSubstr("asked for:     2026-11-22 04:00:01+01 = 2026-11-22T03:00:01.000000Z"));
}

TEST(PlanText, SaysWhenNothingWasMeasured) {
  const PredictedSeconds assumed = predict(sample_plan(), MeasuredRates());
  EXPECT_THAT(render_plan_text(sample_plan(), assumed), HasSubstr("not measured on this host yet"));
  EXPECT_EQ(render_plan_text(sample_plan(), sample_prediction()).find("not measured"), std::string::npos);
}

Receipt sample_receipt() {
  Receipt receipt;
  receipt.plan = sample_plan();
  receipt.predicted = sample_prediction();
  receipt.actual = {0.5, 40, 1, 4, 2, 47.5};
  receipt.reached_lsn = Lsn(0x3000100);
  receipt.reached_timeline = TimelineId(3);
  receipt.exact = true;
  receipt.prepared_transactions = {"order-17"};
  receipt.target_directory = "/srv/restored";
  receipt.host = "db2";
  receipt.action = "promote";
  receipt.file_bytes = 5'000'000'000;
  receipt.wal_bytes = 500'000'000;
  receipt.finished = at(9);
  return receipt;
}

TEST(ReceiptJson, HasTheFieldsThatOthersScriptAgainst) {
  const json receipt = json::parse(render_receipt_json(sample_receipt()));
  EXPECT_EQ(receipt["format"], 1);
  EXPECT_EQ(receipt["plan"]["target"]["lsn"], "0/3000100");
  EXPECT_EQ(receipt["reached"]["lsn"], "0/3000100");
  EXPECT_EQ(receipt["reached"]["timeline"], 3);
  EXPECT_EQ(receipt["exact"], true);
  EXPECT_EQ(receipt["seconds"]["total"], 47.5);
  EXPECT_EQ(receipt["rpo_achieved_seconds"], 0.0);
  EXPECT_EQ(receipt["prepared_transactions"], json::array({"order-17"}));
  EXPECT_EQ(receipt["prediction_error_seconds"], 47.5 - 61.5);
  Receipt unknown = sample_receipt();
  unknown.rpo_known = false;
  EXPECT_TRUE(json::parse(render_receipt_json(unknown)).at("rpo_achieved_seconds").is_null());
}

TEST(ReceiptText, SaysFirstWhetherItIsExact) {
  Receipt receipt = sample_receipt();
  EXPECT_THAT(render_receipt_text(receipt),
              StartsWith("restored exactly as planned: timeline 3 at 0/3000100 in 48 s\n"));
  EXPECT_THAT(render_receipt_text(receipt), HasSubstr("'order-17' is pending"));
  receipt.exact = false;
  receipt.differences = {"transaction 701 is committed"};
  EXPECT_THAT(render_receipt_text(receipt), StartsWith("RESTORED, BUT NOT WHAT WAS PLANNED"));
  EXPECT_THAT(render_receipt_text(receipt), HasSubstr("differs:       transaction 701 is committed"));
}

TEST(Rates, ComeBackFromAReceipt) {
  const MeasuredRates rates = rates_of_receipt_json(as_bytes(render_receipt_json(sample_receipt())));
  EXPECT_TRUE(rates.measured);
  EXPECT_EQ(rates.host, "db2");
  EXPECT_DOUBLE_EQ(rates.files_bytes_per_second, 125e6);
  EXPECT_DOUBLE_EQ(rates.wal_bytes_per_second, 100e6);
  EXPECT_DOUBLE_EQ(rates.start_seconds, 2);
  const PredictedSeconds next = predict(sample_plan(), rates);
  EXPECT_DOUBLE_EQ(next.files, 40);
  EXPECT_TRUE(next.measured);
}

TEST(Rates, OfARottenReceiptAreRefused) {
  for (const char* bad : {"", "[]", "{}", "7"})
    EXPECT_THROW(rates_of_receipt_json(as_bytes(bad)), Error) << bad;
  const auto odd = rates_of_receipt_json(as_bytes(R"({"seconds":{"files":"x"},"bytes":7,"host":1})"));
  EXPECT_FALSE(odd.measured);
}

TEST(Rates, NewerOnesWeighMore) {
  MeasuredRates newer, older, silent;
  newer.measured = older.measured = silent.measured = true;
  newer.files_bytes_per_second = 90;
  older.files_bytes_per_second = 30;
  EXPECT_DOUBLE_EQ(combine({newer, older}).files_bytes_per_second, 70);
  EXPECT_DOUBLE_EQ(combine({silent, older}).files_bytes_per_second, 30);
  EXPECT_FALSE(combine({}).measured);
}

TEST(RpoAchieved, IsZeroWhenNothingWasLeftBehind) {
  RestorePlan plan = sample_plan();
  plan.skipped_older = 0;
  EXPECT_EQ(rpo_achieved(plan, plan.target.time).seconds, 0);
}

TEST(RpoAchieved, CountsFromTheOldestSkippedCommit) {
  RestorePlan plan = sample_plan();
  plan.oldest_skipped = at(750'000);
  const RpoAchieved rpo = rpo_achieved(plan, plan.target.time);
  EXPECT_DOUBLE_EQ(rpo.seconds, 0.25);
  EXPECT_EQ(rpo.known_lost_commits, 2U);
}

TEST(RpoAchieved, OfLatestIsMeasuredFromTheLastProof) {
  RestorePlan plan = sample_plan();
  plan.target.kind = TargetKind::latest;
  plan.stop.reason = StopReason::end_of_wal;
  EXPECT_DOUBLE_EQ(rpo_achieved(plan, at(8'000'000)).seconds, 3);
  EXPECT_DOUBLE_EQ(rpo_achieved(plan, at(4'000'000)).seconds, 0);
  plan.proven_until.reset();
  EXPECT_FALSE(rpo_achieved(plan, at(4'000'000)).known);
}

TEST(Target, Forms) {
  EXPECT_EQ(parse_positional_target("latest")->kind, TargetKind::latest);
  EXPECT_EQ(parse_positional_target("immediate")->kind, TargetKind::immediate);
  EXPECT_EQ(parse_positional_target("lsn:0/3000028")->lsn, Lsn(0x3000028));
  EXPECT_EQ(parse_positional_target("xid:8589934592123")->xid, 8589934592123ULL);
  EXPECT_EQ(parse_positional_target("before-xid:1234")->kind, TargetKind::before_xid);
  EXPECT_EQ(parse_positional_target("name:before release: 2")->name, "before release: 2");
  EXPECT_EQ(parse_positional_target("name:x")->requested, "name:x");
  for (const char* time : {"2026-11-22T03:00:00Z", "10m ago", "Latest", ""}) {
    EXPECT_FALSE(parse_positional_target(time)) << time;
  }
}

TEST(Target, MalformedOnesAreWrongUsage) {
  for (const char* bad : {"lsn:", "lsn:3000028", "lsn:0/0", "lsn:0/G", "xid:", "xid:0", "xid:2", "xid:-5",
                          "xid:12x", "xid:4294967296", "before-xid:", "name:", "xid:99999999999999999999"}) {
    try {
      parse_positional_target(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << bad;
      EXPECT_FALSE(error.hint().empty()) << bad;
    }
  }
  EXPECT_THROW(parse_positional_target("name:" + std::string(64, 'x')), Error);
}

}  // namespace
}  // namespace tidemark::catalog
