#include "restore/tablespaces.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::restore {
namespace {

using catalog::Tablespace;

const std::vector<Tablespace> kTwo = {{16400, "/space/one", false}, {16401, "/space/two/", false}};

std::string refusal(const std::vector<Tablespace>& tablespaces,
                    const std::vector<TablespaceMapping>& mappings) {
  try {
    place_tablespaces(tablespaces, mappings, "/restored");
  } catch (const Error& failure) {
    EXPECT_EQ(failure.kind(), ErrorKind::refused);
    return std::string(failure.code());
  }
  return "placed";
}

TEST(TablespaceMapping, ReadsEscapedEqualsSigns) {
  EXPECT_EQ(parse_tablespace_mapping("/a=/b"), (TablespaceMapping{"/a", "/b"}));
  EXPECT_EQ(parse_tablespace_mapping("/a\\=1/=/b\\=2"), (TablespaceMapping{"/a=1", "/b=2"}));
}

TEST(TablespaceMapping, RefusesRelativePathsAndHalves) {
  for (const char* text : {"/a", "a=/b", "/a=b", "=", ""})
    EXPECT_THROW(parse_tablespace_mapping(text), Error) << text;
}

TEST(PlaceTablespaces, MapsAndKeeps) {
  const auto placed = place_tablespaces(kTwo, {{"/space/two", "/other"}}, "/restored");
  EXPECT_EQ(placed[0].location, "/space/one");
  EXPECT_EQ(placed[1].location, "/other");
}

TEST(PlaceTablespaces, RefusesWhatCannotBe) {
  EXPECT_EQ(refusal(kTwo, {{"/space/three", "/x"}}), "tablespace_unknown");
  EXPECT_EQ(refusal(kTwo, {{"/space/one", "/restored/inside"}}), "tablespace_inside_target");
  EXPECT_EQ(refusal(kTwo, {{"/space/one", "/"}}), "tablespace_inside_target");
  EXPECT_EQ(refusal(kTwo, {{"/space/one", "/space/two"}}), "tablespaces_collide");
  EXPECT_EQ(refusal(kTwo, {{"/space/one", "/space/two/below"}}), "tablespaces_collide");
  EXPECT_EQ(refusal(kTwo, {{"/space/one", "/restored-beside"}}), "placed");
}

TEST(PlacePath, LeadsIntoTablespaces) {
  const auto placed =
      place_tablespaces({{16400, "/space/one", false}, {16402, "pg_tblspc/16402", true}}, {}, "/restored");
  EXPECT_EQ(place_path("base/5/1259", "/restored", placed), "/restored/base/5/1259");
  EXPECT_EQ(place_path("pg_tblspc/16400/PG_15_202209061/5/16500", "/restored", placed),
            "/space/one/PG_15_202209061/5/16500");
  EXPECT_EQ(place_path("pg_tblspc/16400", "/restored", placed), "/space/one");
  EXPECT_EQ(place_path("pg_tblspc/16402/PG_15_202209061", "/restored", placed),
            "/restored/pg_tblspc/16402/PG_15_202209061");
  EXPECT_EQ(place_path("pg_tblspc/164000/x", "/restored", placed), "/restored/pg_tblspc/164000/x");
}

TEST(RewriteTablespaceMap, ChangesOnlyMappedPlaces) {
  const auto placed = place_tablespaces(kTwo, {{"/space/two", "/new place"}}, "/restored");
  EXPECT_EQ(rewrite_tablespace_map("16400 /space/one\n16401 /space/two\n", placed),
            "16400 /space/one\n16401 /new place\n");
  EXPECT_EQ(rewrite_tablespace_map("", placed), "");
}

}  // namespace
}  // namespace tidemark::restore
