# Everything comes from Debian 12's packages; tools/install-deps lists them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
# Headers alone.
find_package(Boost 1.81 REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
# gzip on the gateway's bodies.
find_package(ZLIB REQUIRED)
# The file of API keys.
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
# `warren metrics`; the package's own CMake file asks for its HTTP server too.
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
# The relay reads what sandboxes ask for names.
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns)
# The fetcher asks package indexes, and reads their pages.
pkg_check_modules(LIBCURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(LIBXML2 REQUIRED IMPORTED_TARGET libxml-2.0)
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(LIBCAP REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(LIBCGROUP REQUIRED IMPORTED_TARGET libcgroup)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()
