/* litmus_job.c: a line of numbers becomes a job; nothing in it can lead outside of what there is. */
#include "litmus_job.h"

#include <errno.h>
#include <stdlib.h>

static const char *at, *wrong;

static int64_t number(const char *what, int64_t least, int64_t most) {
  char *end;
  errno = 0;
  long long value = strtoll(at, &end, 10);
  if (end == at || errno || value < least || value > most) wrong = wrong ? wrong : what;
  at = end;
  return wrong ? least : value;
}

static void parse_location(const struct job *job, struct location *l, int64_t pages) {
  l->page = number("page", 0, pages - 1);
  l->line = number("line", 0, PAGE / LINE - 1);
  l->stride = number("stride", 1, PAGE / LINE);
  l->initial = number("initial", INT64_MIN, INT64_MAX);
  if (l->page + (job->runs - 1) / job->per_page * job->step >= pages) wrong = "page of the last run";
  if (l->line + (job->per_page - 1) * l->stride >= PAGE / LINE) wrong = "line of the last run";
}

static void parse_instruction(const struct job *job, const struct thread *t, struct instruction *i) {
  i->op = number("op", LOAD, FENCE);
  i->location = number("location", 0, job->locations - 1);
  i->reg = number("register", 0, t->registers - 1);
  i->source = number("source", NO_SOURCE, t->registers - 1);
  i->value = number("value", INT64_MIN, INT64_MAX);
}

static void parse_thread(const struct job *job, struct thread *t, int64_t workers) {
  t->worker = number("worker of a thread", 0, workers - 1);
  t->registers = number("registers", 1, REGISTERS_MAX);
  for (int64_t r = 0; r < t->registers; r++) {
    t->reg[r].slot = number("slot", NO_SLOT, SLOTS_MAX - 1);
    t->reg[r].initial = number("initial", INT64_MIN, INT64_MAX);
  }
  t->instructions = number("instructions", 0, INSTRUCTIONS_MAX);
  for (int64_t i = 0; i < t->instructions; i++) parse_instruction(job, t, &t->instruction[i]);
}

const char *job_parse(struct job *job, const char *line, uint64_t workers, uint64_t pages) {
  at = line;
  wrong = NULL;
  job->id = number("id", 0, INT64_MAX);
  job->runs = number("runs", 1, RUNS_MAX);
  job->per_page = number("per_page", 1, PAGE / LINE);
  job->step = number("step", 0, (int64_t)pages);
  job->reset = number("reset", 0, (int64_t)workers - 1);
  job->collect = number("collect", 0, (int64_t)workers - 1);
  job->guard = number("guard", 0, INT64_MAX);
  job->seed = number("seed", 0, UINT32_MAX);
  job->burst = number("burst", 1, RUNS_MAX);
  job->warm = number("warm", 0, 1000);
  job->delay = number("delay", 0, 999999999);
  job->gap = number("gap", 0, 999999999);
  job->locations = number("locations", 1, LOCATIONS_MAX);
  for (int64_t l = 0; l < job->locations; l++) parse_location(job, &job->location[l], (int64_t)pages);
  job->threads = number("threads", 1, THREADS_MAX);
  for (int64_t t = 0; t < job->threads; t++) parse_thread(job, &job->thread[t], (int64_t)workers);
  return wrong;
}

int64_t job_slots(const struct job *job) {
  int64_t slots = 0;
  for (int64_t t = 0; t < job->threads; t++)
    for (int64_t r = 0; r < job->thread[t].registers; r++)
      if (job->thread[t].reg[r].slot >= slots) slots = job->thread[t].reg[r].slot + 1;
  return slots;
}
