/* parmacs_monitor.c: monitors. One process at a time is in a monitor, between MENTER and MEXIT. DELAY lets others in until one of them
 * says CONTINUE of the same queue: that one leaves, and the first that waits there is in the monitor again at once, with what it found,
 * before anybody else (Hoare's way: such programs do not look again). When none waits CONTINUE is MEXIT.
 *
 * Whether somebody is in it, and who waits, are words that the mutex at the monitor's address guards. */
#include <errno.h>

#include "compat/parmacs.h"
#include "compat/parmacs_job.h"
#include "compat/parmacs_place.h"

static struct gshm_parmacs_job *const job = &gshm_parmacs_job;

struct inside {
  gshm_addr at;
  gshm_parmacs_monitor *monitor; /* its shared words; the caller has their mutex */
  const char *what;
};

static gshm_key entry_of(const struct inside *in) { return gshm_located(in->at); }
static gshm_key queue_of(const struct inside *in, long queue) {
  return gshm_located(in->at + offsetof(gshm_parmacs_monitor, queues) + (uint64_t)queue * sizeof in->monitor->queues[0]);
}

static struct inside begin(gshm_parmacs_monitor *declared, long queue, const char *what) {
  void *shared;
  struct inside in = {gshm_parmacs_place(declared, &shared, what), NULL, what};
  in.monitor = shared;
  if (queue < 0 || queue >= GSHM_PARMACS_QUEUES)
    gshm_parmacs_fail("%s: queue %ld: a monitor has queues 0 to %d", what, queue, GSHM_PARMACS_QUEUES - 1);
  if (gshm_mutex_lock(job->g, entry_of(&in), GSHM_FOREVER) != 0) gshm_parmacs_refused(what);
  return in;
}
static void end(const struct inside *in) {
  if (gshm_mutex_unlock(job->g, entry_of(in)) != 0) gshm_parmacs_refused(in->what);
}
static void await(const struct inside *in, gshm_key condition) {
  if (gshm_condition_wait(job->g, condition, entry_of(in), GSHM_FOREVER) != 0) gshm_parmacs_refused(in->what);
}
static void leave(const struct inside *in) {
  if (!in->monitor->busy) gshm_parmacs_fail("%s of a monitor that nobody is in", in->what);
  in->monitor->busy = 0;
  if (gshm_condition_signal(job->g, entry_of(in)) != 0) gshm_parmacs_refused(in->what);
}

void gshm_parmacs_monitor_init(gshm_parmacs_monitor *monitor) {
  struct inside in = begin(monitor, 0, "MONINIT");
  *in.monitor = (gshm_parmacs_monitor){0};
  end(&in);
}

void gshm_parmacs_monitor_enter(gshm_parmacs_monitor *monitor) {
  struct inside in = begin(monitor, 0, "MENTER");
  while (in.monitor->busy) await(&in, entry_of(&in));
  in.monitor->busy = 1;
  end(&in);
}

void gshm_parmacs_monitor_exit(gshm_parmacs_monitor *monitor) {
  struct inside in = begin(monitor, 0, "MEXIT");
  leave(&in);
  end(&in);
}

void gshm_parmacs_monitor_delay(gshm_parmacs_monitor *monitor, long queue) {
  struct inside in = begin(monitor, queue, "DELAY");
  const uint64_t mine = in.monitor->queues[queue].came++;
  leave(&in);
  while (in.monitor->queues[queue].continued <= mine) await(&in, queue_of(&in, queue));
  end(&in);
}

void gshm_parmacs_monitor_continue(gshm_parmacs_monitor *monitor, long queue) {
  struct inside in = begin(monitor, queue, "CONTINUE");
  if (!in.monitor->busy) gshm_parmacs_fail("CONTINUE of a monitor that nobody is in");
  if (in.monitor->queues[queue].continued == in.monitor->queues[queue].came) {
    leave(&in);
  } else {
    in.monitor->queues[queue].continued++; /* it stays busy: the other is in it now */
    if (gshm_condition_broadcast(job->g, queue_of(&in, queue)) != 0) gshm_parmacs_refused(in.what);
  }
  end(&in);
}
