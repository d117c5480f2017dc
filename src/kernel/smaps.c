#include "kernel/smaps.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kernel/procfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    KEY_OTHER = USAGE_FIELDS, /* known, and of no use here */
    KEY_VM_FLAGS,
    CHUNK_BYTES = 256 * 1024,
    /* A name may be LIMIT_NAME bytes, each of them written as "\012". */
    LINE_MAX_BYTES = 4 * LIMIT_NAME + 128,
};

/* In the order of fs/proc/task_mmu.c (Linux 3.10 to 6.18), so that each key is found where the last
 * one ended. */
static const struct key {
    const char *name;
    uint8_t len;
    uint8_t field;
} keys[] = {
#define KEY(text, what)                                                                            \
    { .name = text, .len = sizeof text - 1, .field = what }
    KEY("Size", USAGE_SIZE),
    KEY("KernelPageSize", KEY_OTHER),
    KEY("MMUPageSize", KEY_OTHER),
    KEY("Rss", USAGE_RSS),
    KEY("Pss", USAGE_PSS),
    KEY("Pss_Dirty", USAGE_PSS_DIRTY),
    KEY("Pss_Anon", USAGE_PSS_ANON),
    KEY("Pss_File", USAGE_PSS_FILE),
    KEY("Pss_Shmem", USAGE_PSS_SHMEM),
    KEY("Shared_Clean", USAGE_SHARED_CLEAN),
    KEY("Shared_Dirty", USAGE_SHARED_DIRTY),
    KEY("Private_Clean", USAGE_PRIVATE_CLEAN),
    KEY("Private_Dirty", USAGE_PRIVATE_DIRTY),
    KEY("Referenced", USAGE_REFERENCED),
    KEY("Anonymous", USAGE_ANONYMOUS),
    KEY("KSM", USAGE_KSM),
    KEY("LazyFree", USAGE_LAZYFREE),
    KEY("AnonHugePages", USAGE_ANON_HUGE),
    KEY("ShmemPmdMapped", USAGE_SHMEM_HUGE),
    KEY("FilePmdMapped", USAGE_FILE_HUGE),
    KEY("Shared_Hugetlb", USAGE_SHARED_HUGETLB),
    KEY("Private_Hugetlb", USAGE_PRIVATE_HUGETLB),
    KEY("Swap", USAGE_SWAP),
    KEY("SwapPss", USAGE_SWAP_PSS),
    KEY("Locked", USAGE_LOCKED),
    KEY("THPeligible", KEY_OTHER),
    KEY("ProtectionKey", KEY_OTHER),
    KEY("VmFlags", KEY_VM_FLAGS),
#undef KEY
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static const struct vm_flag {
    char name[3];
    uint32_t bit;
} vm_flags[] = {
    {"rd", VM_FLAG_RD}, {"wr", VM_FLAG_WR}, {"ex", VM_FLAG_EX}, {"sh", VM_FLAG_SH},
    {"mr", VM_FLAG_MR}, {"mw", VM_FLAG_MW}, {"me", VM_FLAG_ME}, {"ms", VM_FLAG_MS},
    {"gd", VM_FLAG_GD}, {"pf", VM_FLAG_PF}, {"lo", VM_FLAG_LO}, {"io", VM_FLAG_IO},
    {"sr", VM_FLAG_SR}, {"rr", VM_FLAG_RR}, {"dc", VM_FLAG_DC}, {"de", VM_FLAG_DE},
    {"ac", VM_FLAG_AC}, {"nr", VM_FLAG_NR}, {"ht", VM_FLAG_HT}, {"wf", VM_FLAG_WF},
    {"dd", VM_FLAG_DD}, {"sd", VM_FLAG_SD}, {"mm", VM_FLAG_MM}, {"hg", VM_FLAG_HG},
    {"nh", VM_FLAG_NH}, {"mg", VM_FLAG_MG}, {"um", VM_FLAG_UM}, {"uw", VM_FLAG_UW},
    {"sl", VM_FLAG_SL},
};

static uint32_t parse_vm_flags(const char *p, const char *end) {
    uint32_t bits = 0;
    while (p < end) {
        if (*p == ' ') {
            p++;
            continue;
        }
        const char *word = p;
        while (p < end && *p != ' ')
            p++;
        uint32_t bit = VM_FLAG_OTHER;
        for (size_t i = 0; i < sizeof vm_flags / sizeof *vm_flags; i++)
            if (p - word == 2 && word[0] == vm_flags[i].name[0] && word[1] == vm_flags[i].name[1])
                bit = vm_flags[i].bit;
        bits |= bit;
    }
    return bits;
}

/* "Rss:     8 kB" into `u`; `*cursor` is where the next key is expected. False when malformed. */
static bool parse_value(struct usage *u, const char *line, const char *end, unsigned *cursor) {
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon)
        return false;
    size_t len = (size_t)(colon - line);
    for (unsigned tried = 0; tried < N_KEYS; tried++) {
        unsigned i = (*cursor + tried) % N_KEYS;
        if (keys[i].len != len || memcmp(keys[i].name, line, len) != 0)
            continue;
        *cursor = i + 1;
        if (keys[i].field == KEY_OTHER)
            return true;
        if (keys[i].field == KEY_VM_FLAGS) {
            u->vm_flags = parse_vm_flags(colon + 1, end);
            return true;
        }
        uint64_t bytes;
        if (!procfs_kib(colon + 1, end, &bytes))
            return false;
        usage_set(u, keys[i].field, bytes);
        return true;
    }
    return true; /* a key of a newer kernel */
}

