#include "collect/runtime.h"
#include "base/vec.h"
#include "collect/elf_probe.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_FUNCTION_BYTES = 512, /* napi_get_node_version has 78 to 94 (Node 12 to 26) */
    MAPS_BYTES = 16 << 20,
};

struct known_exe {
    uint64_t dev, inode;
    struct runtime runtime;
};

struct runtimes {
    VEC(struct known_exe) exes;
};

struct runtimes *runtimes_new(void) {
    return mem_zalloc(sizeof(struct runtimes));
}

void runtimes_free(struct runtimes *r) {
    if (!r)
        return;
    vec_free(&r->exes);
    free(r);
}

const char *runtime_kind_name(enum runtime_kind kind) {
    static const char *const names[] = {
        [RUNTIME_OTHER] = "native", [RUNTIME_NODE] = "node",   [RUNTIME_BUN] = "bun",
        [RUNTIME_DENO] = "deno",    [RUNTIME_GO] = "go",       [RUNTIME_PYTHON] = "python",
        [RUNTIME_JAVA] = "java",    [RUNTIME_RUBY] = "ruby",   [RUNTIME_PHP] = "php",
        [RUNTIME_PERL] = "perl",    [RUNTIME_SHELL] = "shell", [RUNTIME_KERNEL] = "kernel",
    };
    return names[kind];
}

/* By the base name of a path: "python3.11" begins with "python". Exact, but for version tails. */
static enum runtime_kind kind_of_name(const char *path) {
    static const struct {
        const char *name;
        enum runtime_kind kind;
    } names[] = {
        {"node", RUNTIME_NODE},   {"nodejs", RUNTIME_NODE}, {"bun", RUNTIME_BUN},
        {"bunx", RUNTIME_BUN},    {"deno", RUNTIME_DENO},   {"python", RUNTIME_PYTHON},
        {"pypy", RUNTIME_PYTHON}, {"java", RUNTIME_JAVA},   {"ruby", RUNTIME_RUBY},
        {"php", RUNTIME_PHP},     {"php-fpm", RUNTIME_PHP}, {"perl", RUNTIME_PERL},
        {"sh", RUNTIME_SHELL},    {"bash", RUNTIME_SHELL},  {"dash", RUNTIME_SHELL},
        {"zsh", RUNTIME_SHELL},   {"ash", RUNTIME_SHELL},   {"ksh", RUNTIME_SHELL},
        {"fish", RUNTIME_SHELL},
    };
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i].name);
        if (!strncmp(base, names[i].name, n) && !base[n + strspn(base + n, "0123456789.")])
            return names[i].kind;
    }
    return RUNTIME_OTHER;
}

/* src/js_native_api.h, napi_node_version: three numbers and a pointer to the release's name. */
static bool version_at(const struct elf_probe *p, uint64_t vaddr, char *ret, size_t size) {
    struct {
        uint32_t major, minor, patch, padding;
        uint64_t release;
    } v;
    char name[5];
    if (elf_probe_read(p, vaddr, &v, sizeof v) < 0 || v.major < 4 || v.major > 199 ||
        v.minor > 199 || v.patch > 199 || v.padding)
        return false;
    /* In a PIE the pointer may be left to the loader. */
    if (v.release && (elf_probe_read(p, v.release, name, sizeof name) < 0 ||
                      memcmp(name, "node", sizeof name) != 0))
        return false;
    snprintf(ret, size, "%u.%u.%u", v.major, v.minor, v.patch);
    return true;
}

/* napi_get_node_version (exported since Node 8) does little but name its constant: as an immediate
 * or relative to the instruction's end. The operand is tried at each of its bytes. */
static bool version_of_code(const struct elf_probe *p, char *ret, size_t size) {
    uint64_t addr, len;
    uint8_t code[MAX_FUNCTION_BYTES];
    if (p->machine != EM_X86_64 || elf_probe_symbol(p, "napi_get_node_version", &addr, &len) < 0 ||
        len < 5 || len > sizeof code || elf_probe_read(p, addr, code, len) < 0)
        return false;
    for (size_t i = 1; i + 4 <= len; i++) {
        int32_t operand;
        memcpy(&operand, code + i, sizeof operand);
        if (version_at(p, (uint32_t)operand, ret, size) ||
            version_at(p, addr + i + 4 + (uint64_t)(int64_t)operand, ret, size))
            return true;
    }
    return false;
}

/* process.release.headersUrl, for builds that hide their N-API or are not for x86-64. */
static void version_of_text(const struct elf_probe *p, char *ret, size_t size) {
    static const char url[] = "https://nodejs.org/download/release/v";
    char found[sizeof url + 16];
    unsigned major, minor, patch;
    if (elf_probe_search(p, url, found, sizeof found) == 0 &&
        sscanf(found + sizeof url - 1, "%3u.%3u.%3u/", &major, &minor, &patch) == 3)
        snprintf(ret, size, "%u.%u.%u", major, minor, patch);
}

