/* globals.C: which of rank 0's variables another rank finds when it begins, and which not.
 *
 *   globals             one line for each thing that is not as it should be, then: checked N
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

MAIN_ENV

struct shared {
  int wrong, checked;
  LOCKDEC(lock)
  char text[16][64];
} *shared;

int set_before = 1;               /* .data */
long not_set[10000];              /* .bss */
static int *into_data = &set_before;
int (*function)(const char *, ...) = printf; /* a library's */
static const char *word = "word";
__thread int of_thread = 1;
FILE *out;
struct item { struct item *next; int number; } *list;
char *name;
__attribute__((section("own_section"))) int in_section = 1;
int late = 1;

static int counted(void) {
  static int calls;
  return ++calls;
}

static void check(int ok, const char *what) {
  LOCK(shared->lock)
  shared->checked++;
  if (!ok) snprintf(shared->text[shared->wrong++], sizeof shared->text[0], "%s", what);
  UNLOCK(shared->lock)
}

void look(void) {
  int sum = 0, copies = 0;
  check(set_before == 2, "initialised data");
  check(not_set[0] == 1 && not_set[9999] == 2 && not_set[5000] == 0, "bss");
  check(into_data == &set_before, "a pointer to data");
  check(function == printf, "a pointer to a function of a library");
  check(strcmp(word, "word") == 0, "a pointer to a constant");
  check(of_thread == 1, "thread-local storage is not copied");
  check(out == stdout, "a pointer to stdout");
  check(optind == 1, "a library's variable is not copied, though the linker gave it a place here");
  check(counted() == 4, "a static variable of a function");
  check(in_section == 2, "a section that the program has named");
  check(late == 2, "what is set between two CREATEs");
  for (struct item *item = list; item; item = item->next) sum += item->number;
  check(sum == 5050, "a list from malloc");
  for (struct item *item = list, *next; item; item = next, copies++) {
    next = item->next;
    free(item);
  }
  check(copies == 100, "to free it");
  name = realloc(name, 10000);
  check(strcmp(name, "a name") == 0, "realloc of what rank 0 had");
  memset(name, 1, 10000);
  free(name);
  set_before = 3;
}

void first(void) {}

int main(int argc, char **argv) {
  MAIN_INITENV()
  shared = (struct shared *)G_MALLOC(sizeof *shared)
  memset(shared, 0, sizeof *shared);
  LOCKINIT(shared->lock)
  set_before = 2;
  not_set[0] = 1;
  not_set[9999] = 2;
  of_thread = 2;
  optind = 7;
  out = stdout;
  in_section = 2;
  for (int i = 0; i < 3; i++) counted();
  name = strdup("a name");
  for (int i = 1; i <= 100; i++) {
    struct item *item = malloc(sizeof *item);
    item->next = list;
    item->number = i;
    list = item;
  }
  printf("before, "); /* not twice, though it is not written yet */
  CREATE(first)
  WAIT_FOR_END(1)
  late = 2;
  CREATE(look)
  WAIT_FOR_END(1)
  for (int i = 0; i < shared->wrong; i++) printf("wrong: %s\n", shared->text[i]);
  printf("checked %d, mine %d\n", shared->checked, set_before);
  MAIN_END
}
