/* version.c: which device protocol this libgshm speaks, for programs that load it by hand. */
#include "abi/device.h"
#include "client/gshm.h"

GSHM_API unsigned gshm_abi_version(void);
unsigned gshm_abi_version(void) { return GSHM_ABI_VERSION; }
