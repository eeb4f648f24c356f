/* place.c: the environment of a run, and ends of programs. */
#include "compat/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void gshm_compat_end(const char *api, const char *format, ...) {
  char text[512];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  fflush(stdout);
  fprintf(stderr, "%s: %s\n", api, text);
  fflush(stderr);
  _exit(1);
}

static uint32_t number(const char *api, const char *variable, uint32_t otherwise) {
  const char *text = getenv(variable);
  if (!text || !*text) return otherwise;
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end || errno || value > 65535)
    gshm_compat_end(api, "%s='%s': a number is wanted, as gshm run sets it", variable, text);
  return (uint32_t)value;
}

struct gshm_place gshm_place_in_run(const char *api) {
  struct gshm_place place = {.rank = number(api, "GSHM_RANK", 0), .ranks = number(api, "GSHM_RANKS", 1)};
  if (place.rank >= place.ranks)
    gshm_compat_end(api, "GSHM_RANK=%u of GSHM_RANKS=%u: there is no such rank", place.rank, place.ranks);
  const char *run = getenv("GSHM_RUN");
  if (run && strlen(run) >= sizeof place.run)
    gshm_compat_end(api, "GSHM_RUN='%s': more than %zu bytes", run, sizeof place.run - 1);
  strcpy(place.run, run ? run : "");
  return place;
}

void gshm_place_name(char name[64], const char *kind, const struct gshm_place *place) {
  snprintf(name, 64, *place->run ? "%.30s.%s" : "%.30s", kind, place->run);
}

uint64_t gshm_compat_bytes(const char *api, const char *variable, uint64_t otherwise) {
  const char *text = getenv(variable);
  if (!text || !*text) return otherwise;
  static const char units[] = "KMG";
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
  unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
  if (!isdigit((unsigned char)*text) || errno || value == 0 || value > UINT64_MAX >> shift || (*end && (!unit || end[1])))
    gshm_compat_end(api, "%s='%s': bytes are wanted, such as 65536, 64K or 1G", variable, text);
  return value << shift;
}
