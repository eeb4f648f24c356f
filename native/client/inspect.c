/* inspect.c: what a visitor may ask of a daemon: no userfaultfd, no memory, one question. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/process.h"

static int visit(const char *socket, const struct gshm_exchange *question) {
  int connection = gshm_connect(socket);
  if (connection < 0) return -1;
  struct gshm_hello_request hello = {.kind = GSHM_HELLO_VISITOR};
  struct gshm_hello_reply reply;
  int result = gshm_say_hello(connection, hello, NULL, NULL, &reply);
  if (result == GSHM_EXCHANGED) result = gshm_exchange(connection, 1, question);
  int error = errno;
  close(connection);
  errno = error;
  return result == GSHM_EXCHANGED ? 0 : -1;
}

static char *read_text(int fd, uint64_t length) {
  struct stat stat;
  if (fstat(fd, &stat) != 0 || (uint64_t)stat.st_size < length) {
    gshm_fail(GSHM_E_BAD_FRAME, "the daemon's text is shorter than it said");
    return NULL;
  }
  char *text = malloc(length + 1);
  if (!text) {
    gshm_fail_system("malloc", ENOMEM);
    return NULL;
  }
  for (uint64_t at = 0; at < length;) {
    ssize_t got = pread(fd, text + at, length - at, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      gshm_fail_system("pread", got < 0 ? errno : EIO);
      free(text);
      return NULL;
    }
    at += (uint64_t)got;
  }
  text[length] = 0;
  return text;
}

char *gshm_inspect(const char *socket, uint32_t what, const char *name) {
  struct gshm_inspect_request body = {.what = what};
  struct gshm_inspect_reply reply;
  int fd = -1;
  if (name && *name && gshm_copy_name(body.name, name, "inspect") != 0) return NULL;
  struct gshm_exchange x = {
      .op = GSHM_OP_INSPECT,
      .body = &body,
      .body_size = sizeof body,
      .reply = &reply,
      .reply_size = sizeof reply,
      .received = &fd,
  };
  if (visit(socket, &x) != 0) return NULL;
  char *text = read_text(fd, reply.length);
  int error = errno;
  close(fd);
  errno = error;
  return text;
}

int gshm_visitor_unlink(const char *socket, const char *name) {
  struct gshm_name_request body;
  if (gshm_copy_name(body.name, name, "unlink") != 0) return -1;
  struct gshm_exchange x = {.op = GSHM_OP_UNLINK, .body = &body, .body_size = sizeof body};
  return visit(socket, &x);
}
