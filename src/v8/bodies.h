/* Which words of an object's body are references. */
#ifndef MEMWHY_V8_BODIES_H
#define MEMWHY_V8_BODIES_H

#include "v8/layout.h"
#include "v8/sizes.h"

enum v8_body {
    BODY_WORDS, /* tagged words to the end */
    BODY_NONE,
    BODY_HEADER,         /* tagged words in the header only; its size is that of the size rule */
    BODY_BYTES,          /* machine code: references at any byte */
    BODY_EPHEMERONS,     /* keys and values behind the table's own words */
    BODY_WEAK_REF,       /* JSWeakRef: the target */
    BODY_WEAK_CELL,      /* WeakCell: target and unregister token */
    BODY_NATIVE_CONTEXT, /* its last slots link the lists of all contexts (and of code) */
    BODY_FUNCTION,       /* JSFunction with a dispatch handle */
    BODY_FEEDBACK_CELL,  /* FeedbackCell with one */
    BODY_WEAK_LIST,      /* WeakArrayList: may be the list of retained maps */
    BODY_CODE_DATA,      /* CodeDataContainer, up to version 10: the next code of its context */
    BODY_SITE,           /* AllocationSite: its last word links the list of all sites */
};

/* Set the rule per instance type from the target's root maps (as in v8_sizes_setup). layout.c calls
 * this once the roots are known. */
void v8_bodies_setup(struct v8_layout *l, const struct v8_map_info *root_maps);

#endif
