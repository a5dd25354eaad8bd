// Boost.URL itself, which its headers bring along: there is no library to link.
#include <algorithm>
#include <boost/url/src.hpp>
