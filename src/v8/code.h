/* Code that V8 generated for functions of scripts: which object a place belongs to, and what its
 * tables say of that place. */
#ifndef MEMWHY_V8_CODE_H
#define MEMWHY_V8_CODE_H

#include "v8/objects.h"
#include "v8/positions.h"
#include "v8/translation.h"

enum v8_code_kind { CODE_OTHER, CODE_BASELINE, CODE_MAGLEV, CODE_OPTIMISED };

struct v8_code {
    uint64_t addr; /* tagged Code */
    enum v8_code_kind kind;
    uint64_t start;            /* of the instructions */
    uint32_t length, metadata; /* bytes of them, and of the tables behind them */
};

/* The code that holds pc. -ENODATA when there is none (the page is none of code, or what stands
 * there does not explain itself). */
int v8_code_at(struct v8_objects *o, uint64_t pc, struct v8_code *ret);

/* Of baseline code of this bytecode: the offset in it at pc, -1 at the function's entry. -ENODATA.
 */
int v8_code_baseline(struct v8_objects *o, const struct v8_code *c, uint64_t bytecode,
                     const struct v8_bytecode_sizes *sizes, uint64_t pc, int32_t *ret);

/* How long bytecodes are, from the binary; the caller frees `at`. Untouched when it does not tell.
 */
void v8_code_bytecode_sizes(const struct v8_layout *l, struct v8_bytecode_sizes *ret);

/* Of optimised code: the frames that the return address `pc` stands for, outermost first. Their
 * literals are replaced by what they are: `literal` is an index no more, `shared` is it. */
struct v8_code_frame {
    enum v8_translated kind;
    int32_t offset;
    uint64_t shared;             /* tagged SharedFunctionInfo */
    uint64_t function, receiver; /* tagged; 0: not known */
    bool has_receiver;
};
/* Returns how many, or -ENODATA: no safepoint at this pc. */
int v8_code_frames(struct v8_objects *o, const struct v8_code *c, uint64_t pc, uint64_t fp,
                   struct v8_code_frame frames[V8_TRANSLATED_MAX]);

#endif
