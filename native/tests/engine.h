/* An engine with the module "codec" alone, for programs that test it. */
#pragma once
#include "host.h"

struct test {
    JSContext *ctx;
    JSValue exports; /* what the script gives: tools/codec.mjs */
};

/* Runs a script; true, and says why, if that fails. */
int open_test(struct test *test, const char *path);
/* Says which exception there is; 1. */
int report_exception(JSContext *ctx);
