/* Caps on what a hostile or broken target can make us do, each with its reason. */
#ifndef MEMWHY_BASE_LIMITS_H
#define MEMWHY_BASE_LIMITS_H

#define PAGE_BYTES 4096ull       /* x86-64 base page; all residency is counted in these */
#define LIMIT_REGIONS (1u << 20) /* vm.max_map_count is 65530 by default; some raise it to 1 M */
#define LIMIT_THREADS 65536u     /* kernel.threads-max on large hosts is above; nobody runs it */
#define LIMIT_NAME 4096u         /* PATH_MAX, the longest name in /proc/PID/maps */
#define LIMIT_ELF_BYTES (2ull << 30) /* node is 120 MB; debug builds of 1.5 GB exist */
#define LIMIT_USER_ADDR (1ull << 47) /* user half of the x86-64 address space, 4-level tables */

/* Stacks: 984 KiB, V8's default (--stack-size), hold some 11,000 frames of JavaScript; 8 MiB of C a
 * few hundred thousand, of which nobody reads more than the first. All threads together: 120 MB of
 * ours. */
#define LIMIT_FRAMES 65536u
#define LIMIT_FRAMES_ALL (1u << 20)

/* malloc/: what the lists and chains of a broken or hostile heap may cost. */
#define LIMIT_ARENAS 16384u              /* glibc makes 8 per CPU; this is 2048 CPUs */
#define LIMIT_HEAPS 16384u               /* 64 MiB each: 1 TiB of thread arenas */
#define LIMIT_LISTED_CHUNKS (1u << 24)   /* in fastbins and tcaches together: 128 MiB of ours */
#define LIMIT_SEARCH_BYTES (64ull << 20) /* writable data of a module, searched for main_arena */
#define LIMIT_CHUNKS (1ull << 32)        /* 128 GiB of the smallest */
#define LIMIT_SEGMENT_CHUNKS                                                                       \
    (1u << 26)                   /* walked on trial, to find mapped parts of the main arena */
#define LIMIT_EXTENTS (1u << 24) /* of jemalloc, 4 KiB the smallest: 64 GiB, 640 MB of ours */
#define LIMIT_META_AREAS                                                                           \
    (1u << 20)                       /* pages of musl's: 101 groups each, 40 bytes of ours a group \
                                      */
#define LIMIT_CHUNK_UNITS (1u << 22) /* MiB within large chunks: 4 TiB, 270 MB of ours */
#define LIMIT_HEAP_BLOCKS (1u << 20) /* of 64 KiB: heaps up to 64 GiB are indexed */

/* uv/: lists of a broken or hostile loop. */
#define LIMIT_UV_LOOPS 4096u         /* one for each worker, and some of Node's own */
#define LIMIT_UV_HANDLES (1u << 20)  /* most have a file: fs.nr_open */
#define LIMIT_UV_REQUESTS (1u << 22) /* 192 bytes of each are not freed */
#define LIMIT_UV_STACK                                                                             \
    (1ull << 20) /* of the outer end of a stack, where uv_run() has its frame                      \
                  */

#define LIMIT_V8_ISOLATES 1024u /* of one process: each has a thread and some MB of its own */
#define LIMIT_V8_NAME 1000u     /* units of the name of a function or class; longer ones are cut */
#define LIMIT_V8_SOURCE (1u << 27) /* units of a script's source; bundles have tens of millions */
#define LIMIT_V8_CODE (64u << 20)  /* bytes of one table of code; V8 compiles less than 2 MB */
#define LIMIT_V8_BIGINT (1u << 24) /* words of a BigInt, V8's own limit (BigInt::kMaxLength) */
#define LIMIT_V8_FLAGS_BYTES (1u << 20) /* of the table of flags; 14.6 has 971, in 54 KB */
#define LIMIT_INSPECTED (1u << 20)      /* values shown at once: 200 MB of ours */
#define LIMIT_V8_SLOTS (1u << 22) /* 256 KiB units of V8 pages: 1 TB of heap, tables of 100 MB */

/* inspector/: one message; the largest that is asked for, a list of flags and figures, has 100 KB.
 */
#define LIMIT_INSPECTOR_MESSAGE (64u << 20)

/* heapfile/: what a packed file may become. V8's snapshots pack to a tenth or a thirtieth; a few
 * bytes of zstd can be gigabytes of zeroes. */
#define LIMIT_UNPACKED_RATIO 200u
#define LIMIT_UNPACKED_FREE (64ull << 20) /* bytes that are never too many */

/* trial/: what a program that is tried may make us keep. */
#define LIMIT_TRIAL_LOG (64ull << 20) /* of its output; then what was there is dropped */
#define LIMIT_HTTP_HEAD 65536u        /* bytes before the body; servers stop at 8 to 16 KiB */

/* watch/: a file of rules, which is written by hand. */
#define LIMIT_RULES_BYTES (1u << 20)
#define LIMIT_RULES 256u
#define LIMIT_RULE_PARTS 16u /* conditions of a rule, and actions */

/* crashlog/: logs have no end and any shape. */
#define LIMIT_LOG_LINE (64u << 10)     /* bytes of a line; longer ones are cut */
#define LIMIT_LOG_REPORT (64ull << 20) /* a diagnostic report; Node writes some 100 KB */
#define LIMIT_LOG_STREAMS 1024u        /* labels told apart; one for each program, or pod */
#define LIMIT_LOG_PROCESSES 1024u      /* remembered, with 8 KiB each */
#define LIMIT_LOG_DEATHS 256u          /* explained; more are counted */

/* A deep look of a recording, before it is packed: 0.7 MB of a small heap, some MB of large ones.
 */
#define LIMIT_DEEP_LOOK (64u << 20)

/* Lists within structs that were kept as JSON: regions and runs of pages are the longest. */
#define LIMIT_FIELD_LIST (1u << 22)

/* record/: what a recording may make us keep, and what a store that is broken or hostile. */
#define LIMIT_RECORD_POINTS 4096u              /* in a block: a minute at every 15 ms */
#define LIMIT_RECORD_BLOCK_MS (3600ull * 1000) /* the time a block spans */
#define LIMIT_RECORD_HELD 60u /* rounds that cannot be written now: 10 KB each of 60 processes */
#define LIMIT_RECORD_BLOB (64u << 20) /* bytes of one; a round of 65,536 processes has 12 MB */
#define LIMIT_RECORD_GCS 2048u    /* one by one, of a process in a minute; the rest is summed up */
#define LIMIT_RECORD_REASONS 256u /* V8 has some thirty */
#define LIMIT_RECORD_DEEP (256u << 20) /* bytes of JSON, of one deep look */

#endif
