#include "base/mem.h"
#include "collect/runtime.h"
#include "unit.h"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* A whole executable in one struct, mapped at BASE: two symbols in a GNU hash table of one bucket,
 * the code of napi_get_node_version, its constant, and a writable part. */
#define BASE 0x400000u
struct tiny {
    Elf64_Ehdr head;
    Elf64_Phdr segments[3];
    Elf64_Dyn dynamic[7];
    uint32_t hash_head[4];
    uint64_t filter;
    uint32_t bucket, chain[2];
    Elf64_Sym syms[3];
    char strs[160];
    uint8_t code[16];
    struct {
        uint32_t major, minor, patch, padding;
        uint64_t release;
    } version;
    char release[8];
    char text[64];
    char data[64];
};
enum { NAME_START = 1, NAME_VERSION = 32, NAME_NEEDED = 64, NAME_EXTRA = 96 };
#define AT(member) (BASE + (uint32_t)offsetof(struct tiny, member))

static uint32_t hash_of(const char *s) {
    uint32_t h = 5381;
    for (; *s; s++)
        h = h * 33 + (unsigned char)*s;
    return h;
}

static void set_header(struct tiny *t) {
    memcpy(t->head.e_ident, ELFMAG, SELFMAG);
    t->head.e_ident[EI_CLASS] = ELFCLASS64;
    t->head.e_ident[EI_DATA] = ELFDATA2LSB;
    t->head.e_machine = EM_X86_64;
    t->head.e_phoff = offsetof(struct tiny, segments);
    t->head.e_phentsize = sizeof(Elf64_Phdr);
    t->head.e_phnum = 3;
    size_t constant = offsetof(struct tiny, data);
    t->segments[0] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE, .p_filesz = constant};
    t->segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
                                  .p_flags = PF_R | PF_W,
                                  .p_offset = constant,
                                  .p_vaddr = BASE + constant,
                                  .p_filesz = sizeof t->data};
    t->segments[2] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                  .p_offset = offsetof(struct tiny, dynamic),
                                  .p_filesz = sizeof t->dynamic};
}

/* What exports these two names, and has the constant of that version. */
static struct tiny tiny_new(const char *first, const char *second) {
    struct tiny t = {0};
    set_header(&t);
    t.dynamic[0] = (Elf64_Dyn){.d_tag = DT_SYMTAB, .d_un.d_ptr = AT(syms)};
    t.dynamic[1] = (Elf64_Dyn){.d_tag = DT_STRTAB, .d_un.d_ptr = AT(strs)};
    t.dynamic[2] = (Elf64_Dyn){.d_tag = DT_STRSZ, .d_un.d_val = sizeof t.strs};
    t.dynamic[3] = (Elf64_Dyn){.d_tag = DT_GNU_HASH, .d_un.d_ptr = AT(hash_head)};
    t.dynamic[4] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = NAME_NEEDED};
    memcpy(t.hash_head, (uint32_t[]){1, 1, 1, 6}, sizeof t.hash_head);
    t.bucket = 1;
    t.chain[0] = hash_of(first) & ~1u;
    t.chain[1] = hash_of(second) | 1; /* the last of the bucket */
    t.syms[1] = (Elf64_Sym){.st_name = NAME_START, .st_shndx = 1, .st_value = AT(code)};
    t.syms[2] = (Elf64_Sym){
        .st_name = NAME_VERSION, .st_shndx = 1, .st_value = AT(code), .st_size = sizeof t.code};
    snprintf(t.strs + NAME_START, 30, "%s", first);
    snprintf(t.strs + NAME_VERSION, 30, "%s", second);
    snprintf(t.strs + NAME_NEEDED, 30, "libc.so.6");
    memcpy(t.code, (uint8_t[]){0x48, 0xc7, 0x06}, 3); /* movq $imm32, (%rsi) */
    memcpy(t.code + 3, &(uint32_t){AT(version)}, 4);
    t.version.major = 24;
    t.version.minor = 21;
    t.version.release = AT(release);
    memcpy(t.release, "node", 5);
    return t;
}

static struct runtime look(const void *bytes, size_t len, bool *ret_needs_libnode) {
    int fd = memfd_create("tiny", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, len), len);
    struct runtime r = runtime_of_file(fd, ret_needs_libnode);
    close(fd);
    return r;
}

static const char start[] = "_ZN4node5StartEiPPc", version[] = "napi_get_node_version";

