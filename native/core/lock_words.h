/* lock_words.h: the daemon's side of abi/lock_words.h.
 *
 * The daemon keeps in its own memory which slot serves which lock, with which generation. It reads words only
 * to learn whether somebody holds the lock, and who: whatever a process may have written there, the
 * answer is one of these. It waits for nobody. */
#ifndef GSHM_CORE_LOCK_WORDS_H
#define GSHM_CORE_LOCK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/lock_words.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gshm_lock_words {
  int fd; /* of the memfd, sealed against resizing; -1 once closed */
  struct gshm_lock_pages *pages;
};

/* 0 or a negative errno. `name` shows in /proc. */
int gshm_lock_words_open(struct gshm_lock_words *words, const char *name);
/* The pages of `fd`, which another process has opened so. 0 or a negative errno. */
int gshm_lock_words_map(struct gshm_lock_words *words);
/* Shuts the words of slots that lie in those bytes of the pages. */
void gshm_lock_words_shut_between(struct gshm_lock_words *words, uint64_t from, uint64_t to);
/* Lets the pages go. */
void gshm_lock_words_close(struct gshm_lock_words *words);

/* Makes `owner` (gshm_word_owner; 0: nobody) the lock's holder from now on, in a word that was shut. 0 or a negative errno
 * (the host has no memory). */
int gshm_lock_words_give(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t owner,
                         bool shut);
/* Shuts the word, if it is not. Gives who holds it; 0: nobody, and nobody can any more. */
uint64_t gshm_lock_words_shut(struct gshm_lock_words *words, uint32_t slot);
/* Who holds it now; 0: nobody. */
uint64_t gshm_lock_words_owner(const struct gshm_lock_words *words, uint32_t slot);
/* The same in *owner, and whether the word is shut. */
bool gshm_lock_words_look(const struct gshm_lock_words *words, uint32_t slot, uint64_t *owner);
/* Whoever owns the word loses it, which is shut then. false: `owner` does not own it. */
bool gshm_lock_words_take(struct gshm_lock_words *words, uint32_t slot, uint64_t owner);
/* What follows is about lines (abi/lock_line.h). */
/* A thread of the process holds it, and may pass it on by a line when it gives it back. false: none does, or it may not. */
bool gshm_lock_words_let_pass(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint32_t process);
/* It may not any more: unless it has already. */
void gshm_lock_words_let_not_pass(struct gshm_lock_words *words, uint32_t slot);
/* It has been passed on so; told once. */
bool gshm_lock_words_passed(struct gshm_lock_words *words, uint32_t slot);
/* Nobody holds it, its word is shut, and whoever is told of the turn by a line may take it. false: it is not so. */
bool gshm_lock_words_await(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t turn);
/* Not any more. false: it has been taken. */
bool gshm_lock_words_await_not(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t turn);
/* Opens the word of a lock that the owner holds. false: that does not hold it, or it is open. */
bool gshm_lock_words_open_to(struct gshm_lock_words *words, uint32_t slot, uint32_t generation, uint64_t owner);

/* Slots below `end`, ascending, whose words are shut and free, `room` at most. */
size_t gshm_lock_words_free(const struct gshm_lock_words *words, uint32_t end, uint32_t *slots, size_t room);
/* How often it has been acquired by compare-and-swap, as its holders count; it only grows, until another lock begins. */
uint64_t gshm_lock_words_acquired(const struct gshm_lock_words *words, uint32_t slot);
/* Its holds, as abi/lock_words.h counts them. */
void gshm_lock_words_holds(const struct gshm_lock_words *words, uint32_t slot, uint32_t holds[GSHM_HOLD_BUCKETS]);
/* Another lock begins in the slot, whose word is shut and free: nothing is counted yet. */
void gshm_lock_words_begin(struct gshm_lock_words *words, uint32_t slot);
/* Slots below `end` whose bit in `rung` is set, ascending, `room` at most; their bits are cleared. */
size_t gshm_lock_words_rung(struct gshm_lock_words *words, uint32_t end, uint32_t *slots, size_t room);

/* Whoever has rung for the slot is heard. */
void gshm_lock_words_heard(struct gshm_lock_words *words, uint32_t slot);
/* He is to be heard after all. */
void gshm_lock_words_unheard(struct gshm_lock_words *words, uint32_t slot);

#ifdef __cplusplus
}
#endif
#endif
