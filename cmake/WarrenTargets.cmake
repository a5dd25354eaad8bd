# One CMake target a folder: these helpers keep the declarations short and the flags in one place.

set(WARREN_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # What is ABSL_GUARDED_BY a mutex is touched with it held, or it does not compile.
  list(APPEND WARREN_WARNINGS -Wthread-safety -Werror=thread-safety)
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # It takes a source for a header there, and its anonymous namespace for one that others see.
  list(APPEND WARREN_WARNINGS -Wno-subobject-linkage)
endif()

# g++ looks for what it can forget whenever its memory has doubled, first at 128 MB: a seventh of all the time. What it
# would find is small: the largest units take a quarter more memory without.
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=524288>)

add_library(warren_options INTERFACE)
target_include_directories(warren_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(warren_options INTERFACE _GNU_SOURCE)
target_compile_options(warren_options INTERFACE -fno-omit-frame-pointer)
if(WARREN_SANITIZE STREQUAL "address")
  target_compile_options(warren_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(warren_options INTERFACE -fsanitize=address,undefined)
  # Clang 14 writes what that check looks for in front of each function, and cannot for those of a coroutine.
  target_compile_options(warren_options INTERFACE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
elseif(WARREN_SANITIZE STREQUAL "thread")
  # The distribution's libraries are built without it, and a map of protobuf's has another layout
  # where its header sees the macro.
  # -Wno-tsan: Boost.Asio has fences, which the sanitizer does not see; what we use of it does not count on them.
  target_compile_options(warren_options INTERFACE -fsanitize=thread -U__SANITIZE_THREAD__ -Wno-tsan)
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
# Of these tools/test runs no test under the thread sanitizer (`unseen`): nothing is built for it.
set(WARREN_UNSEEN_TESTS api_test callers_test pages_test remote_test remote_local_test file_client_test network_cli_test
                        package_cli_test)

# No test has a TIMEOUT of its own: how long a hang is waited for depends on the machine, so whoever
# calls ctest says it (tools/test, the test presets).

# What sets tests apart that take the machine for themselves: they compare the host before and after.
function(warren_test_properties result label)
  set(properties LABELS ${label})
  if(WARREN_SANITIZE STREQUAL "thread")
    list(APPEND properties ENVIRONMENT TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/thread_sanitizer.supp)
  endif()
  if(NOT label MATCHES "^(unit|golden|fuzz-replay)$")
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  set(${result} ${properties} PARENT_SCOPE)
endfunction()

# warren_test(NAME LABEL unit|golden|kernel|... SOURCES ... DEPS ... [BY_SUITE]): a GoogleTest binary; each of its tests
# is a CTest test, "NAME.Suite.Test". A GTEST_SKIP shows up as "Skipped", which tools/test fails on.
#   BY_SUITE  a CTest test a suite, "NAME.Suite": where the tests of a suite share a server, which is slow to start.
function(warren_test name)
  cmake_parse_arguments(ARG "BY_SUITE" "LABEL" "SOURCES;DEPS" ${ARGN})
  warren_binary(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  # Tests are large and wait more than they compute: this halves the time that they take to compile.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-Og>)
  warren_test_properties(properties ${ARG_LABEL})
  if(ARG_BY_SUITE)
    warren_suites(suites ${ARG_SOURCES})
    foreach(suite ${suites})
      add_test(NAME ${name}.${suite} COMMAND ${name} --gtest_filter=${suite}.*:*/${suite}.*
               WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
      set_tests_properties(${name}.${suite} PROPERTIES ${properties} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]"
                                                       FAIL_REGULAR_EXPRESSION "${WARREN_NO_TEST_RAN}")
    endforeach()
  else()
    # Listed when ctest starts, not when it is built: the thread sanitizer's runtime starts only as tools/test calls it.
    gtest_discover_tests(${name} TEST_PREFIX ${name}. WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} NO_PRETTY_VALUES
                         PROPERTIES ${properties} DISCOVERY_TIMEOUT 300 DISCOVERY_MODE PRE_TEST)
  endif()
  if(ARG_LABEL MATCHES "^(unit|golden|fuzz-replay)$" AND
     NOT (WARREN_SANITIZE STREQUAL "thread" AND name IN_LIST WARREN_UNSEEN_TESTS))
    add_dependencies(warren_plain_tests ${name})
  endif()
endfunction()

# GoogleTest's own words where a filter matches nothing, which it takes for success.
set(WARREN_NO_TEST_RAN "0 tests from 0 test suites ran")

# warren_suites(RESULT SOURCE...): the names of the suites whose tests these sources have.
function(warren_suites result)
  set(suites)
  foreach(source ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    file(STRINGS ${source} lines REGEX "^TEST(_F|_P)?\\(")
    foreach(line ${lines})
      string(REGEX REPLACE "^TEST[_FP]*\\(([A-Za-z0-9_]+).*" "\\1" suite "${line}")
      list(APPEND suites ${suite})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES suites)
  set(${result} ${suites} PARENT_SCOPE)
endfunction()

find_program(WARREN_SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

# warren_python_test(NAME LABEL label [PREFIX prefix] [BY_CLASS] [FIXTURE name] [ENVIRONMENT NAME=VALUE...]): the unittest
# module NAME.py of this folder; each of its tests is a CTest test, "PREFIXmodule.Class.test_method".
#   BY_CLASS  a CTest test a class, "PREFIXmodule.Class": where the tests of a class share a server.
#   FIXTURE   a CTest fixture that they require.
function(warren_python_test name)
  cmake_parse_arguments(ARG "BY_CLASS" "LABEL;PREFIX;FIXTURE" "ENVIRONMENT" ${ARGN})
  warren_test_properties(properties ${ARG_LABEL})
  if(ARG_FIXTURE)
    list(APPEND properties FIXTURES_REQUIRED ${ARG_FIXTURE})
  endif()
  warren_python_names(tests ${CMAKE_CURRENT_SOURCE_DIR}/${name}.py)
  if(ARG_BY_CLASS)
    list(TRANSFORM tests REPLACE "\\..*" "")
    list(REMOVE_DUPLICATES tests)
  endif()
  foreach(test ${tests})
    set(full ${ARG_PREFIX}${name}.${test})
    add_test(NAME ${full} COMMAND ${WARREN_SYSTEM_PYTHON} -B -m unittest ${name}.${test}
             WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${full} PROPERTIES ${properties} SKIP_REGULAR_EXPRESSION "skipped="
                                            FAIL_REGULAR_EXPRESSION "Ran 0 tests" ENVIRONMENT "${ARG_ENVIRONMENT}")
  endforeach()
endfunction()

# warren_python_names(RESULT FILE): "Class.test_method" for each test of a unittest module.
function(warren_python_names result file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  set(names)
  file(STRINGS ${file} lines REGEX "^class |^    def test_")
  foreach(line ${lines})
    if(line MATCHES "^class ([A-Za-z0-9_]+)")
      set(class ${CMAKE_MATCH_1})
    elseif(line MATCHES "^    def (test_[A-Za-z0-9_]+)")
      list(APPEND names ${class}.${CMAKE_MATCH_1})
    endif()
  endforeach()
  set(${result} ${names} PARENT_SCOPE)
endfunction()

# warren_uml_test(NAME LABEL uml|uml-all [TEMPLATE name] [HOST_USR] COMMAND command...): runs a command as root under a
# kernel with cgroup v2 (tools/uml-test), with a template and this build's runtime tree where TEMPLATE names one, and where
# HOST_USR is given a /usr that templates can be made of. One guest at a time: each takes its memory from this host.
function(warren_uml_test name)
  cmake_parse_arguments(ARG "HOST_USR" "LABEL;TEMPLATE" "COMMAND" ${ARGN})
  set(options)
  if(ARG_TEMPLATE)
    set(options --template ${ARG_TEMPLATE} --prefix ${CMAKE_BINARY_DIR})
  endif()
  if(ARG_HOST_USR)
    list(APPEND options --host-usr)
  endif()
  warren_test_properties(properties ${ARG_LABEL})
  add_test(NAME ${ARG_LABEL}.${name} COMMAND ${PROJECT_SOURCE_DIR}/tools/uml-test ${options} -- ${ARG_COMMAND}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${ARG_LABEL}.${name} PROPERTIES ${properties} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]"
                                                       FAIL_REGULAR_EXPRESSION "${WARREN_NO_TEST_RAN}")
endfunction()
