# One CMake target a folder: these helpers keep the declarations short and the flags in one place.

set(WARREN_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror)
if(CMAKE_UNITY_BUILD)
  # It takes a source for a header there, and its anonymous namespace for one that others see.
  list(APPEND WARREN_WARNINGS -Wno-subobject-linkage)
endif()

add_library(warren_options INTERFACE)
target_include_directories(warren_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(warren_options INTERFACE _GNU_SOURCE)
target_compile_options(warren_options INTERFACE -fno-omit-frame-pointer)
if(WARREN_SANITIZE STREQUAL "address")
  target_compile_options(warren_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
elseif(WARREN_SANITIZE STREQUAL "thread")
  # The distribution's libraries are built without it, and a map of protobuf's has another layout
  # where its header sees the macro.
  target_compile_options(warren_options INTERFACE -fsanitize=thread -U__SANITIZE_THREAD__)
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

# What the sanitizer builds make: the tests that need no privilege, without the programs.
add_custom_target(warren_plain_tests)

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
  if(ARG_LABEL MATCHES "^(unit|golden|fuzz-replay)$")
    add_dependencies(warren_plain_tests ${name})
  endif()
endfunction()

# warren_uml_test(NAME [TEMPLATE name] [TIMEOUT seconds] COMMAND command...): runs a command as root under a kernel with
# cgroup v2 (tools/uml-test), with a template and this build's runtime tree where TEMPLATE names one. One guest at a
# time: each takes its memory from this host.
function(warren_uml_test name)
  cmake_parse_arguments(ARG "" "TEMPLATE;TIMEOUT" "COMMAND" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set(options --timeout ${ARG_TIMEOUT})
  if(ARG_TEMPLATE)
    list(APPEND options --template ${ARG_TEMPLATE} --prefix ${CMAKE_BINARY_DIR})
  endif()
  add_test(NAME uml.${name} COMMAND ${PROJECT_SOURCE_DIR}/tools/uml-test ${options} -- ${ARG_COMMAND}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  math(EXPR outer "${ARG_TIMEOUT} + 60")
  set_tests_properties(uml.${name} PROPERTIES LABELS uml TIMEOUT ${outer} RESOURCE_LOCK uml
                                              SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()
