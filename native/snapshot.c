/*
 * The memory of an engine that is ready to run, made so that runs write to few of its pages: each
 * page that is written has to be copied, and most are written only because references are counted.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "host.h"

enum { PAGE = 4096, MOST = 4096 }; /* free blocks of one size */

/* The engine remembers where the stack is; a snapshot must not, so that it is always the same. */
static void forget_stack(JSRuntime *runtime)
{
    uintptr_t here = (uintptr_t)&runtime, distance = 2 * STACK_LIMIT;
    uintptr_t *words = (uintptr_t *)(void *)runtime;
    size_t count = arena_functions.js_malloc_usable_size(runtime) / sizeof *words;

    for (size_t i = 0; i < count; i++)
        if (words[i] - (here - distance) < 2 * distance)
            words[i] = 0;
}

static uintptr_t page_of(const void *pointer)
{
    return (uintptr_t)pointer / PAGE;
}

/* The page in which most of the blocks are. */
static uintptr_t fullest_page(void *const *blocks, size_t count)
{
    size_t most = 0;
    uintptr_t page = 0;

    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        for (size_t j = 0; j < count; j++)
            same += page_of(blocks[j]) == page_of(blocks[i]);
        if (same > most)
            most = same, page = page_of(blocks[i]);
    }
    return page;
}

/*
 * Leaves free blocks of a size in one page only. What a run needs first lies side by side then; it
 * would be scattered over all pages in which something has been freed while code was loaded. The
 * other free blocks are never used: they would be in the image all the same.
 */
static void gather_free(JSRuntime *runtime, size_t size)
{
    static void *blocks[MOST];
    size_t count = 0, pages = arena_pages();
    uintptr_t page;

    while (count < MOST && (blocks[count] = js_malloc_rt(runtime, size)) && arena_pages() == pages)
        count++;
    js_free_rt(runtime, count < MOST ? blocks[count] : NULL); /* in a page of its own */
    page = fullest_page(blocks, count);
    for (size_t i = 0; i < count; i++)
        if (page_of(blocks[i]) == page)
            js_free_rt(runtime, blocks[i]);
}

int write_snapshot(JSRuntime *runtime)
{
    enum { STEP = 8, LARGEST = 504 }; /* of what the engine cuts out of pages */
    size_t size;

    JS_RunGC(runtime);
    forget_stack(runtime);
    for (size = STEP; size <= LARGEST; size += STEP)
        gather_free(runtime, size);
    size = arena_trim();
    if (!size)
        fputs("weft: no snapshot: a block that is kept is too big (native/arena.c: BIG)\n", stderr);
    return fwrite((void *)ARENA_BASE, size, 1, stdout) != 1 || fflush(stdout);
}
