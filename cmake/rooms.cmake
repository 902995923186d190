# A room is a folder, a CMake target and a line in the layer table. Two rules are checked at configure time:
#  - a room's files include only headers of the rooms named after MAY, of include/tidemark and of its own;
#  - a PURE room includes nothing that opens files, sockets, clocks or threads.
set(TIDEMARK_IMPURE_HEADERS
    "<fstream>" "<filesystem>" "<thread>" "<mutex>" "<condition_variable>" "<atomic>" "<future>" "<stop_token>" "<iostream>"
    "<cstdio>" "<unistd.h>" "<fcntl.h>" "<sys/" "<netinet/" "<poll.h>" "<libpq-fe.h>" "<boost/"
    "\"tidemark/clock.h\"" "\"tidemark/log.h\"" "\"tidemark/stop.h\"")

# Folder of each room as it appears in an #include line; base's headers are include/tidemark.
set(TIDEMARK_ROOMS wal catalog config codec pgdata flow disk postgres web store repository archive backup restore
                   monitor service cli)

function(tidemark_complain text)
  message(${TIDEMARK_LAYER_CHECK} "${text}")
endfunction()

function(tidemark_check_includes room pure allowed files)
  foreach(file IN LISTS files)
    file(STRINGS "${file}" lines REGEX "^#include")
    foreach(line IN LISTS lines)
      foreach(other IN LISTS TIDEMARK_ROOMS)
        if(NOT other STREQUAL room AND NOT other IN_LIST allowed AND line MATCHES "^#include \"(src/)?${other}/")
          tidemark_complain("${file}: room '${room}' may not include room '${other}': ${line}")
        endif()
      endforeach()
      if(pure)
        foreach(header IN LISTS TIDEMARK_IMPURE_HEADERS)
          string(FIND "${line}" "${header}" at)
          if(NOT at EQUAL -1)
            tidemark_complain("${file}: '${room}' is a pure room, yet: ${line}")
          endif()
        endforeach()
      endif()
    endforeach()
  endforeach()
endfunction()

function(tidemark_sources out path)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${path}/*.cc")
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

function(tidemark_check_room room path pure allowed)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${path}/*.cc" "${CMAKE_SOURCE_DIR}/${path}/*.h")
  if(room STREQUAL "base")
    return() # the words themselves: clocks and stop tokens are declared there and implemented here
  endif()
  tidemark_check_includes(${room} "${pure}" "${allowed}" "${files}")
endfunction()

function(tidemark_room name)
  cmake_parse_arguments(ROOM "PURE" "PATH" "MAY;LINKS" ${ARGN})
  tidemark_check_room(${name} ${ROOM_PATH} "${ROOM_PURE}" "${ROOM_MAY}")
  tidemark_sources(sources ${ROOM_PATH})
  if(NOT sources)
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE tidemark_flags)
  endif()
  target_include_directories(${name} ${scope} "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}"
                                              "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${name} ${scope} ${ROOM_MAY} ${ROOM_LINKS} Threads::Threads)
endfunction()

# The program: everything but main.cc is a library too, so that tests can link the commands.
function(tidemark_program name)
  cmake_parse_arguments(ROOM "" "PATH" "MAY;LINKS" ${ARGN})
  tidemark_check_room(cli ${ROOM_PATH} "" "${ROOM_MAY}")
  tidemark_sources(sources ${ROOM_PATH})
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE tidemark_flags ${ROOM_MAY} ${ROOM_LINKS} Threads::Threads)
  target_compile_definitions(${name} PRIVATE TIDEMARK_VERSION="${PROJECT_VERSION}")
endfunction()
