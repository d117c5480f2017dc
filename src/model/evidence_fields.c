#include "model/evidence_fields.h"

#include "model/evidence.h"

#define NUMBER FIELD

/* --- V8 --- */

static const struct field tally[] = {
    NUMBER(struct v8_tally, bytes), NUMBER(struct v8_tally, resident), {0}};

#define SPACE(m) NUMBER(struct v8_space_census, m)
static const struct field space[] = {
    SPACE(pages), SPACE(objects),   SPACE(committed),
    SPACE(used),  SPACE(accounted), FIELD_EACH(struct v8_space_census, part, tally),
    SPACE(live),  SPACE(weak_only), {0},
};

static const struct field limits[] = {
    NUMBER(struct v8_limits, old_bytes),
    NUMBER(struct v8_limits, semi_space_bytes),
    NUMBER(struct v8_limits, semi_spaces),
    {0},
};

#define ISOLATE(m) NUMBER(struct v8_isolate_census, m)
static const struct field isolate[] = {
    ISOLATE(isolate),
    ISOLATE(heap),
    ISOLATE(roots),
    FIELD_AS(struct v8_isolate_census, name, FIELD_CHARS),
    ISOLATE(tid),
    ISOLATE(gc_state),
    FIELD_IN(struct v8_isolate_census, limits, limits),
    FIELD_EACH(struct v8_isolate_census, space, space),
    ISOLATE(array_buffer_bytes),
    ISOLATE(array_buffer_count),
    ISOLATE(external_string_bytes),
    ISOLATE(pages_to_free),
    ISOLATE(resident_to_free),
    ISOLATE(resident_to_pool),
    ISOLATE(array_buffer_garbage),
    {0},
};

#define STALE(m) NUMBER(struct v8_stale, m)
static const struct field stale[] = {STALE(pages), STALE(bytes), STALE(resident), {0}};

#define V8(m) NUMBER(struct v8_census, m)
static const struct field v8[] = {
    FIELD_AS(struct v8_census, v8_version, FIELD_CHARS),
    FIELD_AS(struct v8_census, node_version, FIELD_CHARS),
    V8(layout_known),
    FIELD_LIST(struct v8_census, isolates, isolate),
    FIELD_IN(struct v8_census, read_only, space),
    FIELD_IN(struct v8_census, stale, stale),
    V8(unwalked_bytes),
    V8(swapped_bytes),
    V8(has_liveness),
    V8(has_page_pool),
    V8(stack_only),
    V8(in_collection),
    FIELD_AS(struct v8_census, notes, FIELD_WORDS),
    {0},
};

/* --- malloc --- */

#define SHARE(m) NUMBER(struct malloc_share, m)
static const struct field share[] = {SHARE(bytes), SHARE(resident), SHARE(count), {0}};

#define SPAN(m) NUMBER(struct malloc_span, m)
static const struct field span[] = {
    SPAN(start),        SPAN(end),          SPAN(used_end),
    SPAN(resident),     SPAN(arena),        SPAN(header),
    SPAN(in_use_count), SPAN(in_use_bytes), {0},
};

#define PIN(m) NUMBER(struct malloc_pin, m)
static const struct field pin[] = {
    PIN(addr),  PIN(size),        PIN(state),          PIN(count),
    PIN(bytes), PIN(below_bytes), PIN(below_resident), {0},
};

#define ARENA(m) NUMBER(struct malloc_arena, m)
static const struct field arena[] = {
    ARENA(addr),
    ARENA(is_main),
    ARENA(busy),
    ARENA(has_attached),
    ARENA(attached),
    ARENA(system_bytes),
    ARENA(max_system_bytes),
    ARENA(heaps),
    FIELD_EACH(struct malloc_arena, share, share),
    ARENA(header_bytes),
    ARENA(trimmable),
    ARENA(biggest_free),
    ARENA(biggest_free_resident),
    ARENA(free_pages),
    ARENA(large_free_resident),
    ARENA(block_free_resident),
    ARENA(beside_resident),
    ARENA(beside_large_resident),
    ARENA(beside_large_count),
    FIELD_EACH(struct malloc_arena, pins, pin),
    ARENA(n_pins),
    FIELD_LIST(struct malloc_arena, tids, NULL),
    {0},
};