struct runtime runtime_of_file(int fd, bool *ret_needs_libnode) {
    struct runtime r = {0};
    struct elf_probe p;
    uint64_t value, size;
    char place[16];
    bool needs = false;
    if (elf_probe_init(&p, fd) < 0) {
        ; /* no ELF file: nothing to tell */
    } else if (elf_probe_symbol(&p, "_ZN4node5StartEiPPc", &value, &size) == 0) {
        r.kind = RUNTIME_NODE; /* node::Start(int, char **): neither Bun nor Deno has it */
        if (!version_of_code(&p, r.version, sizeof r.version))
            version_of_text(&p, r.version, sizeof r.version);
    } else if (elf_probe_needs(&p, "libnode.so")) {
        r.kind = RUNTIME_NODE;
        needs = true;
    } else if (elf_probe_symbol(&p, "napi_get_node_version", &value, &size) == 0) {
        /* They speak Node's addon interface without being Node. Bun versions its symbols. */
        if (elf_probe_names_hold(&p, "BUN_1."))
            r.kind = RUNTIME_BUN;
        else if (elf_probe_search(&p, "deno_core", place, sizeof place) == 0)
            r.kind = RUNTIME_DENO;
    } else if (elf_probe_data_holds(&p, "\xff Go buildinf:")) {
        r.kind = RUNTIME_GO; /* src/debug/buildinfo/buildinfo.go, buildInfoMagic */
    }
    if (ret_needs_libnode)
        *ret_needs_libnode = needs;
    return r;
}

/* Debian's node and others: the executable is small and Node is in libnode.so.NNN. */
static void version_of_libnode(const char *root, pid_t pid, struct runtime *r) {
    cleanup_free char *maps = NULL;
    size_t len;
    if (procfs_read(root, pid, "maps", MAPS_BYTES, &maps, &len) < 0)
        return;
    const char *name = strstr(maps, "/libnode.so"), *path = name;
    while (path && path > maps && path[-1] != ' ' && path[-1] != '\n')
        path--;
    if (!path || *path != '/')
        return;
    cleanup_free char *inside =
        mem_printf("root%.*s", (int)strcspn(path, "\n"), path); /* as the target sees it */
    cleanup_close int fd = procfs_open(root, pid, inside);
    struct runtime lib = {0};
    if (fd >= 0)
        lib = runtime_of_file(fd, NULL);
    if (lib.kind == RUNTIME_NODE)
        memcpy(r->version, lib.version, sizeof r->version);
}

/* A Node without dynamic symbols, known by its name alone. */
static void version_of_static(int fd, struct runtime *r) {
    struct elf_probe p;
    if (elf_probe_init(&p, fd) == 0)
        version_of_text(&p, r->version, sizeof r->version);
}

static struct runtime runtime_by_name(const struct process *p) {
    enum runtime_kind kind = RUNTIME_OTHER;
    if (p->parts & PROCESS_EXE)
        kind = kind_of_name(p->exe);
    else if (p->parts & PROCESS_CMDLINE && p->cmdline_len)
        kind = kind_of_name(p->cmdline); /* ends at its first NUL: argv[0] */
    if (kind == RUNTIME_OTHER)
        kind = kind_of_name(p->name);
    return (struct runtime){.kind = kind, .by_name = true};
}

struct runtime runtime_of(struct runtimes *r, const char *root, const struct process *p) {
    if (p->kernel_thread)
        return (struct runtime){.kind = RUNTIME_KERNEL};
    bool has_identity = p->parts & PROCESS_EXE && p->exe_inode;
    for (size_t i = 0; has_identity && i < r->exes.n; i++)
        if (r->exes.at[i].inode == p->exe_inode && r->exes.at[i].dev == p->exe_dev)
            return r->exes.at[i].runtime;
    cleanup_close int fd = procfs_open(root, p->pid, "exe");
    if (fd < 0)
        return runtime_by_name(p);
    bool needs_libnode;
    struct runtime found = runtime_of_file(fd, &needs_libnode);
    if (needs_libnode)
        version_of_libnode(root, p->pid, &found);
    if (found.kind == RUNTIME_OTHER && p->parts & PROCESS_EXE)
        found.kind = kind_of_name(p->exe); /* interpreters go by their name */
    if (found.kind == RUNTIME_NODE && !found.version[0] && !needs_libnode)
        version_of_static(fd, &found);
    if (has_identity)
        vec_push(&r->exes, (struct known_exe){p->exe_dev, p->exe_inode, found});
    return found;
}
