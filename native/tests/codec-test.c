/* Answers the questions of tools/codec-answers.ts, one a line. Usage: codec-test script.js */
#define _GNU_SOURCE
#include <stdio.h>

#include "engine.h"

static int answer(JSContext *ctx, JSValueConst function, const char *line)
{
    JSValue text = JS_NewString(ctx, line);
    JSValue result = JS_Call(ctx, function, JS_UNDEFINED, 1, &text);
    const char *words = JS_IsException(result) ? NULL : JS_ToCString(ctx, result);

    if (!words)
        return report_exception(ctx);
    puts(words);
    JS_FreeCString(ctx, words);
    JS_FreeValue(ctx, result);
    JS_FreeValue(ctx, text);
    return 0;
}

int main(int argc, char **argv)
{
    struct test test;
    JSValue function;
    char *line = NULL;
    size_t room = 0;

    if (argc != 2 || open_test(&test, argv[1]))
        return 1;
    function = JS_GetPropertyStr(test.ctx, test.exports, "answer");
    while (getline(&line, &room, stdin) > 0)
        if (answer(test.ctx, function, line))
            return 1;
    return 0;
}
