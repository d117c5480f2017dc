/* The JavaScript object of a handle (TCP, Pipe, Process, ...), and the one it is part of (Socket,
 * Server, ChildProcess, ...). */
#ifndef MEMWHY_COLLECT_HANDLE_OWNER_H
#define MEMWHY_COLLECT_HANDLE_OWNER_H

#include "model/uv_census.h"
#include "v8/objects.h"

/* `wrap`: what the v8::Global of a C++ object holds. It is believed to be its JavaScript object
 * when one of its embedder fields leads back to `native`; nothing is set where it is not. */
void handle_owner_read(struct v8_objects *o, uint64_t wrap, uint64_t native, struct uv_script *ret);
/* A stream's listener, when it is a TLSWrap, has a socket of its own: that is the owner then, for
 * the program writes to it. */
void handle_owner_over(struct v8_objects *o, uint64_t listener, struct uv_script *s);

#endif
