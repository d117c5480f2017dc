/* Real-time priority for the few milliseconds in which a target is held: on a machine whose
 * processors are all taken, each of the many hand-overs between the supervisor and the target would
 * wait for a turn. Private to src/image/. */
#ifndef MEMWHY_IMAGE_HURRY_H
#define MEMWHY_IMAGE_HURRY_H

#include <sys/types.h>

enum { HURRY_NOT_CHANGED = -1 };

/* Give it to the thread (0: the calling one), where that is permitted and it has none. Returns what
 * hurry_end takes. What the thread forks has it too. */
int hurry_begin(pid_t tid);
/* As it was, its nice value with it. */
void hurry_end(pid_t tid, int before);

#endif
