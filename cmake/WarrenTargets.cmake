# One CMake target a folder: these helpers keep the declarations short and the flags in one place.

set(WARREN_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror)

add_library(warren_options INTERFACE)
target_include_directories(warren_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(warren_options INTERFACE _GNU_SOURCE)
target_compile_options(warren_options INTERFACE -fno-omit-frame-pointer)
if(WARREN_SANITIZE STREQUAL "address")
  target_compile_options(warren_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
elseif(WARREN_SANITIZE STREQUAL "thread")
  target_compile_options(warren_options INTERFACE -fsanitize=thread)
  target_link_options(warren_options INTERFACE -fsanitize=thread)
elseif(WARREN_SANITIZE)
  message(FATAL_ERROR "WARREN_SANITIZE=${WARREN_SANITIZE}: want 'address' or 'thread'")
else()
  target_compile_options(warren_options INTERFACE -fstack-protector-strong
                                                   $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
endif()

# warren_library(NAME SOURCES ... DEPS ...): a static library with the house's flags.
function(warren_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${WARREN_WARNINGS})
  target_link_libraries(${name} PUBLIC warren_options ${ARG_DEPS})
endfunction()

# warren_binary(NAME SOURCES ... DEPS ...): an executable with the house's flags.
function(warren_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${WARREN_WARNINGS})
  target_link_libraries(${name} PRIVATE warren_options ${ARG_DEPS})
endfunction()

# warren_test(NAME LABEL unit|golden|kernel|... SOURCES ... DEPS ... [TIMEOUT seconds]): a GoogleTest
# binary that runs as one CTest test. A GTEST_SKIP shows up as "Skipped", which tools/test fails on.
function(warren_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  warren_binary(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT}
                                          SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()
