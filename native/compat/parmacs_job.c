/* parmacs_job.c: the job, the names of its segments, and its ends. */
#include "compat/parmacs_job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct gshm_parmacs_job gshm_parmacs_job = {.ranks = 1};
static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

void gshm_parmacs_name(char into[64], const char *what) { snprintf(into, 64, "parmacs-%s.%s", what, job->id); }

void gshm_parmacs_unlink(void) {
  static const char *const segments[] = {"control", "heap", "globals", "private"};
  for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
    char name[64];
    gshm_parmacs_name(name, segments[i]);
    gshm_unlink(job->g, name);
  }
}

void gshm_parmacs_leave_it_to_the_other(void) {
  sleep(5);
  _exit(1);
}

void gshm_parmacs_fail(const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fflush(stdout);
  fprintf(stderr, "gshm: PARMACS: %s\n", text);
  if (!job->begun && job->rank == 0 && job->control) gshm_parmacs_unlink();
  exit(1);
}

/* The rank's socket is closed before its parent hears of its end, by as long as it takes to write a core. */
void gshm_parmacs_died(const char *where, uint32_t rank) {
  fflush(stdout);
  fprintf(stderr, "gshm: PARMACS: %s: rank %u has died in its function\n", where, rank);
  gshm_parmacs_leave_it_to_the_other();
}

void gshm_parmacs_refused(const char *what) { gshm_parmacs_fail("%s: %s", what, gshm_strerror(errno)); }
