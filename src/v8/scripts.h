/* Scripts: their names, and lines and columns of positions in them. What was read of a script is
 * kept, because a stack asks for the same few again and again. */
#ifndef MEMWHY_V8_SCRIPTS_H
#define MEMWHY_V8_SCRIPTS_H

#include "v8/objects.h"

struct v8_script {
    uint64_t addr; /* tagged */
    char *name;    /* or source URL; NULL: none */
    bool is_eval;  /* made by eval(), not by a file */
    int32_t line_offset, column_offset;
    VEC(uint32_t) line_ends; /* of the source, the last one its length; empty: not known */
};

struct v8_scripts {
    VEC(struct v8_script *) list;
};

/* NULL when it is no script. Valid until v8_scripts_done. */
const struct v8_script *v8_scripts_get(struct v8_scripts *s, struct v8_objects *o, uint64_t script);
void v8_scripts_done(struct v8_scripts *s);

/* Was it made by eval() or Function()? */
bool v8_script_is_eval(struct v8_objects *o, uint64_t script);

/* Line and column from 1, as Error().stack prints them. False when they are not known. */
bool v8_script_line(const struct v8_script *s, uint32_t position, uint32_t *ret_line,
                    uint32_t *ret_column);

#endif
