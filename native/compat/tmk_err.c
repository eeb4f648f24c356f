/* tmk_err.c: what a program has to say of its errors. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compat/Tmk.h"

static void say(const char *format, va_list values) {
  char text[512];
  int length = vsnprintf(text, sizeof text, format, values);
  fflush(stdout);
  fprintf(stderr, "Tmk %u: %s%s", Tmk_proc_id, text, length > 0 && text[strlen(text) - 1] == '\n' ? "" : "\n");
}

void Tmk_err(const char *format, ...) {
  va_list values;
  va_start(values, format);
  say(format, values);
  va_end(values);
}

void Tmk_errexit(const char *format, ...) {
  va_list values;
  va_start(values, format);
  say(format, values);
  va_end(values);
  fflush(NULL);
  _exit(1); /* a death, which others hear of at their next barrier */
}
