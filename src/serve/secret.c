#include "serve/secret.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 1 << 16 }; /* chains of certificates have a few KiB */

static int check(int fd, const char *path, const char *what, bool is_secret, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(e, -errno, NULL, "The %s file %s cannot be read: %s.", what, path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EBADMSG, NULL, "The %s file %s is not a file.", what, path);
    if (is_secret && (st.st_mode & (S_IRWXG | S_IRWXO)))
        return err_set(e, -EPERM, "chmod 600 makes it a secret.",
                       "The %s file %s is open to others (mode %04o).", what, path,
                       (unsigned)st.st_mode & 07777);
    if (is_secret && st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(e, -EPERM, "chown makes it one's own.",
                       "The %s file %s belongs to another user, who may change it.", what, path);
    return 0;
}

int secret_file_read(const char *path, const char *what, bool is_secret, char **ret,
                     struct err *e) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(e, -errno, NULL, "The %s file %s cannot be opened: %s.", what, path,
                       strerror(errno));
    int r = check(fd, path, what, is_secret, e);
    if (r < 0)
        return r;
    char *text = mem_zalloc(FILE_MAX_BYTES + 1);
    size_t n = 0;
    ssize_t got;
    while (n < FILE_MAX_BYTES && (got = read(fd, text + n, FILE_MAX_BYTES - n)) > 0)
        n += (size_t)got;
    if (n < FILE_MAX_BYTES && n > 0 && !memchr(text, '\0', n)) {
        *ret = text;
        return 0;
    }
    free(text);
    return err_set(e, -EBADMSG, NULL, "The %s file %s is %s.", what, path,
                   n == 0               ? "empty"
                   : n < FILE_MAX_BYTES ? "no text"
                                        : "too large");
}

int token_read(const char *path, struct token *ret, struct err *e) {
    char *text;
    int r = secret_file_read(path, "token", true, &text, e);
    if (r < 0)
        return r;
    size_t n = strcspn(text, "\r\n"), plain = 0;
    while (plain < n && text[plain] > ' ' && text[plain] < 0x7f)
        plain++;
    bool is_one = plain == n && text[n + strspn(text + n, "\r\n")] == '\0';
    struct token t = {.n = n};
    if (n < TOKEN_MAX)
        memcpy(t.text, text, n);
    explicit_bzero(text, strlen(text));
    free(text);
    if (!is_one || n < TOKEN_MIN || n >= TOKEN_MAX)
        return err_set(e, -EBADMSG, "`openssl rand -hex 32` makes a good one.",
                       "The token file %s must hold one word of %d to %d letters.", path, TOKEN_MIN,
                       TOKEN_MAX - 1);
    *ret = t;
    return 0;
}

bool token_is_shown(const struct token *t, const char *authorization) {
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    const char *shown = authorization + strlen(scheme);
    size_t n = strnlen(shown, TOKEN_MAX);
    /* all of both, and no branch on what they hold */
    char padded[TOKEN_MAX] = {0};
    memcpy(padded, shown, n);
    volatile uint8_t differs = n != t->n;
    for (size_t i = 0; i < TOKEN_MAX; i++)
        differs |= (uint8_t)(padded[i] ^ t->text[i]);
    return !differs;
}
