/* http://HOST[:PORT][/PATH], and nothing else: no user, no fragment. */
#ifndef MEMWHY_WATCH_URL_H
#define MEMWHY_WATCH_URL_H

#include <stdbool.h>
#include <stdint.h>

struct watch_url {
    char host[256]; /* of [::1] without the brackets */
    char port[8];
    char authority[272]; /* as the Host header wants it */
    const char *path;    /* of the text; "" for none: then it is "/" */
};

/* NULL when it is right and `ret` filled, else what is wrong: a clause. */
const char *watch_url_parse(const char *text, struct watch_url *ret);

#endif
