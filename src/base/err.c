#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *hint, const char *what, ...) {
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, what);
    vsnprintf(e->what, sizeof e->what, what, ap);
    va_end(ap);
    snprintf(e->hint, sizeof e->hint, "%s", hint ? hint : "");
    return code;
}

const char *err_json_code(int code) {
    switch (-code) {
    case ESRCH:
        return "target-gone";
    case EPERM:
    case EACCES:
    case EBUSY: /* another tracer has it */
        return "no-permission";
    case ENOTDIR:
        return "not-a-process";
    case EBADMSG:
    case ENOENT:
        return "bad-file";
    case ENOTSUP:
    case ENODATA:
    case E2BIG:
        return "unsupported";
    case EINVAL:
        return "usage";
    default:
        return "io";
    }
}

int err_exit_code(int code) {
    switch (-code) {
    case 0:
        return 0;
    case EINVAL:
        return 2;
    case ENOMEM:
        return 5;
    default:
        return 3;
    }
}
