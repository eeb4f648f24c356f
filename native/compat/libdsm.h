/* libdsm.h: dsm.h under the name that programs of that system include, with the headers that it brought along. */
#ifndef GSHM_LIBDSM_H
#define GSHM_LIBDSM_H
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "dsm.h"
#endif