#define CLASS(m) NUMBER(struct malloc_size_class, m)
static const struct field size_class[] = {
    CLASS(size),          CLASS(in_use_count),
    CLASS(in_use_bytes),  CLASS(tcached_count),
    CLASS(tcached_bytes), CLASS(free_count),
    CLASS(free_bytes),    CLASS(in_use_resident),
    CLASS(free_resident), {0},
};

#define GLIBC(m) NUMBER(struct malloc_glibc, m)
static const struct field glibc[] = {
    FIELD_AS(struct malloc_glibc, version, FIELD_CHARS),
    GLIBC(main_arena),
    GLIBC(bins_at),
    GLIBC(heap_info),
    GLIBC(has_fastbins),
    GLIBC(mangling_known),
    GLIBC(mangled),
    FIELD_AS(struct malloc_glibc, tcache_layout, FIELD_TEXT),
    GLIBC(tcache_chunk),
    GLIBC(tcache_tls),
    GLIBC(mp_addr),
    GLIBC(trim_threshold),
    GLIBC(top_pad),
    GLIBC(mmap_threshold),
    GLIBC(arena_test),
    GLIBC(arena_max),
    GLIBC(thp_pagesize),
    GLIBC(hp_pagesize),
    GLIBC(n_mmaps),
    GLIBC(n_mmaps_max),
    GLIBC(max_n_mmaps),
    GLIBC(mmap_threshold_dynamic),
    GLIBC(mmapped_mem),
    GLIBC(max_mmapped_mem),
    GLIBC(sbrk_base),
    GLIBC(has_tcache_settings),
    GLIBC(tcache_bins),
    GLIBC(tcache_max_bytes),
    GLIBC(tcache_count),
    {0},
};

#define COVERAGE(m) NUMBER(struct malloc_coverage, m)
static const struct field coverage[] = {
    COVERAGE(walk_errors),
    COVERAGE(list_errors),
    COVERAGE(faults),
    COVERAGE(not_resident),
    COVERAGE(threads),
    COVERAGE(threads_with_regs),
    COVERAGE(tcaches),
    COVERAGE(threads_without_tcache),
    COVERAGE(tcaches_missing),
    COVERAGE(busy_arenas),
    COVERAGE(in_flight),
    COVERAGE(mmapped_missing),
    COVERAGE(arena_missing_bytes),
    COVERAGE(truncated),
    {0},
};

#define MALLOC(m) NUMBER(struct malloc_census, m)
static const struct field malloc_fields[] = {
    MALLOC(kind),
    FIELD_AS(struct malloc_census, how, FIELD_CHARS),
    MALLOC(has_residency),
    MALLOC(residency_estimated),
    FIELD_IN(struct malloc_census, glibc, glibc),
    FIELD_LIST(struct malloc_census, arenas, arena),
    FIELD_LIST(struct malloc_census, spans, span),
    FIELD_IN(struct malloc_census, mmapped, share),
    FIELD_EACH(struct malloc_census, own, share),
    MALLOC(own_walked),
    FIELD_AS(struct malloc_census, own_release, FIELD_TEXT),
    FIELD_AS(struct malloc_census, own_give_back, FIELD_TEXT),
    FIELD_EACH(struct malloc_census, classes, size_class),
    FIELD_IN(struct malloc_census, coverage, coverage),
    FIELD_AS(struct malloc_census, note, FIELD_CHARS),
    {0},
};

/* --- the account, and where things are --- */

#define OWNER(m) NUMBER(struct owner, m)
static const struct field owner[] = {
    FIELD_AS(struct owner, path, FIELD_OWNED),
    OWNER(resident_bytes),
    OWNER(virtual_bytes),
    OWNER(pss_bytes),
    OWNER(swap_bytes),
    {0},
};

#define UNKNOWN(m) NUMBER(struct unknown_range, m)
static const struct field unknown[] = {UNKNOWN(start), UNKNOWN(end), UNKNOWN(resident_bytes), {0}};

#define PIECE(m) NUMBER(struct account_piece, m)
static const struct field piece[] = {
    PIECE(start), PIECE(end), PIECE(resident_bytes), PIECE(region), PIECE(owner), {0},
};

#define ACCOUNT(m) NUMBER(struct account, m)
static const struct field account[] = {
    ACCOUNT(rss_bytes),
    ACCOUNT(attributed_bytes),
    ACCOUNT(has_pss),
    FIELD_LIST(struct account, owners, owner),
    FIELD_LIST(struct account, unknown, unknown),
    FIELD_LIST(struct account, pieces, piece),
    FIELD_AS(struct account, labels, FIELD_WORDS),
    {0},
};

