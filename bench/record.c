/* What a recording of many processes takes on disk and of the CPU, by a clock that is made up:
 *
 *   build/bench_record FILE.db [PROCESSES [DAYS [MAX_BYTES]]]
 *
 * One round a second, one scavenge a second and process. Prints the file's size day by day, and how
 * long it takes to read a field back. */
#include "../tests/unit/record_sim.h"
#include "base/clock.h"
#include "base/mem.h"
#include "record/writer.h"
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)
#define BEGIN_NS (1700000000 * SECOND_NS)

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static int failed(const struct err *e) {
    fprintf(stderr, "%s\n", e->what);
    return 1;
}

static int write_round(struct writer *w, struct sim_process *all, int n, uint64_t second,
                       struct err *e) {
    uint64_t at = (1000 + second) * SECOND_NS + second * 7919 % 400000;
    int rc = writer_begin(w, BEGIN_NS + at, at, e);
    for (int i = 0; rc == 0 && i < n; i++) {
        struct sample s;
        struct writer_process p = {.id = {1000 + i, 5 * SECOND_NS},
                                   .name = "node",
                                   .command = "node app.js",
                                   .version = "24.0.0"};
        sim_process_step(&all[i], 1);
        sim_process_sample(&all[i], &s);
        writer_sample(w, &p, &s);
        writer_gc(w, &(struct gc_event){.process = p.id,
                                        .at_ns = at - sim_random(&all[i], SECOND_NS / 2),
                                        .pause_ns = 300000 + sim_random(&all[i], 3000000),
                                        .isolate = 0x5561000 + (uint64_t)i * 4096,
                                        .kind = GC_SCAVENGE,
                                        .reason = "task",
                                        .before_bytes = all[i].heap,
                                        .after_bytes = all[i].heap - sim_random(&all[i], 1 << 20)});
    }
    return rc < 0 ? rc : writer_commit(w, e);
}

static int read_back(const char *path, struct err *e) {
    struct store *s;
    struct store_series series[SAMPLE_FIELDS] = {0};
    uint64_t from, to;
    size_t damaged;
    int rc = store_open(path, &s, e);
    if (rc < 0)
        return rc;
    rc = store_span(s, &from, &to, e);
    uint64_t began = clock_ns();
    if (rc == 0)
        rc = store_read(s, 1, UINT64_C(1) << SAMPLE_RSS, from, to, series, &damaged, e);
    printf("a field of a process, all of the time: %zu points in %.1f ms\n",
           series[SAMPLE_RSS].points.n, (double)(clock_ns() - began) / 1e6);
    began = clock_ns();
    if (rc == 0)
        rc = store_read(s, 2, UINT64_MAX, from, to, series, &damaged, e);
    printf("all fields: %.1f ms\n", (double)(clock_ns() - began) / 1e6);
    for (int f = 0; f < SAMPLE_FIELDS; f++)
        store_series_done(&series[f]);
    store_free(s);
    return rc;
}

int main(int argc, char **argv) {
    int n = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 60;
    double days = argc > 3 ? strtod(argv[3], NULL) : 7;
    struct err e = {0};
    struct writer *w;
    struct writer_how how = {.path = argv[1],
                             .boot = "bench",
                             .what = "bench",
                             .every_ns = SECOND_NS,
                             .max_bytes = argc > 4 ? strtoull(argv[4], NULL, 10) : 0,
                             .time_ns = BEGIN_NS + 1000 * SECOND_NS,
                             .at_ns = 1000 * SECOND_NS};
    if (argc < 2 || n < 1)
        return 2;
    if (writer_open(&how, &w, &e) < 0)
        return failed(&e);
    struct sim_process *all = mem_alloc((size_t)n * sizeof *all);
    for (int i = 0; i < n; i++)
        all[i] = sim_process_new((uint64_t)i);
    uint64_t seconds = (uint64_t)(days * 86400), began = cpu_ns(), longest = 0;
    for (uint64_t s = 1; s <= seconds; s++) {
        uint64_t before = cpu_ns();
        if (write_round(w, all, n, s, &e) < 0)
            return failed(&e);
        longest = cpu_ns() - before > longest ? cpu_ns() - before : longest;
        if (s % 21600 == 0 || s == seconds) {
            struct writer_state state;
            struct rusage usage;
            writer_state(w, &state);
            getrusage(RUSAGE_SELF, &usage);
            printf("%5.2f days: %6.1f MB, %.1f us of CPU a round, longest %.1f ms, RSS %ld MB\n",
                   (double)s / 86400, (double)state.bytes / 1e6,
                   (double)(cpu_ns() - began) / 1e3 / (double)s, (double)longest / 1e6,
                   usage.ru_maxrss / 1024);
            fflush(stdout);
        }
    }
    free(all);
    if (writer_close(w, &e) < 0 || read_back(argv[1], &e) < 0)
        return failed(&e);
    struct stat st;
    if (stat(argv[1], &st) == 0)
        printf("closed: %.1f MB\n", (double)st.st_size / 1e6);
    return 0;
}
