// An addon that forgets what it makes, through Node-API (declared here, so that no headers of Node
// are needed):
//   make(n)   makes n connections, an object of a class with a buffer and a name each, remembers
//             every fourth, and gives the addresses of the blocks of the others, as text
//   keep(n)   makes n more, and remembers all
//   number(n) makes n blocks and gives their addresses as numbers: who has those has the blocks
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
struct napi_env__;
struct napi_value__;
struct napi_info__;
typedef napi_env__ *napi_env;
typedef napi_value__ *napi_value;
typedef napi_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);

int napi_get_cb_info(napi_env, napi_callback_info, size_t *argc, napi_value *argv, napi_value *self,
                     void **data);
int napi_get_value_uint32(napi_env, napi_value, uint32_t *ret);
int napi_create_double(napi_env, double, napi_value *ret);
int napi_create_array(napi_env, napi_value *ret);
int napi_set_element(napi_env, napi_value array, uint32_t index, napi_value);
int napi_create_string_utf8(napi_env, const char *, size_t, napi_value *ret);
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *data,
                         napi_value *ret);
int napi_set_named_property(napi_env, napi_value object, const char *, napi_value);
napi_value napi_register_module_v1(napi_env, napi_value exports);
}

namespace leaky {

struct Session {
    virtual ~Session() {}
    int id = 0;
    char state[100] = {};
};

struct Connection : Session {
    ~Connection() override { free(buffer); }
    char *buffer = nullptr;
    std::string name;
};

} // namespace leaky

static std::vector<leaky::Connection *> remembered;

static uint32_t argument(napi_env env, napi_callback_info info) {
    size_t n = 1;
    napi_value value;
    uint32_t ret = 0;
    napi_get_cb_info(env, info, &n, &value, nullptr, nullptr);
    napi_get_value_uint32(env, value, &ret);
    return ret;
}

static void say(std::string &to, const void *p) {
    char text[32];
    snprintf(text, sizeof text, "%p ", p);
    to += text;
}

static leaky::Connection *connection(uint32_t i) {
    auto *c = new leaky::Connection;
    c->id = (int)i;
    c->buffer = (char *)memset(malloc(1500), 'L', 1500);
    c->name = "a connection that nobody remembers";
    return c;
}

static napi_value make(napi_env env, napi_callback_info info) {
    std::string forgotten;
    uint32_t n = argument(env, info);
    for (uint32_t i = 0; i < n; i++) {
        leaky::Connection *c = connection(i);
        if (i % 4 == 0) {
            remembered.push_back(c);
            continue;
        }
        say(forgotten, c);
        say(forgotten, c->buffer);
        say(forgotten, c->name.data());
    }
    napi_value ret;
    napi_create_string_utf8(env, forgotten.data(), forgotten.size(), &ret);
    return ret;
}

static napi_value keep(napi_env env, napi_callback_info info) {
    for (uint32_t i = argument(env, info); i > 0; i--)
        remembered.push_back(connection(i));
    return nullptr;
}

static napi_value number(napi_env env, napi_callback_info info) {
    uint32_t n = argument(env, info);
    napi_value ret, value;
    napi_create_array(env, &ret);
    for (uint32_t i = 0; i < n; i++) {
        napi_create_double(env, (double)(uintptr_t)memset(malloc(777), 0, 777), &value);
        napi_set_element(env, ret, i, value);
    }
    return ret;
}

static void add(napi_env env, napi_value exports, const char *name, napi_callback f) {
    napi_value value;
    napi_create_function(env, name, (size_t)-1, f, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    add(env, exports, "make", make);
    add(env, exports, "keep", keep);
    add(env, exports, "number", number);
    return exports;
}