#define REGION(m) NUMBER(struct region, m)
static const struct field region[] = {
    REGION(start),
    REGION(end),
    REGION(offset),
    REGION(inode),
    REGION(dev_major),
    REGION(dev_minor),
    REGION(prot),
    REGION(shared),
    REGION(deleted),
    REGION(kind),
    FIELD_AS(struct region, name, FIELD_TEXT),
    {0},
};

#define RUN(m) NUMBER(struct resident_run, m)
static const struct field run[] = {RUN(start), RUN(end), RUN(flags), {0}};

/* --- the process and what is around it --- */

#define PROCESS(m) NUMBER(struct process, m)
static const struct field process[] = {
    PROCESS(pid),
    PROCESS(parts),
    PROCESS(denied),
    PROCESS(ppid),
    PROCESS(pgrp),
    PROCESS(session),
    PROCESS(state),
    FIELD_AS(struct process, name, FIELD_CHARS),
    PROCESS(kernel_thread),
    PROCESS(started_ns),
    PROCESS(n_threads),
    PROCESS(uid),
    PROCESS(ns_pid),
    PROCESS(n_ns),
    FIELD_EACH(struct process, sizes, NULL),
    PROCESS(known_sizes),
    PROCESS(signals_caught),
    PROCESS(signals_blocked),
    PROCESS(signals_ignored),
    FIELD_AS(struct process, exe, FIELD_OWNED),
    PROCESS(exe_deleted),
    PROCESS(exe_dev),
    PROCESS(exe_inode),
    PROCESS(pid_ns),
    PROCESS(mnt_ns),
    FIELD_AS(struct process, cgroup, FIELD_OWNED),
    PROCESS(n_fds),
    PROCESS(oom_score),
    PROCESS(oom_score_adj),
    {0},
};

static const struct field limit[] = {
    NUMBER(struct cgroup_limit, state), NUMBER(struct cgroup_limit, bytes), {0}};

#define LINE(m) NUMBER(struct pressure_line, m)
static const struct field line[] = {
    LINE(known),          LINE(avg10_percent), LINE(avg60_percent),
    LINE(avg300_percent), LINE(total_ns),      {0},
};
static const struct field pressure[] = {
    FIELD_IN(struct pressure, some, line), FIELD_IN(struct pressure, full, line), {0}};

static const struct field cgroup[] = {
    NUMBER(struct cgroup, version),
    FIELD_AS(struct cgroup, path, FIELD_OWNED),
    FIELD_AS(struct cgroup, dir, FIELD_OWNED),
    FIELD_EACH(struct cgroup, values, NULL),
    NUMBER(struct cgroup, known),
    FIELD_IN(struct cgroup, max, limit),
    FIELD_IN(struct cgroup, high, limit),
    FIELD_IN(struct cgroup, swap_max, limit),
    FIELD_IN(struct cgroup, effective_max, limit),
    FIELD_AS(struct cgroup, effective_path, FIELD_OWNED),
    NUMBER(struct cgroup, ancestors_hidden),
    FIELD_IN(struct cgroup, pressure, pressure),
    {0},
};

static const struct field cpus[] = {
    NUMBER(struct cpus, online),
    NUMBER(struct cpus, allowed),
    NUMBER(struct cpus, has_quota),
    NUMBER(struct cpus, quota),
    {0},
};

static const struct field neighbour[] = {
    NUMBER(struct evidence_neighbour, pid),
    FIELD_AS(struct evidence_neighbour, name, FIELD_CHARS),
    NUMBER(struct evidence_neighbour, rss_bytes),
    {0},
};

#define PART(m) FIELD(struct suspect_part, m)
static const struct field suspect_part[] = {
    FIELD_AS(struct suspect_part, text, FIELD_OWNED), PART(addr), PART(count), PART(bytes), {0}};

