/* The file of a recording, opened to be written: by one memwhy alone, made where there is none. */
#ifndef MEMWHY_RECORD_WRITER_FILE_H
#define MEMWHY_RECORD_WRITER_FILE_H

#include "record/db.h"

struct writer_file {
    struct db db;
    int lock;  /* a descriptor of the file; whoever has it locked is the one who records */
    bool made; /* it was not there before */
};

int writer_file_open(const char *path, struct writer_file *ret, struct err *e);
void writer_file_close(struct writer_file *f);
/* -ENOENT when the file of that name is another one by now, or none. */
int writer_file_check(struct writer_file *f, struct err *e);

#endif
