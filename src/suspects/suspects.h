/* Finds what on the JavaScript heap looks like a leak. */
#ifndef MEMWHY_SUSPECTS_SUSPECTS_H
#define MEMWHY_SUSPECTS_SUSPECTS_H

#include "model/suspect.h"
#include "v8/v8.h"

/* Made with the view; `arg` of the visit is a struct suspects. */
int suspects_see(void *suspects, const struct v8_view *view, struct err *e);

#endif
