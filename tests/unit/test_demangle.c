#include "base/demangle.h"
#include "unit.h"

static void becomes(char *got, const char *want) {
    assert_string_equal(got, want);
    free(got);
}

static void names(void **state) {
    (void)state;
    becomes(demangle("uv_run"), "uv_run");
    becomes(demangle("_ZN4node13SpinEventLoopEPNS_11EnvironmentE"),
            "node::SpinEventLoop(node::Environment*)");
    becomes(demangle("pthread_cond_wait@@GLIBC_2.3.2"), "pthread_cond_wait");
    becomes(demangle("_Znonsense"), "_Znonsense");
    becomes(demangle(""), "");
    becomes(demangle("_Z"), "_Z");
}

static void short_names(void **state) {
    (void)state;
    becomes(demangle_short("uv_run"), "uv_run");
    becomes(demangle_short("node::SpinEventLoop(node::Environment*)"), "node::SpinEventLoop");
    becomes(demangle_short("v8::(anonymous namespace)::Invoke(v8::Isolate*) const"),
            "v8::(anonymous namespace)::Invoke");
    becomes(demangle_short("(anonymous namespace)::f(int)"), "(anonymous namespace)::f");
    becomes(demangle_short("std::vector<int>::push_back(int&&)"), "std::vector<int>::push_back");
    becomes(
        demangle_short("std::vector<v8::Local<v8::Value>, std::allocator<v8::Value> >::at(int)"),
        "std::vector<...>::at");
    becomes(demangle_short("v8::Tagged<v8::Object> v8::Call<(v8::Mode)1>(int)"),
            "v8::Call<(v8::Mode)1>");
    becomes(demangle_short("std::function<void ()>::operator()() const"),
            "std::function<void ()>::operator()");
    becomes(demangle_short("bool operator< <int>(A<int> const&)"), "operator<<int>");
    becomes(demangle_short("operator new(unsigned long)"), "operator new");
    becomes(demangle_short("A::operator->() const"), "A::operator->");
    becomes(demangle_short("node::Agent::Start()::{lambda(void*)#1}::_FUN(void*)"),
            "node::Agent::Start()::{lambda(void*)#1}::_FUN");
    becomes(demangle_short("a(std::function<void (unsigned long)>, int) const::{lambda()#2}::b()"),
            "a(...)::{lambda()#2}::b");
}

/* Brackets that do not close, and the like, end. */
static void broken_names(void **state) {
    (void)state;
    static const char signs[] = "<>(){} :a~operator";
    unsigned long seed = 1;
    for (int i = 0; i < 20000; i++) {
        char name[24] = {0};
        for (size_t k = 0; k < sizeof name - 1; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            name[k] = signs[(seed >> 33) % (sizeof signs - 1)];
        }
        char *s = demangle_short(name);
        assert_in_range(strlen(s), 0, 24);
        free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(short_names),
        cmocka_unit_test(broken_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
