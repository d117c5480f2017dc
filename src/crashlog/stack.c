#include "crashlog/stack.h"

#include "crashlog/scan.h"
#include <stdio.h>

/* V8's and Node's own names, 5.1 to 14.6; Windows names the nearest exported function, which is
 * another one, but exports none of these. */
static const struct {
    const char *frame;
    int rank;
    bool one_block;
    const char *kind, *what;
} doings[] = {
    {"HeapSnapshotGenerator", 9, false, "heap-snapshot", "a heap snapshot was being made"},
    {"HeapProfiler::TakeSnapshot", 9, false, "heap-snapshot", "a heap snapshot was being made"},
    {"MapGrow", 8, true, "map", "a Map was being enlarged"},
    {"OrderedHashMap", 8, true, "map", "a Map was being enlarged"},
    {"SetGrow", 8, true, "set", "a Set was being enlarged"},
    {"OrderedHashSet", 8, true, "set", "a Set was being enlarged"},
    {"JsonStringi", 8, true, "json-stringify", "JSON.stringify() was writing its text"},
    {"JsonParse", 7, false, "json-parse", "JSON.parse() was making objects"},
    {"NumberDictionary", 7, true, "sparse-array", "a sparse array was being enlarged"},
    {"NameDictionary", 7, true, "dictionary",
     "an object with very many properties was being enlarged"},
    {"GlobalDictionary", 7, true, "dictionary", "the table of global variables was being enlarged"},
    {"EphemeronHashTable", 7, true, "weak-map", "a WeakMap was being enlarged"},
    {"StringTable", 7, true, "string-table", "V8's table of property names was being enlarged"},
    {"GrowArrayElements", 7, true, "array", "an array was being enlarged"},
    {"GrowCapacity", 6, true, "array", "an array was being enlarged"},
    {"ElementsAccessor", 5, true, "array", "an array was being filled or copied"},
    {"ArrayConcat", 7, true, "array", "arrays were being put together"},
    {"ArrayPrototypeFill", 7, true, "array", "an array was being filled"},
    {"ArrayConstructInitializeElements", 7, true, "array",
     "an array was being made, at its full length"},
    {"Runtime_NewArray", 6, true, "array", "an array was being made, at its full length"},
    {"ValueDeserializer", 7, false, "message",
     "a message of another thread or process was being read"},
    {"ValueSerializer", 7, true, "message",
     "a message for another thread or process was being written"},
    {"StringBuilder", 7, true, "string", "strings were being put together"},
    {"SlowFlatten", 7, true, "string", "a string put together of pieces was being written out"},
    {"RegExpExec", 6, false, "regexp", "a regular expression was being matched"},
    {"RegExpReplace", 6, true, "string", "a string was being replaced by regular expression"},
    {"StringSplit", 7, true, "array", "a string was being split"},
    {"StringBytes::Encode", 7, true, "string", "bytes were being made a string"},
    {"NewStringFromUtf8", 6, true, "string", "bytes were being made a string"},
    {"NewRawTwoByteString", 5, true, "string", "a string was being made"},
    {"NewRawOneByteString", 5, true, "string", "a string was being made"},
    {"ScriptCompiler", 5, false, "compile", "code was being compiled"},
    {"BytecodeGenerator", 5, false, "compile", "code was being compiled"},
    {"NewFixedDoubleArray", 3, true, "array", "a block for an array was wanted"},
    {"NewUninitializedFixedArray", 3, true, "array", "a block for an array was wanted"},
    {"CopyFixedArray", 3, true, "array", "a block for an array was wanted"},
    {"AllocateInYoungGeneration", 2, false, "small-object", "an ordinary object was wanted"},
    {"AllocateInOldGeneration", 2, false, "small-object", "an ordinary object was wanted"},
    {"AllocateInTargetSpace", 2, false, "small-object", "an ordinary object was wanted"},
    {"AllocateInNewSpace", 2, false, "small-object", "an ordinary object was wanted"},
    {"Runtime_StackGuard", 1, false, "small-object",
     "the program was running, and asked for nothing large"},
};

static bool ends_word(char c) {
    return c == ' ' || !c;
}

/* "0x1a2b ", "00007FF6BE60401F ", or a name of C++ right away (Node 8 and before). */
static bool frame_body(const char *at) {
    const char *p = at;
    uint64_t addr;
    scan_spaces(&p);
    if (scan_text(&p, "0x"))
        return scan_number(&p, 16, &addr) && ends_word(*p);
    const char *begin = p;
    while (isxdigit((unsigned char)*p))
        p++;
    if (p - begin == 16 && ends_word(*p))
        return true;
    return !strncmp(begin, "node::", 6) || !strncmp(begin, "v8::", 4);
}

bool stack_native_frame(const char **at, const char **ret_begin) {
    for (const char *colon = strchr(*at, ':'); colon; colon = strchr(colon + 1, ':')) {
        const char *number = colon;
        while (number > *at && isdigit((unsigned char)number[-1]))
            number--;
        if (number == colon || colon - number > 3 || (number > *at && number[-1] != ' '))
            continue;
        if (frame_body(colon + 1)) {
            *ret_begin = number;
            *at = colon + 1;
            return true;
        }
    }
    return false;
}

void stack_learn(struct stack_doing *d, const char *frame, uint64_t line) {
    for (size_t i = 0; i < sizeof doings / sizeof *doings; i++)
        if (doings[i].rank > d->rank && strstr(frame, doings[i].frame))
            *d = (struct stack_doing){doings[i].what, doings[i].one_block, doings[i].kind, line,
                                      doings[i].rank};
}

/* "[/app/die.js:~5]" or "[die.js:5]": a script and a line. */
static bool script_in(const char *open, const char **ret_close) {
    const char *close = strchr(open, ']');
    if (!close || open[1] == '0' || !strncmp(open, "[pc", 3) || !strncmp(open, "[bytecode", 9))
        return false;
    const char *digits = close;
    while (digits > open && isdigit((unsigned char)digits[-1]))
        digits--;
    const char *mark = digits > open && digits[-1] == '~' ? digits - 1 : digits;
    if (digits == close || mark[-1] != ':')
        return false;
    *ret_close = close;
    return true;
}

bool stack_js_frame(const char *line, char *ret, size_t size) {
    const char *close;
    for (const char *open = strchr(line, '['); open; open = strchr(open + 1, '[')) {
        if (!script_in(open, &close))
            continue;
        const char *name = open;
        while (name > line + 1 && !(name[-1] == ' ' && name[-2] == ':'))
            name--;
        const char *end = strstr(name, " [");
        if (!end || end > open)
            end = open;
        const char *aka = strstr(name, "(aka ");
        if (aka && aka < end)
            end = aka;
        char place[256];
        size_t n = 0;
        for (const char *p = open + 1; p < close && n + 1 < sizeof place; p++)
            if (*p != '~')
                place[n++] = *p;
        place[n] = '\0';
        snprintf(ret, size, "%.*s at %s", (int)(end - name < 80 ? end - name : 80), name, place);
        return true;
    }
    return false;
}
