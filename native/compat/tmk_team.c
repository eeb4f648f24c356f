/* tmk_team.c: this process in its team: what it is called, and the segment by which the others know it. */
#include "compat/tmk_team.h"

#include <errno.h>

unsigned Tmk_proc_id, Tmk_nprocs = 1, Tmk_page_size = 4096, Tmk_npages;
gshm *tmk_process;
struct tmk_team *tmk_team;

static gshm_segment *team_segment;

gshm *tmk_started(const char *call) {
  if (!tmk_team) gshm_compat_end(TMK, "%s before Tmk_startup", call);
  return tmk_process;
}

gshm_key tmk_key(const void *place) {
  return gshm_located(gshm_at(team_segment, (uint64_t)((const char *)place - (const char *)tmk_team)));
}

void tmk_team_open(const struct gshm_place *place, char name[64]) {
  gshm_options options = {.consistency = "mrsw", .home = GSHM_HOME(0)};
  gshm_place_name(name, "tmk.team", place);
  team_segment = gshm_create_with(tmk_process, name, sizeof *tmk_team, GSHM_OPEN_OR_CREATE, &options);
  if (team_segment && place->ranks == 1) gshm_unlink(tmk_process, name);
  if (team_segment) tmk_team = gshm_map(team_segment, NULL, 0, 0);
  if (!tmk_team) gshm_compat_end(TMK, "Tmk_startup: %s", gshm_strerror(errno));
}