/* Text comes in chunks; a line that a chunk cuts is kept until its end comes. */
struct stream {
    struct smaps *into;
    struct usage *current; /* NULL after a header that was none: its values belong to nobody */
    unsigned cursor;
    size_t n_partial;
    bool too_long; /* passing over the rest of a line over LINE_MAX_BYTES */
    char partial[LINE_MAX_BYTES];
};

static bool is_key_start(char c) {
    return c >= 'A' && c <= 'Z';
}

/* `line` has a NUL at `end`. */
static int take_header(struct stream *s, const char *line) {
    struct smaps *to = s->into;
    int r = region_list_parse(&to->regions, line);
    s->current = NULL;
    s->cursor = 0;
    if (r == -EBADMSG) {
        to->malformed++;
        return 0;
    }
    if (r < 0)
        return r;
    if (to->regions.n > to->cap_usages) {
        to->cap_usages = to->cap_usages ? to->cap_usages * 2 : 256;
        to->usages = mem_grow(to->usages, to->cap_usages, sizeof *to->usages);
    }
    s->current = &to->usages[to->regions.n - 1];
    *s->current = (struct usage){0};
    return 0;
}

/* One line without its newline, in memory that may be written. */
static int take_line(struct stream *s, char *line, char *end) {
    if (line == end)
        return 0;
    if (!is_key_start(*line)) {
        *end = '\0';
        if (memchr(line, '\0', (size_t)(end - line)))
            *line = '\0'; /* no header: a name cannot hold a NUL */
        return take_header(s, line);
    }
    if (s->current && !parse_value(s->current, line, end, &s->cursor))
        s->into->malformed++;
    return 0;
}

/* Keep the beginning of a line for the next chunk. */
static void keep_partial(struct stream *s, const char *p, const char *end) {
    size_t n = (size_t)(end - p);
    if (s->too_long || n >= LINE_MAX_BYTES - s->n_partial) {
        s->too_long = true;
        s->n_partial = 0;
        return;
    }
    memmove(s->partial + s->n_partial, p, n);
    s->n_partial += n;
}

/* The end of a line whose beginning is in `partial`, or was too long to be kept. */
static int finish_partial(struct stream *s, const char *p, const char *end) {
    keep_partial(s, p, end);
    int r = 0;
    if (s->too_long) {
        s->into->malformed++;
        s->current = NULL;
    } else {
        r = take_line(s, s->partial, s->partial + s->n_partial);
    }
    s->too_long = false;
    s->n_partial = 0;
    return r;
}

/* A chunk, which is written to. */
static int feed(struct stream *s, char *p, size_t len) {
    char *end = p + len;
    while (p < end) {
        char *newline = memchr(p, '\n', (size_t)(end - p));
        if (!newline) {
            keep_partial(s, p, end);
            return 0;
        }
        int r =
            s->n_partial || s->too_long ? finish_partial(s, p, newline) : take_line(s, p, newline);
        if (r < 0)
            return r;
        p = newline + 1;
    }
    return 0;
}

static int feed_end(struct stream *s) {
    return s->n_partial || s->too_long ? finish_partial(s, s->partial, s->partial) : 0;
}

static int read_stream(int fd, struct stream *s) {
    cleanup_free char *chunk = mem_alloc(CHUNK_BYTES);
    for (;;) {
        ssize_t got = read(fd, chunk, CHUNK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return feed_end(s);
        int r = feed(s, chunk, (size_t)got);
        if (r < 0)
            return r;
    }
}

static struct stream *stream_new(struct smaps *into) {
    struct stream *s = mem_alloc(sizeof *s);
    s->into = into;
    s->current = NULL;
    s->cursor = 0;
    s->n_partial = 0;
    s->too_long = false;
    return s;
}

int smaps_read(const char *root, pid_t pid, struct smaps *ret) {
    cleanup_close int fd = procfs_open(root, pid, "smaps");
    if (fd < 0)
        return fd;
    struct smaps found = {0};
    cleanup_free struct stream *s = stream_new(&found);
    int r = read_stream(fd, s);
    if (r == 0 && found.regions.n == 0)
        r = found.malformed ? -EBADMSG : -ENODATA;
    if (r < 0) {
        smaps_done(&found);
        return r;
    }
    *ret = found;
    return 0;
}

int smaps_parse(const char *text, size_t len, struct smaps *ret) {
    struct smaps found = {0};
    cleanup_free struct stream *s = stream_new(&found);
    cleanup_free char *copy = mem_alloc(len + 1);
    memcpy(copy, text, len);
    int r = feed(s, copy, len);
    if (r == 0)
        r = feed_end(s);
    if (r < 0) {
        smaps_done(&found);
        return r;
    }
    *ret = found;
    return 0;
}

void smaps_done(struct smaps *s) {
    region_list_done(&s->regions);
    free(s->usages);
    *s = (struct smaps){0};
}

int smaps_rollup_parse(const char *text, size_t len, struct usage *ret) {
    struct usage u = {0};
    unsigned cursor = 0;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        if (is_key_start(*p))
            (void)parse_value(&u, p, stop, &cursor); /* a malformed value stays unknown */
        p = stop + 1;
    }
    if (!u.known)
        return -EBADMSG;
    *ret = u;
    return 0;
}

int smaps_rollup_read(const char *root, pid_t pid, struct usage *ret) {
    cleanup_free char *text = NULL;
    size_t len;
    int r = procfs_read(root, pid, "smaps_rollup", 64 * 1024, &text, &len);
    if (r < 0)
        return r;
    return len ? smaps_rollup_parse(text, len, ret) : -ENODATA;
}
