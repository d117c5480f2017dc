/* An addon with requests to libuv that stay, each in a chunk of its own, through Node-API (its
 * functions and libuv's are declared here, so that no headers of Node are needed):
 *   more()   8 uv_work_t, 6 uv_getaddrinfo_t and 5 uv_random_t that wait for a thread of the pool,
 *            whose threads sleep; 20 uv_write_t of 8 buffers to a pipe that nobody reads
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct env *napi_env;
typedef struct value *napi_value;
typedef struct info *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

int napi_get_undefined(napi_env, napi_value *ret);
int napi_create_function(napi_env, const char *name, size_t length, napi_callback, void *data,
                         napi_value *ret);
int napi_set_named_property(napi_env, napi_value object, const char *name, napi_value value);
int napi_get_uv_event_loop(napi_env, void **loop);
napi_value napi_register_module_v1(napi_env env, napi_value exports);

struct buffer {
    char *base;
    size_t len;
};
int uv_queue_work(void *loop, void *req, void (*work)(void *), void (*after)(void *, int));
int uv_getaddrinfo(void *loop, void *req, void (*done)(void *, int, void *), const char *node,
                   const char *service, const void *hints);
int uv_random(void *loop, void *req, void *buffer, size_t len, unsigned flags,
              void (*done)(void *, int, void *, size_t));
int uv_pipe_init(void *loop, void *pipe, int ipc);
int uv_pipe_open(void *pipe, int fd);
int uv_write(void *req, void *stream, const struct buffer *buffers, unsigned n,
             void (*done)(void *, int));

/* As large as libuv 1.x has them, and no two alike by malloc's measure. */
enum { WORK_BYTES = 128, ADDRINFO_BYTES = 160, RANDOM_BYTES = 144, PIPE_BYTES = 264 };
enum { WRITE_BYTES = 192, BUFFERS = 8, DATA_BYTES = 20000 };

static void sleep_on(void *req) {
    (void)req;
    for (;;)
        pause();
}

static void worked(void *req, int status) {
    (void)req;
    (void)status;
}

static void found(void *req, int status, void *list) {
    (void)req;
    (void)status;
    (void)list;
}

static void filled(void *req, int status, void *buffer, size_t len) {
    (void)req;
    (void)status;
    (void)buffer;
    (void)len;
}

static void write_much(void *loop) {
    int ends[2];
    void *stream = calloc(1, PIPE_BYTES);
    if (pipe(ends) < 0 || uv_pipe_init(loop, stream, 0) || uv_pipe_open(stream, ends[1]))
        abort();
    for (int i = 0; i < 20; i++) {
        struct buffer buffers[BUFFERS];
        for (int k = 0; k < BUFFERS; k++) {
            buffers[k] = (struct buffer){malloc(DATA_BYTES), DATA_BYTES};
            memset(buffers[k].base, 0x90 + i, DATA_BYTES);
        }
        if (uv_write(malloc(WRITE_BYTES), stream, buffers, BUFFERS, worked))
            abort();
    }
}

static napi_value more(napi_env env, napi_callback_info info) {
    static char bytes[16];
    napi_value nothing = NULL;
    void *loop = NULL;
    (void)info;
    if (napi_get_uv_event_loop(env, &loop))
        abort();
    for (int i = 0; i < 8; i++)
        if (uv_queue_work(loop, malloc(WORK_BYTES), sleep_on, worked))
            abort();
    for (int i = 0; i < 6; i++)
        if (uv_getaddrinfo(loop, malloc(ADDRINFO_BYTES), found, "127.0.0.1", NULL, NULL))
            abort();
    for (int i = 0; i < 5; i++)
        if (uv_random(loop, malloc(RANDOM_BYTES), bytes, sizeof bytes, 0, filled))
            abort();
    write_much(loop);
    napi_get_undefined(env, &nothing);
    return nothing;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    napi_value f;
    if (napi_create_function(env, "more", 4, more, NULL, &f) ||
        napi_set_named_property(env, exports, "more", f))
        abort();
    return exports;
}
