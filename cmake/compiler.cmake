# Warnings are errors, the linker is mold and the compiler runs behind ccache wherever they are installed.
add_library(tidemark_flags INTERFACE)
target_compile_options(
  tidemark_flags
  INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
            -Wconversion -Wno-sign-conversion -Wnull-dereference -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these from the standard library's own inlined code.
  target_compile_options(tidemark_flags INTERFACE -Wno-null-dereference -Wno-restrict -Wno-stringop-overflow
                                                  -Wno-array-bounds -Wno-maybe-uninitialized -Wno-dangling-pointer)
endif()

if(TIDEMARK_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tidemark_flags INTERFACE -Wno-tsan) # Asio's fences, in headers of the system
endif()
if(TIDEMARK_SANITIZE)
  target_compile_options(tidemark_flags INTERFACE -fsanitize=${TIDEMARK_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(tidemark_flags INTERFACE -fsanitize=${TIDEMARK_SANITIZE})
endif()
if(TIDEMARK_FUZZ)
  target_compile_options(tidemark_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                                                  -fno-sanitize-recover=all)
  target_link_options(tidemark_flags INTERFACE -fsanitize=address,undefined)
endif()

find_program(TIDEMARK_MOLD mold)
if(TIDEMARK_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(TIDEMARK_CCACHE ccache)
if(TIDEMARK_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TIDEMARK_CCACHE}")
endif()
