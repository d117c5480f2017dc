/* For the files that tell the members of one family of objects. Private to src/v8/. */
#ifndef MEMWHY_V8_MEMBER_LIST_H
#define MEMWHY_V8_MEMBER_LIST_H

#include "v8/members.h"

/* Takes the texts over, also when there is no room left for it; false then. */
bool v8_members_add(struct v8_decoder *d, struct v8_members *m, struct v8_member member);
/* "[[Name]]" with a tagged value, or with a text, which is taken over (NULL: nothing is added). */
void v8_members_slot(struct v8_decoder *d, struct v8_members *m, const char *name, uint64_t value);
void v8_members_text(struct v8_decoder *d, struct v8_members *m, const char *name, char *text);

/* Of a bytecode: "/app/server.js:12:3", with "in " before it where only the function is known;
 * NULL. */
char *v8_member_place(struct v8_decoder *d, const struct v8_shared *s, int32_t offset);

/* What each family adds to an object that may be of it. */
void v8_members_slots(struct v8_decoder *d, uint64_t object, struct v8_members *m);
void v8_members_buffers(struct v8_decoder *d, uint64_t object, struct v8_members *m);
void v8_members_function(struct v8_decoder *d, uint64_t object, struct v8_members *m);
void v8_members_suspended(struct v8_decoder *d, uint64_t object, struct v8_members *m);
void v8_members_error(struct v8_decoder *d, uint64_t object, struct v8_members *m);
void v8_members_native(struct v8_decoder *d, uint64_t object, struct v8_members *m);
void v8_members_wasm(struct v8_decoder *d, uint64_t object, struct v8_members *m);
/* The variables of a context and those around it. */
void v8_members_scopes(struct v8_decoder *d, uint64_t context, struct v8_members *m);

#endif
