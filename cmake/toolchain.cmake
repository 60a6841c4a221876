# Flags that hold for the whole tree. The baseline is x86-64-v3; kernels/<isa>/ add their own.
add_library(quern_flags INTERFACE)
target_compile_options(quern_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${QUERN_WERROR}>:-Werror>
  # Exact float order is part of a format, and results must not depend on the compiler's mood.
  -ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(quern_flags INTERFACE -march=x86-64-v3)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports uninitialised values inside its own intrinsic headers, and ABI notes for wide vectors.
  target_compile_options(quern_flags INTERFACE -Wno-maybe-uninitialized -Wno-psabi
    -Wno-stringop-overflow -Wno-restrict -Wno-array-bounds)  # and sees overlaps in inlined std::string that cannot be
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # For C++, gcc's -Wconversion leaves out changes of sign, and its -Wpedantic the length of literals
  # (embedded files); mean the same with both.
  target_compile_options(quern_flags INTERFACE -Wno-sign-conversion -Wno-overlength-strings)
endif()
if(QUERN_SANITIZE)
  target_compile_options(quern_flags INTERFACE -fsanitize=${QUERN_SANITIZE} -fno-omit-frame-pointer
                                               -fno-sanitize-recover=undefined)
  target_link_options(quern_flags INTERFACE -fsanitize=${QUERN_SANITIZE})
endif()
if(QUERN_FUZZ)
  target_compile_options(quern_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
