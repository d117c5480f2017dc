#include "record/writer_file.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char record_schema[]; /* schema.sql */

#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)

/* Pages are small, as what is in them is: a block has some kilobytes, and the last page of each is
 * half empty. What is deleted is used again, so the file grows to its bound and stays; only
 * --max-size makes it shorter. */
#define PAGE_SIZE "1024"

/* NORMAL syncs when the log is brought into the file, not at each round: what a killed memwhy wrote
 * is in the kernel's cache and not lost. A machine that loses its power loses the rounds since,
 * some minutes at most, never the store. The log is brought in at 4 MB. */
static const char setup[] = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096;"
                            "PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -1024;"
                            "PRAGMA temp_store = MEMORY;";

static int cannot(const char *path, int code, struct err *e) {
    return err_set(e, -code, "", "%s cannot be written (%s)", path, strerror(code));
}

/* Exclusive locks of flock(2) are of the open file and go with the process, however it ends. They
 * do not touch SQLite's, which are fcntl(2)'s; those go when any descriptor of the file is closed,
 * so this one is closed last. */
static int lock(const char *path, int *ret_fd, bool *ret_made, struct err *e) {
    enum { FLAGS = O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };
    struct stat st;
    int fd = open(path, FLAGS | O_CREAT | O_EXCL, 0600);
    *ret_made = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, FLAGS);
    if (fd < 0)
        return cannot(path, errno, e);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, -EEXIST, "Name another with -o.", "%s is no file to record into", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int code = errno;
        close(fd);
        if (code == EWOULDBLOCK)
            return err_set(e, -EBUSY, "Give each its own file, or name all targets to one.",
                           "Another memwhy is recording into %s", path);
        return cannot(path, code, e);
    }
    *ret_fd = fd;
    return 0;
}

static int make(struct db *d, void *unused, struct err *e) {
    (void)unused;
    int rc = db_exec(d, record_schema, e);
    return rc < 0 ? rc
                  : db_exec(d,
                            "PRAGMA application_id = " TEXT_OF(
                                RECORD_APPLICATION_ID) ";"
                                                       "PRAGMA user_version = 1",
                            e);
}

/* The tables are made before the log is: so the first page says at once what the file is. */
static int make_store(struct db *d, struct err *e) {
    int rc = db_exec(d, "PRAGMA page_size = " PAGE_SIZE "; PRAGMA auto_vacuum = INCREMENTAL", e);
    return rc < 0 ? rc : db_transaction(d, make, NULL, e);
}

/* A file that SQLite's journal lies beside may be any: it was killed as it was made. */
static bool has_journal(const char *path) {
    cleanup_free char *journal = mem_printf("%s-journal", path);
    return access(journal, F_OK) == 0;
}

static int open_store(const char *path, struct db *ret, struct err *e) {
    int rc = db_sniff(path, e);
    if (rc == -ENOTDIR && !has_journal(path))
        return err_set(e, -EEXIST, "Name another with -o; nothing was changed.",
                       "%s is there already, and no recording", path);
    rc = db_open(path, SQLITE_OPEN_READWRITE, ret, e);
    if (rc < 0)
        return rc;
    rc = db_check(ret, e);
    if (rc == -ENODATA)
        rc = make_store(ret, e);
    if (rc == 0)
        rc = db_exec(ret, "PRAGMA journal_mode = WAL", e);
    if (rc == 0)
        rc = db_exec(ret, setup, e);
    if (rc < 0)
        db_close(ret);
    return rc == -ENOTDIR ? -EEXIST : rc;
}

int writer_file_open(const char *path, struct writer_file *ret, struct err *e) {
    int rc = lock(path, &ret->lock, &ret->made, e);
    if (rc < 0)
        return rc;
    rc = open_store(path, &ret->db, e);
    if (rc == 0)
        return 0;
    if (ret->made)
        unlink(path);
    close(ret->lock);
    return rc == -EAGAIN ? -EIO : rc; /* there is nothing that could be tried again */
}

void writer_file_close(struct writer_file *f) {
    db_close(&f->db);
    close(f->lock);
}

int writer_file_check(struct writer_file *f, struct err *e) {
    struct stat named, opened;
    if (fstat(f->lock, &opened) == 0 && stat(f->db.path, &named) == 0 &&
        named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
        return 0;
    return err_set(e, -ENOENT, "", "%s was removed or replaced while it was recorded", f->db.path);
}
