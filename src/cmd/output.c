#include "cmd/output.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(struct err *e, const char *path, int error) {
    return err_set(e, -error, "Name a file in a folder you may write to.",
                   "%s cannot be written: %s.", path, strerror(error));
}

int output_open(const char *path, struct output *ret, struct err *e) {
    struct output o = {.file = stdout, .path = path};
    struct stat st;
    if (!path) {
        *ret = o;
        return 0;
    }
    int fd;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        o.temporary = mem_printf("%s.XXXXXX", path);
        fd = mkostemp(o.temporary, O_CLOEXEC); /* 0600 */
    }
    if (fd < 0) {
        int error = errno;
        free(o.temporary);
        return refuse(e, path, error);
    }
    o.file = fdopen(fd, "w");
    if (!o.file) {
        close(fd);
        if (o.temporary)
            unlink(o.temporary);
        free(o.temporary);
        return refuse(e, path, ENOMEM);
    }
    *ret = o;
    return 0;
}

int output_commit(struct output *o, struct err *e) {
    const char *name = o->path ? o->path : "standard output";
    int error = 0;
    errno = 0;
    if (ferror(o->file)) { /* an earlier flush failed and its errno is gone: ask again */
        clearerr(o->file);
        fputc('\n', o->file);
        error = EIO;
    }
    if (fflush(o->file))
        error = errno;
    if (o->file != stdout) {
        if (fclose(o->file) && !error)
            error = errno;
        o->file = stdout;
    }
    if (!error && o->temporary && rename(o->temporary, o->path))
        error = errno;
    if (error) {
        output_abandon(o);
        return err_set(e, -error, "Free some space or write elsewhere with --output=FILE.",
                       "The result could not be written to %s: %s.", name, strerror(error));
    }
    free(o->temporary);
    o->temporary = NULL;
    return 0;
}

void output_abandon(struct output *o) {
    if (o->file != stdout)
        fclose(o->file);
    o->file = stdout;
    if (o->temporary)
        unlink(o->temporary);
    free(o->temporary);
    o->temporary = NULL;
}