#define SUSPECT(m) FIELD(struct suspect, m)
static const struct field suspect[] = {
    FIELD_AS(struct suspect, kind, FIELD_TEXT),
    FIELD_AS(struct suspect, text, FIELD_OWNED),
    FIELD_AS(struct suspect, path, FIELD_OWNED),
    SUSPECT(addr),
    SUSPECT(sample),
    SUSPECT(count),
    SUSPECT(bytes),
    SUSPECT(outside),
    FIELD_LIST(struct suspect, parts, suspect_part),
    {0},
};
static const struct field suspects[] = {
    FIELD(struct suspects, least),
    FIELD(struct suspects, live_bytes),
    FIELD_LIST(struct suspects, list, suspect),
    {0},
};

#define LOST_GROUP(m) FIELD(struct lost_blocks, m)
static const struct field lost_group[] = {
    LOST_GROUP(size),   LOST_GROUP(count),
    LOST_GROUP(bytes),  FIELD_AS(struct lost_blocks, label, FIELD_OWNED),
    LOST_GROUP(sample), {0},
};
#define LOST(m) FIELD(struct lost_native, m)
static const struct field lost[] = {
    LOST(is_known),
    LOST(in_use_bytes),
    LOST(count),
    LOST(bytes),
    LOST(handle_blocks),
    LOST(handle_bytes),
    FIELD_AS(struct lost_native, handle_value, FIELD_TEXT),
    FIELD_LIST(struct lost_native, groups, lost_group),
    {0},
};

static const struct field flag[] = {
    FIELD_AS(struct flag, name, FIELD_OWNED),
    NUMBER(struct flag, kind),
    FIELD_AS(struct flag, value, FIELD_OWNED),
    FIELD_AS(struct flag, otherwise, FIELD_OWNED),
    {0},
};
static const struct field flags[] = {FIELD_LIST(struct flag_list, list, flag),
                                     FIELD_AS(struct flag_list, options, FIELD_WORDS),
                                     {0}};

static const struct field thread[] = {
    NUMBER(struct evidence_thread, tid),
    FIELD_AS(struct evidence_thread, name, FIELD_CHARS),
    {0},
};

/* --- all of it --- */

static const struct field target[] = {
    FIELD_AS(struct evidence_target, kind, FIELD_TEXT),
    NUMBER(struct evidence_target, pid),
    FIELD_AS(struct evidence_target, exe, FIELD_OWNED),
    NUMBER(struct evidence_target, engine),
    NUMBER(struct evidence_target, threads),
    {0},
};

#define COST(m) NUMBER(struct evidence_cost, m)
static const struct field cost[] = {
    COST(pause_ns),
    COST(longest_ns),
    COST(reap_ns),
    COST(extra_bytes),
    FIELD_AS(struct evidence_cost, freeze, FIELD_TEXT),
    FIELD_AS(struct evidence_cost, not_forked, FIELD_OWNED),
    COST(stops),
    COST(took_ns),
    COST(own_rss_bytes),
    {0},
};

static const struct field activity[] = {
    FIELD(struct evidence_activity, is_known), FIELD(struct evidence_activity, main_thread), {0}};

#define EVIDENCE(m) NUMBER(struct evidence, m)
const struct field evidence_fields[] = {
    FIELD_IN(struct evidence, target, target),
    FIELD_IN(struct evidence, cost, cost),
    FIELD_IN(struct evidence, activity, activity),
    FIELD_AS(struct evidence, notes, FIELD_WORDS),
    FIELD_LIST(struct evidence, regions, region),
    FIELD_LIST(struct evidence, residency, run),
    EVIDENCE(residency.swap_bytes),
    EVIDENCE(residency.estimated),
    EVIDENCE(has_residency),
    FIELD_LIST(struct evidence, threads, thread),
    EVIDENCE(has_v8),
    FIELD_IN(struct evidence, v8, v8),
    EVIDENCE(has_suspects),
    FIELD_IN(struct evidence, suspects, suspects),
    FIELD_IN(struct evidence, lost, lost),
    EVIDENCE(has_flags),
    FIELD_IN(struct evidence, flags, flags),
    EVIDENCE(has_malloc),
    FIELD_IN(struct evidence, malloc, malloc_fields),
    EVIDENCE(has_account),
    FIELD_IN(struct evidence, account, account),
    EVIDENCE(has_process),
    FIELD_IN(struct evidence, process, process),
    EVIDENCE(has_cgroup),
    FIELD_IN(struct evidence, cgroup, cgroup),
    EVIDENCE(has_cpus),
    FIELD_IN(struct evidence, cpus, cpus),
    FIELD_LIST(struct evidence, neighbours, neighbour),
    {0},
};
