/* sysv_rights: what the kernel lets whom do with System V shared memory of each mode.
 *
 *   sysv_rights UID:GID[:GROUP] ...     run as root; the first is the owner
 *
 * One line for each mode from 0001 to 0777 whose execute bits are clear: the mode, and for each user three letters: a if it may
 * attach to read and write, s if it may ask for the status, r if it may remove it; '-' where it may not. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

struct user {
  uid_t uid;
  gid_t gid, group;
  size_t groups;
};

static struct user user_of(const char *text) {
  unsigned uid, gid, group = 0;
  int count = sscanf(text, "%u:%u:%u", &uid, &gid, &group);
  if (count < 2) exit(2);
  return (struct user){uid, gid, group, count == 3};
}

static void become(const struct user *user) {
  if (setgroups(user->groups, &user->group) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0) _exit(99);
}

static int create(int mode) {
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | mode);
  if (id < 0) _exit(99);
  return id;
}

static int attaches(int id) { return shmat(id, NULL, 0) != (void *)-1; }
static int tells(int id) {
  struct shmid_ds status;
  return shmctl(id, IPC_STAT, &status) == 0;
}
static int removes(int id) { return shmctl(id, IPC_RMID, NULL) == 0; }

/* The number of a segment that the owner has made, in a process of its own. */
static int made_by(const struct user *owner, int mode) {
  int pipes[2], id = -1;
  if (pipe(pipes) != 0) exit(1);
  if (fork() == 0) {
    become(owner);
    id = create(mode);
    _exit(write(pipes[1], &id, sizeof id) == sizeof id ? 0 : 99);
  }
  int status;
  if (read(pipes[0], &id, sizeof id) != sizeof id || wait(&status) < 0 || status != 0) exit(1);
  close(pipes[0]);
  close(pipes[1]);
  return id;
}

static int can(const struct user *user, int (*deed)(int), int id) {
  int status;
  if (fork() == 0) {
    become(user);
    _exit(deed(id));
  }
  if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1) exit(1);
  return WEXITSTATUS(status);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct user owner = user_of(argv[1]);
  for (int mode = 1; mode <= 0777; mode++) {
    if (mode & 0111) continue;
    printf("%04o", (unsigned)mode);
    for (int i = 1; i < argc; i++) {
      struct user user = user_of(argv[i]);
      int id = made_by(&owner, mode);
      int a = can(&user, attaches, id), s = can(&user, tells, id), r = can(&user, removes, id);
      if (!r) shmctl(id, IPC_RMID, NULL);
      printf(" %c%c%c", a ? 'a' : '-', s ? 's' : '-', r ? 'r' : '-');
    }
    puts("");
    fflush(stdout);
  }
  return 0;
}
