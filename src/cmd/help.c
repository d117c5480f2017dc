/* memwhy help: the overview, one command's page, or all of it as JSON for completion and tests. */
#include "base/mem.h"
#include "cmd/cmd.h"
#include <errno.h>

static const char *const group_titles[GROUP_COUNT] = {
    [GROUP_ACCOUNT] = "Where the memory is",
    [GROUP_HEAP] = "The JavaScript heap",
    [GROUP_NATIVE] = "Native memory",
    [GROUP_OVER_TIME] = "Over time",
    [GROUP_REMEDY] = "Remedies",
    [GROUP_EVIDENCE] = "Evidence",
};

static void print_group(FILE *out, enum command_group group) {
    bool titled = false;
    for (const struct command *const *c = commands; *c; c++) {
        if ((*c)->hidden || (*c)->group != group)
            continue;
        if (!titled)
            fprintf(out, "\n%s\n", group_titles[group]);
        titled = true;
        int n = fprintf(out, "  %s %s", (*c)->name, (*c)->args);
        fprintf(out, "%*s%s\n", n < 30 ? 30 - n : 1, "", (*c)->summary);
    }
}

void help_overview(FILE *out) {
    fputs("memwhy says where the memory of a Node.js process went, from outside, and what to do\n"
          "about it. Nothing is installed in the process and nothing in it is changed; it is held\n"
          "still for a fraction of a second while it is read.\n"
          "\n"
          "  memwhy 4711            explain process 4711: the account, the verdict, the remedy\n"
          "  memwhy COMMAND --help  what a command shows and how to read it\n",
          out);
    for (int g = 0; g < GROUP_COUNT; g++)
        print_group(out, (enum command_group)g);
    fputs("\n"
          "Example\n"
          "  $ memwhy ps                     which Node process is large?\n"
          "  $ memwhy 4711                   who holds its memory, and why\n"
          "  $ memwhy diff 4711 4712         what differs from its healthy sibling\n"
          "  $ memwhy 4711 --json -o a.json  the same for a program, in a file\n"
          "\n"
          "TARGET is a pid, the name of one running process, or a core file.\n"
          "\n"
          "Exit code\n"
          "  0  fine                            3  the target cannot be read\n"
          "  1  findings, or a failed check     4  the result is partial, and says where\n"
          "  2  wrong usage                     5  memwhy itself failed (memory, output)\n",
          out);
}

void help_command(const struct command *c, FILE *out) {
    fprintf(out, "memwhy %s%s%s - %s\n\n%s", c->name, *c->args ? " " : "", c->args, c->summary,
            c->help);
    size_t n = strlen(c->help);
    fprintf(out, "%s\nOptions\n", n && c->help[n - 1] != '\n' ? "\n" : "");
    if (c->opts)
        opt_print_help(c->opts, out);
    cleanup_free struct opt *inherited = command_inherited_opts(c);
    opt_print_help(inherited, out);
}

static json_t *opts_to_json(const struct opt *table) {
    static const char *const kinds[] = {
        [OPT_FLAG] = "flag",   [OPT_STRING] = "string",     [OPT_U64] = "number",
        [OPT_BYTES] = "bytes", [OPT_DURATION] = "duration",
    };
    json_t *list = json_array();
    for (const struct opt *o = table; o && o->name; o++) {
        json_t *j =
            json_pack("{s:s, s:s, s:s}", "name", o->name, "kind", kinds[o->kind], "help", o->help);
        if (o->letter)
            json_object_set_new(j, "letter", json_stringn(&o->letter, 1));
        if (o->arg)
            json_object_set_new(j, "arg", json_string(o->arg));
        json_array_append_new(list, j);
    }
    return list;
}

static void describe(const struct command *c, json_t *list) {
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", c->name, "args", c->args,
                          "summary", c->summary, "help", c->help, "hidden", (int)c->hidden,
                          "options", opts_to_json(c->opts));
    json_array_append_new(list, j);
}

static int run(struct run *r) {
    const char *const *args;
    const struct command *one = NULL;
    if (opt_args(r->opts, &args) == 1) {
        one = command_find(args[0]);
        if (!one)
            return err_set(&r->err, -EINVAL, "memwhy --help lists all commands.",
                           "There is no command %s.", args[0]);
    }
    if (r->json) {
        json_t *list = json_array();
        for (const struct command *const *c = commands; *c; c++)
            if (!one || *c == one)
                describe(*c, list);
        json_object_set_new(r->doc, "commands", list);
        json_object_set_new(r->doc, "common_options", opts_to_json(command_common_opts));
    } else if (one) {
        help_command(one, r->out);
    } else {
        help_overview(r->out);
    }
    return 0;
}

static const struct opt no_opts[] = {{0}};

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .group = GROUP_EVIDENCE,
    .summary = "this overview, or one command's page",
    .help = "Prints what `memwhy COMMAND --help` prints. With --json it lists every command with\n"
            "its options, for completion scripts and other programs.\n"
            "\n"
            "Example\n"
            "  $ memwhy help explain\n",
    .opts = no_opts,
    .hidden = true,
    .run = run,
};
