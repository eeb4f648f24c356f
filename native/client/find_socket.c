/* find_socket.c: which node is meant when gshm_attach is told none. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/process.h"

static int use(char *into, size_t size, const char *path) {
  if (strlen(path) >= size)
    return gshm_fail(GSHM_E_INVALID, "the socket path '%s' is longer than %zu bytes", path, size - 1);
  strcpy(into, path);
  return 0;
}

/* A socket whose daemon was killed is still there. One that we may not open is somebody's. */
static bool answers(const char *path) {
  int fd = gshm_connect(path);
  if (fd >= 0) close(fd);
  return fd >= 0 || gshm_last_error() != GSHM_E_NO_DAEMON;
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
  size_t live = 0;
  const char *chosen = NULL;
  for (size_t i = 0; status == 0 && i < found.gl_pathc; i++) {
    if (!answers(found.gl_pathv[i])) continue;
    live++;
    chosen = found.gl_pathv[i];
  }
  int result;
  if (live == 1) {
    result = use(into, size, chosen);
  } else if (live > 1) {
    result = gshm_fail(GSHM_E_NO_DAEMON,
                       "%zu nodes run here (%s): set GSHM_SOCKET to one of them, or start the program with npx gshm run",
                       live, pattern);
  } else if (status == 0 && found.gl_pathc > 0) {
    result = gshm_fail(GSHM_E_NO_DAEMON, "nobody listens at %s: npx gshm down --force, then npx gshm up", found.gl_pathv[0]);
  } else {
    result = gshm_fail(GSHM_E_NO_DAEMON,
                       "no gshmd runs here (no %s): start one (npx gshm up, npx gshm node) or set GSHM_SOCKET", pattern);
  }
  globfree(&found);
  return result;
}
