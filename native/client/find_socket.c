/* find_socket.c: which node is meant when gshm_attach is told none. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/process.h"

static int use(char *into, size_t size, const char *path) {
  if (strlen(path) >= size)
    return gshm_fail(GSHM_E_INVALID, "the socket path '%s' is longer than %zu bytes", path, size - 1);
  strcpy(into, path);
  return 0;
}

int gshm_find_socket(char *into, size_t size) {
  const char *set = getenv("GSHM_SOCKET");
  if (set && *set) return use(into, size, set);
  const char *dir = getenv("GSHM_RUNTIME_DIR");
  if (!dir || !*dir) dir = "/run/gshm";
  char pattern[4096];
  if ((size_t)snprintf(pattern, sizeof pattern, "%s/default/*.sock", dir) >= sizeof pattern)
    return gshm_fail(GSHM_E_INVALID, "GSHM_RUNTIME_DIR is too long");
  glob_t found = {0};
  int status = glob(pattern, 0, NULL, &found);
  int result;
  if (status == GLOB_NOMATCH || found.gl_pathc == 0) {
    result = gshm_fail(GSHM_E_NO_DAEMON,
                       "no gshmd runs here (no %s): start one (gshm up, gshm node) or set GSHM_SOCKET", pattern);
  } else if (found.gl_pathc > 1) {
    result = gshm_fail(GSHM_E_NO_DAEMON,
                       "%zu nodes run here (%s): set GSHM_SOCKET to one of them, or start the program with gshm run",
                       (size_t)found.gl_pathc, pattern);
  } else {
    result = use(into, size, found.gl_pathv[0]);
  }
  globfree(&found);
  return result;
}
