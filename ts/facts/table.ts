/** What the design takes for granted of the kernel, each with the experiment that shows it. */
import { fact, type Fact } from './script.js'

export const FACTS: readonly Fact[] = [
  fact(
    'hole',
    'the first touch of a hole is a MISSING fault, with WRITE for a store, and the page is filled by who serves it',
    `load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0
     store 0.1 1 5 -> waits
     drain v0 -> 0.1:MISSING|WRITE:1
     fill 0 7 -> ok
     CONTINUE v0 0 -> ok 0.0=7
     fill 1 0 -> ok
     CONTINUE v0 1 -> ok 0.1=done
     pread 1 -> 5`,
  ),
  fact(
    'present frame',
    'the first touch of a page whose frame is in the memfd is a MINOR fault',
    `fill 0 7 -> ok
     load 0.0 0 -> waits
     store 0.1 0 8 -> waits
     drain v0 -> 0.0:MINOR:0 0.1:MINOR|WRITE:0`,
  ),
  fact(
    'protected page',
    'a store to a write-protected page raises WP|WRITE, a load of it nothing; clearing lets the store go on',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     WP v0 0 -> ok
     load 0.0 0 -> 7
     store 0.0 0 8 -> waits
     drain v0 -> 0.0:WP|WRITE:0
     pread 0 -> 7
     UNWP v0 0 -> ok 0.0=done
     pread 0 -> 8`,
  ),
  fact(
    'write answered with read',
    'a write miss that is resolved with CONTINUE|WP raises a second fault, for the protection',
    `store 0.0 0 8 -> waits
     drain v0 -> 0.0:MISSING|WRITE:0
     fill 0 7 -> ok
     CONTINUE|WP v0 0 -> ok
     drain v0 -> 0.0:WP|WRITE:0`,
  ),
  fact('continue a hole', 'CONTINUE where there is no frame is EFAULT', 'CONTINUE v0 0 -> EFAULT'),
  fact(
    'continue a mapped page',
    'CONTINUE of a mapped page is EEXIST and wakes nobody: that takes a WAKE',
    `fill 0 7 -> ok
     CONTINUE|WP v0 0 -> ok
     store 0.0 0 8 -> waits
     CONTINUE v0 0 -> EEXIST
     drain v0 -> 0.0:WP|WRITE:0
     WAKE v0 0 -> ok
     drain v0 -> 0.0:WP|WRITE:0`,
  ),
  fact(
    'continue an unmapped range',
    'every change of a range without a mapping is ENOENT',
    `fill 0 7 -> ok
     unmap 0.2 0 -> waits
     drain v0 -> UNMAP:0 0.2=done
     CONTINUE v0 0 -> ENOENT
     WP v0 0 -> ENOENT
     POISON v0 0 -> ENOENT
     load 0.0 0 -> SIGSEGV`,
  ),
  fact(
    'dead process',
    'every change in a process that is dead is ESRCH, and its userfaultfd has nothing to read',
    `fill 0 7 -> ok
     load 0.0 1 -> waits
     kill v0 -> ok
     CONTINUE v0 0 -> ESRCH
     WP v0 0 -> ESRCH
     POISON v0 0 -> ESRCH
     drain v0 -> nothing`,
  ),
  fact(
    'signal',
    'a signal makes a thread that waits fault again: the same message comes twice',
    `store 0.0 0 8 -> waits
     drain v0 -> 0.0:MISSING|WRITE:0
     signal 0.0 -> ok
     drain v0 -> 0.0:MISSING|WRITE:0`,
  ),
  fact(
    'signal, unread',
    'the message of a fault that a signal interrupted, and that nobody had read, is withdrawn',
    `load 0.0 0 -> waits
     signal 0.0 -> ok
     drain v0 -> 0.0:MISSING:0`,
  ),
  fact(
    'signal within a system call',
    'a signal to a thread that waits within a system call makes it fault on, on and on, until the page is there',
    `kernel-store 0.0 0 8 -> waits
     signal 0.0 -> spins
     fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     await 0.0 -> ok 0.0=done
     pread 0 -> 8`,
  ),
  fact(
    'filled behind your back',
    'a load through a mapping without userfaultfd fills a hole; then pages are MINOR that were MISSING',
    `present 0 -> no
     plain-load 0 -> 0
     present 0 -> yes
     load 0.0 0 -> waits
     drain v0 -> 0.0:MINOR:0`,
  ),
  fact(
    'pread',
    'pread of a hole gives zeros and leaves the hole',
    `pread 0 -> 0
     present 0 -> no`,
  ),
  fact(
    'punch',
    'a punch takes the page from every process and raises no event; who comes next faults',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     CONTINUE v1 0 -> ok
     punch 0 -> ok
     drain v0 -> nothing
     load 0.0 0 -> waits
     load 1.0 0 -> waits
     drain v0 -> 0.0:MISSING:0
     drain v1 -> 1.0:MISSING:0`,
  ),
  fact(
    'marker over a punch',
    'write-protection outlives a punch, as a marker: the hole cannot be poisoned before it is cleared',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     WP v0 0 -> ok
     punch 0 -> ok
     POISON v0 0 -> EEXIST
     UNWP v0 0 -> ok
     POISON v0 0 -> ok`,
  ),
  fact(
    'marker of a hole',
    'a hole can be write-protected, which does not keep it from being a MISSING fault',
    `WP v0 0 -> ok
     POISON v0 0 -> EEXIST
     load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0`,
  ),
  fact(
    'marker over MADV_DONTNEED',
    'write-protection outlives MADV_DONTNEED, too',
    `fill 0 7 -> ok
     CONTINUE|WP v0 0 -> ok
     dontneed 0.2 0 -> waits
     drain v0 -> REMOVE:0 0.2=done
     POISON v0 0 -> EEXIST`,
  ),
  fact(
    'continue over a marker',
    'CONTINUE without MODE_WP drops the marker: the page can be written',
    `WP v0 0 -> ok
     fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     store 0.0 0 8 -> done`,
  ),
  fact(
    'poison',
    'an access to poison is SIGBUS, and EFAULT for a system call',
    `POISON v0 0 -> ok
     load 0.0 0 -> SIGBUS
     store 0.0 0 8 -> SIGBUS
     kernel-load 0.0 0 -> EFAULT
     kernel-store 0.0 0 8 -> EFAULT
     drain v0 -> nothing
     POISON v0 0 -> EEXIST`,
  ),
  fact(
    'poison of a waiter',
    'POISON wakes who waits, to a SIGBUS',
    `load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0
     POISON v0 0 -> ok 0.0=SIGBUS`,
  ),
  fact(
    'poison of a present page',
    'POISON of a mapped page is EEXIST, also of a protected one',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     POISON v0 0 -> EEXIST
     WP v0 0 -> ok
     POISON v0 0 -> EEXIST
     load 0.0 0 -> 7`,
  ),
  fact(
    'poison ends',
    'poison outlives a punch and write-protection; CONTINUE replaces it, so that a page can come back',
    `POISON v0 0 -> ok
     fill 0 7 -> ok
     punch 0 -> ok
     load 0.0 0 -> SIGBUS
     WP v0 0 -> ok
     UNWP v0 0 -> ok
     load 0.0 0 -> SIGBUS
     fill 0 9 -> ok
     CONTINUE v0 0 -> ok
     load 0.0 0 -> 9`,
  ),
  fact(
    'poison and MADV_DONTNEED',
    'MADV_DONTNEED takes poison away: what was SIGBUS is a fault again, for the daemon to answer',
    `POISON v0 0 -> ok
     dontneed 0.2 0 -> waits
     drain v0 -> REMOVE:0 0.2=done
     load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0`,
  ),
  fact(
    'poison taken away',
    'where CONTINUE|WP has replaced poison, a punch leaves a fault again, to be answered: by poison, too',
    `POISON v0 0 -> ok
     fill 0 0 -> ok
     CONTINUE|WP v0 0 -> ok
     load 0.0 0 -> 0
     store 0.1 0 8 -> waits
     punch 0 -> ok
     drain v0 -> 0.1:WP|WRITE:0
     load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0
     poison v0 0 -> ok 0.0=SIGBUS 0.1=SIGBUS`,
  ),
  fact(
    'poison is of one process',
    'POISON in one process leaves the page to the others',
    `fill 0 7 -> ok
     CONTINUE v1 0 -> ok
     POISON v0 0 -> ok
     load 0.0 0 -> SIGBUS
     load 1.0 0 -> 7`,
  ),
  fact(
    'unread events',
    'while an address event is unread every change is EAGAIN, and goes through once it is read',
    `fill 0 7 -> ok
     unmap 0.2 1 -> waits
     CONTINUE v0 0 -> EAGAIN
     WP v0 0 -> EAGAIN
     POISON v0 0 -> EAGAIN
     WAKE v0 0 -> ok
     CONTINUE v1 0 -> ok
     drain v0 -> UNMAP:1 0.2=done
     CONTINUE v0 0 -> ok`,
  ),
  fact(
    'faults go first',
    'a fault that came after an address event is read before it',
    `dontneed 0.2 1 -> waits
     load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0 REMOVE:1 0.2=done`,
  ),
  fact(
    'MADV_DONTNEED',
    'MADV_DONTNEED raises REMOVE, takes the mapping and not the frame: no zeros, and others keep theirs',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     CONTINUE v1 0 -> ok
     dontneed 0.2 0 -> waits
     drain v0 -> REMOVE:0 0.2=done
     load 0.0 0 -> waits
     drain v0 -> 0.0:MINOR:0
     CONTINUE v0 0 -> ok 0.0=7
     load 1.0 0 -> 7`,
  ),
  fact(
    'MADV_REMOVE',
    "MADV_REMOVE raises REMOVE and takes everybody's frame: data are lost",
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     CONTINUE v1 0 -> ok
     remove 0.2 0 -> waits
     drain v0 -> REMOVE:0 0.2=done
     present 0 -> no
     load 1.0 0 -> waits
     drain v1 -> 1.0:MISSING:0`,
  ),
  fact(
    'MADV_REMOVE of the dead',
    'a process that is killed before its REMOVE was read takes the frame all the same',
    `fill 0 7 -> ok
     remove 0.2 0 -> waits
     present 0 -> yes
     kill v0 -> ok
     present 0 -> no`,
  ),
  fact(
    'no store after protecting',
    'once every process is protected no store reaches the frame: none is lost between copy and punch',
    `race 300 -> lost 0`,
  ),
  fact(
    'a store between copy and punch',
    'without protection a store between copy and punch goes through, and is lost with the frame',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     pread 0 -> 7
     store 0.0 0 8 -> done
     punch 0 -> ok
     fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     load 0.0 0 -> 7`,
  ),
  fact(
    'protection is of one process',
    'WP in one process does not keep the others from storing',
    `fill 0 7 -> ok
     CONTINUE v0 0 -> ok
     CONTINUE v1 0 -> ok
     WP v0 0 -> ok
     store 1.0 0 8 -> done
     load 0.0 0 -> 8`,
  ),
  fact(
    'fork',
    "a fork event brings the child's userfaultfd; both fault by themselves from then on",
    `fork 0.2 -> waits
     WP v0 0 -> EAGAIN
     drain v0 -> FORK 0.2=done
     load 2.0 0 -> waits
     load 0.0 0 -> waits
     drain v2 -> 2.0:MISSING:0
     drain v0 -> 0.0:MISSING:0
     fill 0 7 -> ok
     CONTINUE v2 0 -> ok 2.0=7
     CONTINUE v0 0 -> ok 0.0=7`,
  ),
  fact(
    'fork, protected',
    "a child has its parent's pages, protection and poison; what is protected later must be so in both",
    `fill 0 7 -> ok
     fill 1 7 -> ok
     CONTINUE|WP v0 0 -> ok
     CONTINUE v0 1 -> ok
     POISON v0 2 -> ok
     fork 0.2 -> waits
     drain v0 -> FORK 0.2=done
     store 2.0 0 8 -> waits
     drain v2 -> 2.0:WP|WRITE:0
     UNWP v2 0 -> ok 2.0=done
     WP v0 1 -> ok
     store 2.0 1 9 -> done
     load 2.0 2 -> SIGBUS`,
  ),
  fact(
    'system calls',
    'read(2) into an absent page and write(2) from one fault as stores and loads do',
    `kernel-store 0.0 0 8 -> waits
     drain v0 -> 0.0:MISSING|WRITE:0
     fill 0 7 -> ok
     CONTINUE v0 0 -> ok 0.0=done
     pread 0 -> 8
     kernel-load 1.0 0 -> waits
     drain v1 -> 1.0:MINOR:0
     CONTINUE v1 0 -> ok 1.0=8
     WP v0 0 -> ok
     kernel-store 0.0 0 9 -> waits
     drain v0 -> 0.0:WP|WRITE:0
     UNWP v0 0 -> ok 0.0=done`,
  ),
  fact(
    'beyond the end',
    "an access beyond the memfd's end is SIGBUS without any event",
    `load 0.0 4 -> SIGBUS
     drain v0 -> nothing`,
  ),
  fact(
    'answered before it was read',
    'a fault that is answered before it was read is not there to read any more',
    `load 0.0 0 -> waits
     fill 0 7 -> ok
     CONTINUE v0 0 -> ok 0.0=7
     drain v0 -> nothing`,
  ),
  fact(
    'last reference',
    'once the last reference to its userfaultfd is closed, who waits goes on and reads zeros',
    `load 0.0 0 -> waits
     drain v0 -> 0.0:MISSING:0
     close v0 -> ok 0.0=0`,
  ),
  fact(
    'changes',
    'the changes of native/core/uffd.h answer as they say',
    `resume-read v0 0 -> hole
     fill 0 7 -> ok
     resume-read v0 0 -> ok
     resume-read v0 0 -> already
     store 0.0 0 8 -> waits
     resume-write v0 0 -> already 0.0=done
     poison v0 0 -> already
     protect v0 0 -> ok
     punch 0 -> ok
     poison v0 0 -> ok
     dontneed 0.2 1 -> waits
     protect v0 0 -> again
     drain v0 -> REMOVE:1 0.2=done
     unprotect v0 0 -> ok
     kill v0 -> ok
     resume-write v0 0 -> gone`,
  ),
]
