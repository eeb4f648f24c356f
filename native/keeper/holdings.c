/* holdings.c: growing arrays, searched from the end: what came last is asked for most. */
#include "holdings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *grown(void *array, size_t count, size_t *room, size_t size) {
  if (count < *room) return array;
  *room = *room ? *room * 2 : 16;
  array = realloc(array, *room * size);
  if (!array) {
    fprintf(stderr, "gshm-keeper: out of memory\n");
    exit(1);
  }
  return array;
}

struct channel *holdings_channel(struct holdings *held, uint64_t id) {
  for (size_t i = held->channels; i-- > 0;)
    if (held->channel[i].id == id) return &held->channel[i];
  return NULL;
}

void holdings_add_channel(struct holdings *held, uint64_t id, int uffd, int pidfd) {
  holdings_drop_channel(held, id);
  held->channel = grown(held->channel, held->channels, &held->channel_room, sizeof *held->channel);
  held->channel[held->channels++] = (struct channel){.id = id, .uffd = uffd, .pidfd = pidfd};
}

void holdings_add_trapped(struct holdings *held, uint64_t id, int memory, int pidfd) {
  holdings_drop_channel(held, id);
  held->trapped = grown(held->trapped, held->trapped_count, &held->trapped_room, sizeof *held->trapped);
  held->trapped[held->trapped_count++] = (struct trapped){.id = id, .memory = memory, .pidfd = pidfd};
}

static void drop_trapped(struct holdings *held, uint64_t id) {
  for (size_t i = held->trapped_count; i-- > 0;) {
    struct trapped *process = &held->trapped[i];
    if (process->id != id) continue;
    close(process->memory);
    if (process->pidfd >= 0) close(process->pidfd);
    *process = held->trapped[--held->trapped_count];
  }
}

void holdings_drop_channel(struct holdings *held, uint64_t id) {
  drop_trapped(held, id);
  struct channel *channel = holdings_channel(held, id);
  if (!channel) return;
  close(channel->uffd);
  if (channel->pidfd >= 0) close(channel->pidfd);
  *channel = held->channel[--held->channels];
}

static struct frames *frames_of(struct holdings *held, uint64_t segment) {
  for (size_t i = held->segments; i-- > 0;)
    if (held->frames[i].segment == segment) return &held->frames[i];
  return NULL;
}

void holdings_add_frames(struct holdings *held, uint64_t segment, int fd) {
  holdings_drop_frames(held, segment);
  held->frames = grown(held->frames, held->segments, &held->segment_room, sizeof *held->frames);
  held->frames[held->segments++] = (struct frames){.segment = segment, .fd = fd};
}

void holdings_drop_frames(struct holdings *held, uint64_t segment) {
  struct frames *frames = frames_of(held, segment);
  if (!frames) return;
  close(frames->fd);
  *frames = held->frames[--held->segments];
}

static struct lock_words *locks_of(struct holdings *held, uint64_t segment) {
  for (size_t i = held->lock_sets; i-- > 0;)
    if (held->locks[i].segment == segment) return &held->locks[i];
  return NULL;
}

void holdings_add_locks(struct holdings *held, uint64_t segment, int fd) {
  holdings_drop_locks(held, segment);
  held->locks = grown(held->locks, held->lock_sets, &held->lock_room, sizeof *held->locks);
  held->locks[held->lock_sets++] = (struct lock_words){.segment = segment, .fd = fd};
}

void holdings_drop_locks(struct holdings *held, uint64_t segment) {
  struct lock_words *locks = locks_of(held, segment);
  if (!locks) return;
  close(locks->fd);
  *locks = held->locks[--held->lock_sets];
}
