/* fdpass.h: packets with descriptors over unix sockets (SOCK_SEQPACKET). */
#ifndef GSHM_CORE_FDPASS_H
#define GSHM_CORE_FDPASS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GSHM_FDS_MAX 8 /* descriptors in one packet */

struct gshm_packet {
  size_t length;           /* bytes received */
  int fds[GSHM_FDS_MAX];   /* received descriptors, close-on-exec: the caller's to close */
  int fd_count;
  int truncated;           /* the packet was longer than the room for it */
  int fds_lost;            /* 1: more than GSHM_FDS_MAX were passed; 2: this process could not
                              receive them all, being out of descriptors */
};

/* Receives one packet of up to `size` bytes. Gives 1, 0 when the other end has closed (or sent an
 * empty packet), or a negative errno. `flags` as for recvmsg(2), e.g. MSG_DONTWAIT. */
int gshm_packet_receive(int socket, void *into, size_t size, int flags, struct gshm_packet *packet);
/* Closes what was received. */
void gshm_packet_close_fds(struct gshm_packet *packet);
/* Sends one packet with `count` descriptors, which stay the caller's. Never raises SIGPIPE.
 * 0 or a negative errno. */
int gshm_packet_send(int socket, const void *data, size_t size, const int *fds, int count, int flags);

#ifdef __cplusplus
}
#endif
#endif
