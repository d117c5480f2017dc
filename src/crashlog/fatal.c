#include "crashlog/fatal.h"

#include "crashlog/scan.h"

/* Behind "FATAL ERROR: ", where one message begins so or has it within; the first that fits counts.
 * From V8::FatalProcessOutOfMemory's callers and node::OnFatalError, V8 5.1 to 14.6. */
static const struct {
    const char *says;
    enum fatal_kind kind;
} fatals[] = {
    {"Reached heap limit", FATAL_HEAP_LIMIT},
    {"Ineffective mark-compacts near heap limit", FATAL_HEAP_LIMIT},
    {"CALL_AND_RETRY", FATAL_HEAP_LIMIT},
    {"Committing semi space failed", FATAL_SYSTEM},
    {"NewSpace::", FATAL_SYSTEM},
    {"SemiSpaceNewSpace", FATAL_SYSTEM},
    {"semi-space copy", FATAL_HEAP_OR_SYSTEM},
    {"promotion failed", FATAL_HEAP_OR_SYSTEM},
    {"promoting marked", FATAL_HEAP_OR_SYSTEM},
    {"Evacuation", FATAL_HEAP_OR_SYSTEM},
    {"invalid array length", FATAL_TOO_LARGE},
    {"invalid table size", FATAL_TOO_LARGE},
    {"nvalid fixed array", FATAL_TOO_LARGE},
    {"Invalid FixedArray", FATAL_TOO_LARGE},
    {"Invalid FixedDoubleArray", FATAL_TOO_LARGE},
    {"invalid weak", FATAL_TOO_LARGE},
    {"RegExpCompiler", FATAL_REGEXP},
    {"regexp", FATAL_REGEXP},
    {"JavaScript heap out of memory", FATAL_HEAP_LIMIT},
    {"OOM error in V8", FATAL_HEAP_LIMIT},
    {"JS Allocation failed", FATAL_HEAP_LIMIT},
    {"out of memory", FATAL_SYSTEM}, /* "Zone", "CodeRange setup", "Malloced operator new", ... */
    {"insufficient memory", FATAL_SYSTEM},
    {"Failed to reserve", FATAL_SYSTEM},
    {"Allocation failed", FATAL_SYSTEM},
};

/* Exceptions, by words that are nobody else's. */
static const struct {
    const char *says;
    enum fatal_kind kind;
} errors[] = {
    {"ERR_WORKER_OUT_OF_MEMORY", FATAL_WORKER},
    {"Worker terminated due to reaching memory limit", FATAL_WORKER},
    {"Maximum call stack size exceeded", FATAL_STACK},
    {"RangeError: Invalid string length", FATAL_STRING},
    {"Cannot create a string longer than", FATAL_STRING},
    {"ERR_STRING_TOO_LONG", FATAL_STRING},
    {"RangeError: Invalid array length", FATAL_ARRAY},
    {"RangeError: Invalid typed array length", FATAL_ARRAY},
    {"Map maximum size exceeded", FATAL_COLLECTION},
    {"Set maximum size exceeded", FATAL_COLLECTION},
    {"RangeError: Too many properties to enumerate", FATAL_COLLECTION},
    {"ERR_BUFFER_TOO_LARGE", FATAL_BUFFER},
    {"ERR_FS_FILE_TOO_LARGE", FATAL_BUFFER},
    {"Cannot create a Buffer larger than", FATAL_BUFFER},
    {"Array buffer allocation failed", FATAL_BUFFER_MEMORY},
    {"WebAssembly.Memory(): could not allocate memory", FATAL_BUFFER_MEMORY},
    {"ERR_MEMORY_ALLOCATION_FAILED", FATAL_BUFFER_MEMORY},
    {"Array buffer too large", FATAL_BUFFER},
    {"std::bad_alloc", FATAL_SYSTEM_CALL},
    {"ENOMEM", FATAL_SYSTEM_CALL},
};

static const char *const beginnings[] = {"FATAL ERROR: ",
                                         "FATAL ERROR ",
                                         "Fatal process out of memory",
                                         "Fatal process OOM",
                                         "Fatal JavaScript out of memory",
                                         "Fatal JavaScript OOM",
                                         "Fatal javascript OOM",
                                         "OOM error in V8: "};

static bool parse_fatal(const char *line, struct fatal *ret) {
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        const char *at = strstr(line, beginnings[i]);
        if (!at)
            continue;
        const char *message = strncmp(at, "FATAL", 5) ? at : at + strlen(beginnings[i]);
        *ret = (struct fatal){FATAL_OTHER, false, message};
        if (!strncmp(at, "Fatal J", 7) || !strncmp(at, "Fatal j", 7))
            ret->kind = FATAL_HEAP_LIMIT;
        for (size_t j = 0; j < sizeof fatals / sizeof *fatals; j++)
            if (strstr(message, fatals[j].says)) {
                ret->kind = fatals[j].kind;
                break;
            }
        return true;
    }
    return false;
}

bool fatal_parse(const char *line, struct fatal *ret) {
    if (parse_fatal(line, ret))
        return true;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strstr(line, errors[i].says)) {
            bool throws = errors[i].kind != FATAL_SYSTEM_CALL || strstr(line, "Error");
            *ret = (struct fatal){errors[i].kind, throws, line};
            scan_spaces(&ret->text);
            return true;
        }
    return false;
}

/* "code 137", "Exit Code:    137", "status 137", "errno 137", "exit status 137". */
static bool has_code(const char *line, const char *digits) {
    static const char *const before[] = {"code", "Code", "status", "errno", "exited with"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        for (const char *at = strstr(line, before[i]); at; at = strstr(at + 1, before[i])) {
            const char *p = at + strlen(before[i]);
            while (*p && strchr(" :=\"'(", *p))
                p++;
            if (scan_text(&p, digits) && !isalnum((unsigned char)*p))
                return true;
        }
    }
    return false;
}

/* What a shell says: "Killed", "/bin/run: line 3:  1234 Killed   node app.js". */
static bool shell_killed(const char *line) {
    const char *at = strstr(line, "Killed");
    if (!at)
        return false;
    bool alone = at == line && (!at[6] || !strcmp(at + 6, " (core dumped)"));
    const char *before = at;
    while (before > line && before[-1] == ' ')
        before--;
    bool numbered = before < at && before > line && isdigit((unsigned char)before[-1]);
    return alone || (numbered && (!at[6] || at[6] == ' ') && strstr(line, "line "));
}

enum exit_kind exit_parse(const char *line) {
    if (strstr(line, "OOMKilled") && !strstr(line, "OOMKilled\": false") &&
        !strstr(line, "OOMKilled\":false"))
        return EXIT_OOM_KILLED;
    if (strstr(line, "killed by the OOM killer") || strstr(line, "result 'oom-kill'"))
        return EXIT_OOM_KILLED;
    if ((strstr(line, "Killed ") && strstr(line, " due to memory ")) || /* systemd-oomd */
        (strstr(line, "sending SIG") && strstr(line, "VmRSS")))         /* earlyoom */
        return EXIT_OOMD;
    if (has_code(line, "137") || strstr(line, "SIGKILL") || strstr(line, "status=9/KILL") ||
        strstr(line, "signal: killed") || shell_killed(line))
        return EXIT_KILL;
    if (has_code(line, "134") || strstr(line, "SIGABRT") || strstr(line, "status=6/ABRT") ||
        strstr(line, "Aborted (core dumped)"))
        return EXIT_ABORT;
    return EXIT_NONE;
}
