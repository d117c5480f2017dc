/* An addon with functions of known names, through Node-API (stable since Node 10; its functions are
 * declared here, so that no headers of Node are needed):
 *   through(f)  calls f() from addon_inner, from addon_outer
 *   stay()      never returns from addon_stay
 */
#include <stddef.h>
#include <unistd.h>

typedef struct env *napi_env;
typedef struct value *napi_value;
typedef struct info *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

int napi_get_cb_info(napi_env, napi_callback_info, size_t *argc, napi_value *argv,
                     napi_value *this_arg, void **data);
int napi_get_undefined(napi_env, napi_value *ret);
int napi_call_function(napi_env, napi_value recv, napi_value f, size_t argc, const napi_value *argv,
                       napi_value *ret);
int napi_create_function(napi_env, const char *name, size_t length, napi_callback, void *data,
                         napi_value *ret);
int napi_set_named_property(napi_env, napi_value object, const char *name, napi_value value);
napi_value napi_register_module_v1(napi_env env, napi_value exports);

#define KNOWN __attribute__((noinline, noclone))

static volatile int sink;

KNOWN napi_value addon_inner(napi_env env, napi_value f);
KNOWN napi_value addon_outer(napi_env env, napi_callback_info info);
KNOWN napi_value addon_stay(napi_env env, napi_callback_info info);

KNOWN napi_value addon_inner(napi_env env, napi_value f) {
    napi_value undefined, ret = NULL;
    napi_get_undefined(env, &undefined);
    napi_call_function(env, undefined, f, 0, NULL, &ret);
    sink++;
    return ret;
}

KNOWN napi_value addon_outer(napi_env env, napi_callback_info info) {
    size_t n = 1;
    napi_value f, ret;
    napi_get_cb_info(env, info, &n, &f, NULL, NULL);
    ret = addon_inner(env, f);
    sink++;
    return ret;
}

KNOWN napi_value addon_stay(napi_env env, napi_callback_info info) {
    (void)env, (void)info;
    for (;;)
        pause();
    return NULL;
}

static void export(napi_env env, napi_value exports, const char *name, napi_callback f) {
    napi_value value;
    napi_create_function(env, name, (size_t)-1, f, NULL, &value);
    napi_set_named_property(env, exports, name, value);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    export(env, exports, "through", addon_outer);
    export(env, exports, "stay", addon_stay);
    return exports;
}