static void node_by_its_symbol(void **state) {
    (void)state;
    struct tiny t = tiny_new(start, version);
    struct runtime r = look(&t, sizeof t, NULL);
    assert_int_equal(r.kind, RUNTIME_NODE);
    assert_string_equal(r.version, "24.21.0");
    /* lea disp32(%rip) in a PIE, whose pointer the loader fills in */
    memcpy(t.code, (uint8_t[]){0x48, 0x8d, 0x05}, 3);
    memcpy(t.code + 3, &(uint32_t){AT(version) - (AT(code) + 7)}, 4);
    t.version.release = 0;
    assert_string_equal(look(&t, sizeof t, NULL).version, "24.21.0");
    /* neither: by the release's address */
    memset(t.code, 0x90, sizeof t.code);
    assert_string_equal(look(&t, sizeof t, NULL).version, "");
    snprintf(t.text, sizeof t.text, "xx%s", "https://nodejs.org/download/release/v16.20.2/node");
    assert_string_equal(look(&t, sizeof t, NULL).version, "16.20.2");
    t.syms[1].st_shndx = SHN_UNDEF; /* imports it only */
    assert_int_equal(look(&t, sizeof t, NULL).kind, RUNTIME_OTHER);
}

static void node_in_a_library(void **state) {
    (void)state;
    bool needs = false;
    struct tiny t = tiny_new("main", "other");
    snprintf(t.strs + NAME_NEEDED, 30, "libnode.so.108");
    struct runtime r = look(&t, sizeof t, &needs);
    assert_int_equal(r.kind, RUNTIME_NODE);
    assert_true(needs);
    assert_string_equal(r.version, "");
}

/* They export Node's addon interface, and are not Node. */
static void not_node(void **state) {
    (void)state;
    struct tiny t = tiny_new("node_module_register", version);
    assert_int_equal(look(&t, sizeof t, NULL).kind, RUNTIME_OTHER);
    snprintf(t.strs + NAME_EXTRA, 30, "BUN_1.2");
    assert_int_equal(look(&t, sizeof t, NULL).kind, RUNTIME_BUN);
    memset(t.strs + NAME_EXTRA, 0, 30);
    snprintf(t.text, sizeof t.text, "ext/deno_core");
    assert_int_equal(look(&t, sizeof t, NULL).kind, RUNTIME_DENO);
    t = tiny_new("main", "other");
    assert_int_equal(look(&t, sizeof t, NULL).kind, RUNTIME_OTHER);
    memcpy(t.data + 16, "\xff Go buildinf:", 14);
    assert_int_equal(look(&t, sizeof t, NULL).kind, RUNTIME_GO);
    assert_int_equal(look("#!/bin/sh\n", 10, NULL).kind, RUNTIME_OTHER);
    assert_int_equal(look("", 0, NULL).kind, RUNTIME_OTHER);
}

/* Cut anywhere, and with any word of it set to nonsense, it may be told wrong but must not crash,
 * hang or read astray (sanitizers watch). */
static void hostile_files(void **state) {
    (void)state;
    struct tiny good = tiny_new(start, version);
    for (size_t len = 0; len < sizeof good; len += 3)
        look(&good, len, NULL);
    static const uint32_t nonsense[] = {0, 1, 0x7fffffff, 0xffffffff, BASE};
    for (size_t at = 0; at + 4 <= sizeof good; at += 4)
        for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
            struct tiny bad = good;
            memcpy((char *)&bad + at, &nonsense[i], 4);
            look(&bad, sizeof bad, NULL);
        }
}

static void by_name_when_unreadable(void **state) {
    (void)state;
    static const struct {
        const char *argv0, *comm;
        enum runtime_kind kind;
    } cases[] = {
        {"node", "MainThread", RUNTIME_NODE},
        {"/usr/bin/python3.11", "python3.11", RUNTIME_PYTHON},
        {"/usr/local/bin/bun", "Bun Pool 1", RUNTIME_BUN},
        {"my app: worker", "node", RUNTIME_NODE}, /* process.title */
        {"nodetool", "nodetool", RUNTIME_OTHER},
        {"/app/gows", "gows", RUNTIME_OTHER},
    };
    struct runtimes *known = runtimes_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process p = {.pid = 999999999, .parts = PROCESS_STAT | PROCESS_CMDLINE};
        snprintf(p.name, sizeof p.name, "%s", cases[i].comm);
        p.cmdline = mem_strdup(cases[i].argv0);
        p.cmdline_len = strlen(p.cmdline) + 1;
        struct runtime r = runtime_of(known, "", &p);
        assert_int_equal(r.kind, cases[i].kind);
        assert_true(r.by_name);
        process_done(&p);
    }
    struct process kernel = {.pid = 2, .kernel_thread = true};
    assert_int_equal(runtime_of(known, "", &kernel).kind, RUNTIME_KERNEL);
    runtimes_free(known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_by_its_symbol),
        cmocka_unit_test(node_in_a_library),
        cmocka_unit_test(not_node),
        cmocka_unit_test(hostile_files),
        cmocka_unit_test(by_name_when_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
