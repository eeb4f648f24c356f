/* failure.h: errors as TypeScript sees them: code 'ERR_GSHM_*', one line that names the knob. */
#ifndef GSHM_ADDON_FAILURE_H
#define GSHM_ADDON_FAILURE_H

#include <napi.h>

#include <string>

#include "abi/errors.h"

/* "NAME" and text of an error number of native/abi/errors.h. */
const char* ErrorName(enum gshm_error error);
const char* ErrorText(enum gshm_error error);

/* An Error with `code`; the message is `detail`, or the error's own text when that is empty. */
Napi::Error MakeError(Napi::Env env, enum gshm_error error, const std::string& detail = "");

/* A failed system call `call` with errno `number`: ERR_GSHM_DESCRIPTORS when descriptors are
 * exhausted, ERR_GSHM_MEMORY when memory is, else ERR_GSHM_SYSTEM. The Error has `errno`. */
Napi::Error SystemError(Napi::Env env, const std::string& call, int number);

/* For functions that raw Node-API calls: throws in JavaScript, gives nullptr to return. */
napi_value ThrowRaw(napi_env env, enum gshm_error error, const std::string& detail);
napi_value ThrowSystemRaw(napi_env env, const std::string& call, int number);

#endif
