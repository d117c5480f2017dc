/* The stacks of all threads of an image, native and JavaScript frames in one: machine frames by
 * image/unwind.h, what stands in those of generated code by v8/frames.h. In three steps, so that
 * what needs no stillness is done outside of it. */
#ifndef MEMWHY_COLLECT_STACKS_H
#define MEMWHY_COLLECT_STACKS_H

#include "image/image.h"
#include "model/stack.h"
#include "v8/layout.h"

struct stack_reader;

/* Before the image is stopped: opens program, libraries and their unwind tables. Image and layout
 * are borrowed; the layout may be NULL, when there is no V8. */
struct stack_reader *stack_reader_new(struct image *img, const struct v8_layout *l);
void stack_reader_free(struct stack_reader *r);

/* While the image does not move. `with_args`: also summaries of the arguments of JavaScript
 * functions. */
void stack_reader_take(struct stack_reader *r, bool with_args, struct stacks *ret);
/* Afterwards: names of native functions, from the files alone. */
void stack_reader_name(struct stack_reader *r, struct stacks *s);

#endif
