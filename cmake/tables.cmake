# quern_table(TARGET FILE): turns a text table of numbers (comments start with #) into gen/FILE.inc, a
# comma-separated list to be included inside an array initialiser: `{\n#include "quant/.../x.txt.inc"\n}`.
function(quern_table target file)
  set(in ${CMAKE_SOURCE_DIR}/src/${file})
  set(out ${CMAKE_BINARY_DIR}/gen/${file}.inc)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DIN=${in} -DOUT=${out} -P ${CMAKE_SOURCE_DIR}/cmake/write_table.cmake
    DEPENDS ${in} ${CMAKE_SOURCE_DIR}/cmake/write_table.cmake VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()

# Every src/quant/*/data/*.txt becomes an include of the quant folder, every src/X/data/*.tsv a raw string.
function(quern_tables_of target folder)
  file(GLOB_RECURSE tables CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/src
       ${CMAKE_SOURCE_DIR}/src/${folder}/*.txt)
  foreach(table ${tables})
    if(table MATCHES "/data/")
      quern_table(${target} ${table})
    endif()
  endforeach()
  file(GLOB_RECURSE texts CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/src
       ${CMAKE_SOURCE_DIR}/src/${folder}/*.tsv ${CMAKE_SOURCE_DIR}/src/${folder}/*.embed)
  foreach(text ${texts})
    if(text MATCHES "/data/")
      quern_text(${target} ${text})
    endif()
  endforeach()
endfunction()

# quern_text(TARGET FILE): the file's text as a C++ string literal in gen/FILE.inc (any size below 64 KiB a piece).
function(quern_text target file)
  set(in ${CMAKE_SOURCE_DIR}/src/${file})
  if(ARGC GREATER 2)
    set(in ${ARGV2})  # a file from elsewhere, seen under the name `file`
  endif()
  set(out ${CMAKE_BINARY_DIR}/gen/${file}.inc)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DIN=${in} -DOUT=${out} -P ${CMAKE_SOURCE_DIR}/cmake/write_text.cmake
    DEPENDS ${in} ${CMAKE_SOURCE_DIR}/cmake/write_text.cmake VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
