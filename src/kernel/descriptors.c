#include "kernel/descriptors.h"

#include "base/limits.h"
#include "base/map64.h"
#include "kernel/procfs.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TABLE_MAX (256ull << 20) /* 150 bytes a socket of the whole network namespace */

/* include/net/tcp_states.h, from 1 on. */
static const char *const tcp_states[] = {
    NULL,    "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};
enum { TCP_STATES = sizeof tcp_states / sizeof *tcp_states, STATE_LISTEN = 10 };

static const char *tcp_state(unsigned state) {
    return state < TCP_STATES ? tcp_states[state] : NULL;
}

/* "0100007F:1F90", or 32 digits: words in the machine's order, a port. NULL for "no address". */
static char *inet_text(const char *s) {
    uint32_t w[4];
    unsigned port, n = 0;
    char buf[INET6_ADDRSTRLEN];
    size_t digits = strcspn(s, ":");
    if ((digits != 8 && digits != 32) || sscanf(s + digits, ":%x", &port) != 1)
        return NULL;
    for (; n < digits / 8; n++)
        if (sscanf(s + (size_t)8 * n, "%8" SCNx32, &w[n]) != 1)
            return NULL;
    if (!port && !w[0] && (n == 1 || (!w[1] && !w[2] && !w[3])))
        return NULL;
    inet_ntop(n == 1 ? AF_INET : AF_INET6, w, buf, sizeof buf);
    return n == 1 ? mem_printf("%s:%u", buf, port) : mem_printf("[%s]:%u", buf, port);
}

/* The one with this inode; `seen` maps inodes to index + 1. */
static struct descriptor *of_inode(struct descriptor_list *l, const struct map64 *seen,
                                   uint64_t inode) {
    uint64_t i;
    return inode && map64_get(seen, inode, &i) ? &l->list.at[i - 1] : NULL;
}

static void add_inet(struct descriptor_list *l, const struct map64 *seen, const char *kind,
                     const char *line) {
    char local[64], peer[64];
    unsigned state;
    uint64_t tx, rx, inode;
    if (sscanf(line, " %*[0-9]: %63s %63s %x %" SCNx64 ":%" SCNx64 " %*s %*s %*s %*s %" SCNu64,
               local, peer, &state, &tx, &rx, &inode) != 6)
        return;
    struct descriptor *d = of_inode(l, seen, inode);
    if (!d || d->kind)
        return;
    bool tcp = kind[0] == 't';
    d->kind = kind;
    d->state = tcp ? tcp_state(state) : NULL;
    d->local = inet_text(local);
    d->peer = inet_text(peer);
    /* Of one that listens these are connections, not bytes. */
    d->has_queues = !tcp || state != STATE_LISTEN;
    d->send_queue = d->has_queues ? tx : 0;
    d->receive_queue = d->has_queues ? rx : 0;
}

/* net/unix/af_unix.c, unix_seq_show(): flags are __SO_ACCEPTCON or 0, state as of the socket. */
static void add_unix(struct descriptor_list *l, const struct map64 *seen, const char *line) {
    enum { ACCEPTS = 1 << 16, UNCONNECTED = 1, CONNECTED = 3 };
    unsigned flags, state;
    uint64_t inode;
    int end = 0;
    if (sscanf(line, " %*[^:]: %*x %*x %x %*x %x %" SCNu64 "%n", &flags, &state, &inode, &end) != 3)
        return;
    struct descriptor *d = of_inode(l, seen, inode);
    if (!d || d->kind)
        return;
    d->kind = "unix";
    d->state = flags & ACCEPTS        ? "LISTEN"
               : state == CONNECTED   ? "ESTABLISHED"
               : state == UNCONNECTED ? "CLOSE"
                                      : NULL;
    if (line[end] == ' ' && line[end + 1])
        d->local = mem_strdup(line + end + 1);
}

static uint64_t socket_inode(const struct descriptor *d) {
    uint64_t inode;
    return d->target && sscanf(d->target, "socket:[%" SCNu64 "]", &inode) == 1 ? inode : 0;
}

void descriptors_add_table(struct descriptor_list *l, const char *kind, const char *text) {
    struct map64 seen = {0};
    for (size_t i = 0; i < l->list.n; i++) {
        uint64_t inode = socket_inode(&l->list.at[i]);
        if (inode)
            map64_put(&seen, inode, i + 1);
    }
    while (*text) {
        size_t n = strcspn(text, "\n");
        cleanup_free char *line = mem_strndup(text, n);
        if (kind[0] == 'u' && kind[1] == 'n')
            add_unix(l, &seen, line);
        else
            add_inet(l, &seen, kind, line);
        text += n + (text[n] == '\n');
    }
    map64_done(&seen);
}

static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6", "unix"};
enum { TABLES = sizeof tables / sizeof *tables };

static int by_fd(const void *a, const void *b) {
    const struct descriptor *x = a, *y = b;
    return (x->fd > y->fd) - (x->fd < y->fd);
}

static int read_links(const char *root, pid_t pid, struct descriptor_list *l) {
    cleanup_free char *path = procfs_path(root, pid, "fd");
    DIR *dir = opendir(path);
    if (!dir)
        return -errno;
    for (const struct dirent *e; (e = readdir(dir));) {
        struct descriptor d = {0};
        cleanup_free char *name = mem_printf("fd/%s", e->d_name);
        if (sscanf(e->d_name, "%d", &d.fd) == 1 && procfs_link(root, pid, name, &d.target) == 0)
            vec_push(&l->list, d);
    }
    closedir(dir);
    vec_sort(&l->list, by_fd);
    return 0;
}

int descriptors_read(const char *root, pid_t pid, struct descriptor_list *ret) {
    struct descriptor_list l = {0};
    int r = read_links(root, pid, &l);
    if (r < 0)
        return r;
    for (size_t i = 0; i < TABLES; i++) {
        char name[16], *text;
        size_t n;
        snprintf(name, sizeof name, "net/%s", tables[i]);
        if (procfs_read(root, pid, name, TABLE_MAX, &text, &n) < 0)
            continue;
        descriptors_add_table(&l, tables[i], text);
        free(text);
    }
    *ret = l;
    return 0;
}

/* --- as text --- */

/* Fields between tabs, "-" for what is unknown; names keep neither tabs nor ends of lines. */
static void put(FILE *f, const char *s, char after) {
    for (const char *c = s ? s : "-"; *c; c++)
        fputc(*c == '\t' || *c == '\n' ? '?' : *c, f);
    fputc(after, f);
}

char *descriptors_to_text(const struct descriptor_list *l) {
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    for (size_t i = 0; i < l->list.n; i++) {
        const struct descriptor *d = &l->list.at[i];
        fprintf(f, "%d\t", d->fd);
        put(f, d->target, '\t');
        put(f, d->kind, '\t');
        put(f, d->state, '\t');
        put(f, d->local, '\t');
        put(f, d->peer, d->has_queues ? '\t' : '\n');
        if (d->has_queues)
            fprintf(f, "%" PRIu64 "\t%" PRIu64 "\n", d->send_queue, d->receive_queue);
    }
    fclose(f);
    return text;
}

/* Words of ours for the words of a file. */
static const char *known(const char *word, const char *const *words, size_t n) {
    for (size_t i = 0; word && i < n; i++)
        if (words[i] && strcmp(words[i], word) == 0)
            return words[i];
    return NULL;
}

static char *field(char **rest) {
    char *s = strsep(rest, "\t");
    return s && strcmp(s, "-") != 0 ? s : NULL;
}

static bool read_line(char *line, struct descriptor *ret) {
    char *rest = line, *fd = strsep(&rest, "\t"), *queues;
    struct descriptor d = {0};
    if (sscanf(fd, "%d", &d.fd) != 1 || !rest)
        return false;
    const char *target = field(&rest);
    d.kind = known(field(&rest), tables, TABLES);
    d.state = known(field(&rest), tcp_states, TCP_STATES);
    const char *local = field(&rest), *peer = field(&rest);
    queues = rest;
    d.has_queues =
        queues && sscanf(queues, "%" SCNu64 "\t%" SCNu64, &d.send_queue, &d.receive_queue) == 2;
    d.target = target ? mem_strdup(target) : NULL;
    d.local = d.kind && local ? mem_strdup(local) : NULL;
    d.peer = d.kind && peer ? mem_strdup(peer) : NULL;
    *ret = d;
    return true;
}

int descriptors_of_text(const char *text, size_t len, struct descriptor_list *ret) {
    struct descriptor_list l = {0};
    struct descriptor d;
    cleanup_free char *copy = mem_strndup(text, len);
    for (char *rest = copy, *line; (line = strsep(&rest, "\n"));)
        if (*line && l.list.n < LIMIT_UV_HANDLES && read_line(line, &d))
            vec_push(&l.list, d);
    vec_sort(&l.list, by_fd);
    *ret = l;
    return 0;
}
