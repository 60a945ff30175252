/*
 * The engine's memory: one region at a fixed address, a free list per size class.
 *
 *   pages and blocks of the engine ──▶ top      never used      far ◀── big blocks
 *
 * A plugin lives for a few milliseconds, so memory is never given back to the kernel; what is freed
 * is reused. Compared with the C library's allocator this saves some forty system calls a run.
 *
 * The engine cuts small blocks out of pages that it asks for one by one. They are whole pages here,
 * without a head: a page that is written for the first time costs the kernel two microseconds,
 * so no block of the engine's should lie on two. A pointer to the start of a page is such a page.
 *
 * Because the address is fixed, the build can keep what is in the region once everything is loaded
 * (the snapshot), and link it back into the image at the very same place: see main.c. What is free
 * then is in the image as well. So there is little of it: what is left of a free block that was too
 * big is free again, and big blocks, which are only needed while code is loaded, lie elsewhere.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "host.h"

enum {
    UNIT = 16,    /* sizes are rounded to this, and so aligned */
    SMALL = 1024, /* one class per UNIT up to here, four per power of two above */
    PER_POWER = 4,
    CLASSES = SMALL / UNIT + PER_POWER * 20,
    PAGE = 4096,
    PAGES = 4,      /* so many are set apart at once, at least */
    BIG = 48 << 10, /* a block of this size, if it has not grown to it, lies at the far end */
};

/* Before every block; a free block holds the link to the next one of its class. */
struct block {
    size_t size;
    union {
        struct block *next;
        char pad[8];
    };
};

/* Whole pages set apart, and what has been cut off them. */
struct pool {
    char *next, *end;
};

/* The beginning of the region: what has to be known of the rest. */
struct arena {
    struct roots roots;
    char *top, *far;
    int far_blocks;
    struct pool pages, blocks; /* below the top */
    size_t page_count;
    void *free_page;           /* the first of a list; each holds the link to the next */
    struct block *free_blocks[CLASSES];
};

static struct arena *const arena = (struct arena *)ARENA_BASE;
static char *const arena_end = (char *)ARENA_BASE + ARENA_SIZE;

/* The class of a size, and the size rounded up to what the class holds. */
static int class_of(size_t *size)
{
    size_t step = SMALL / PER_POWER / 2;
    int power = -1;

    if (*size <= SMALL) {
        *size = (*size + UNIT - 1) & ~(size_t)(UNIT - 1);
        return *size / UNIT;
    }
    while (*size > 2 * PER_POWER * step)
        step *= 2, power++;
    *size = (*size + step - 1) & ~(step - 1);
    return SMALL / UNIT + PER_POWER * power + (int)(*size / step) - PER_POWER;
}

static struct block *block_of(const void *pointer)
{
    return (struct block *)pointer - 1;
}

static int is_page(const void *pointer)
{
    return ((uintptr_t)pointer & (PAGE - 1)) == 0;
}

static char *page_after(const char *address, size_t page)
{
    return (char *)(((uintptr_t)address + page - 1) & ~(uintptr_t)(page - 1));
}

static size_t arena_usable_size(const void *pointer)
{
    return !pointer ? 0 : is_page(pointer) ? PAGE : block_of(pointer)->size;
}

/* Makes a free block. */
static void put_block(struct block *block, size_t size)
{
    int class = class_of(&size);

    block->size = size;
    block->next = arena->free_blocks[class];
    arena->free_blocks[class] = block;
}

/* The size of the greatest class that fits. */
static size_t fitting(size_t size)
{
    size_t fit = size &= ~(size_t)(UNIT - 1);

    while (class_of(&fit), fit > size)
        fit = size -= UNIT;
    return fit;
}

/* The same with all that is between two addresses. */
static void put_rest(char *at, char *end)
{
    struct block *block = (struct block *)(void *)at;

    if (is_page(block + 1))
        block++;
    while (end - (char *)(block + 1) >= UNIT) {
        put_block(block, fitting(end - (char *)(block + 1)));
        block = (struct block *)(void *)((char *)(block + 1) + block->size);
        if (is_page(block + 1))
            block++;
    }
}

/* Sets more pages apart: behind those that are there, if nothing else has been since. */
static int extend(struct pool *pool, size_t size)
{
    size_t more = size > PAGES * PAGE ? (size + PAGE - 1) & ~(size_t)(PAGE - 1) : PAGES * PAGE;

    if (arena->far - arena->top < (ptrdiff_t)more)
        return 0;
    if (pool->end != arena->top) {
        if (pool->end != pool->next)
            put_rest(pool->next, pool->end);
        pool->next = arena->top;
    }
    pool->end = arena->top += more;
    return 1;
}

static void *take_page(void)
{
    char *page = arena->free_page;

    arena->page_count++;
    if (page) {
        arena->free_page = *(void **)page;
        return page;
    }
    if (arena->pages.next == arena->pages.end && !extend(&arena->pages, PAGE))
        return NULL;
    page = arena->pages.next;
    arena->pages.next += PAGE;
    return page;
}

/* A free block of a greater class, of which the rest is free again; big ones are left whole. */
static struct block *split_block(int class, size_t size)
{
    size_t big = BIG;
    int end = class_of(&big);
    struct block *block;

    while (++class < end && !arena->free_blocks[class])
        ;
    if (class >= end)
        return NULL;
    block = arena->free_blocks[class];
    arena->free_blocks[class] = block->next;
    put_rest((char *)(block + 1) + size, (char *)(block + 1) + block->size);
    block->size = size;
    return block;
}

static struct block *cut_block(size_t size)
{
    struct pool *pool = &arena->blocks;
    size_t need = sizeof(struct block) * 2 + size; /* at most */
    struct block *block;

    if (pool->end - pool->next < (ptrdiff_t)need && !extend(pool, need))
        return NULL;
    block = (struct block *)(void *)pool->next;
    if (is_page(block + 1))
        block++;
    block->size = size;
    pool->next = (char *)(block + 1) + size;
    return block;
}

/* From the other end of the region. */
static struct block *far_block(size_t size)
{
    struct block *block = (struct block *)(void *)(arena->far - size) - 1;

    if (is_page(block + 1))
        block--;
    if ((char *)block < arena->top)
        return NULL;
    block->size = size;
    arena->far = (char *)block;
    arena->far_blocks++;
    return block;
}

static void *take_block(int class, size_t size, int has_grown)
{
    struct block *block = arena->free_blocks[class];

    if (block)
        arena->free_blocks[class] = block->next;
    else if (size >= BIG && !has_grown)
        block = far_block(size);
    else if (!(block = split_block(class, size)))
        block = cut_block(size);
    return block ? block + 1 : NULL;
}

static void *take(JSMallocState *state, size_t size, int has_grown)
{
    void *pointer;
    int class;

    if (size == 0 || size > ARENA_SIZE)
        return NULL;
    class = class_of(&size);
    pointer = size == PAGE ? take_page() : take_block(class, size, has_grown);
    if (pointer) {
        state->malloc_count++;
        state->malloc_size += size;
    }
    return pointer;
}

static void *arena_malloc(JSMallocState *state, size_t size)
{
    return take(state, size, 0);
}

static void arena_free(JSMallocState *state, void *pointer)
{
    size_t size = arena_usable_size(pointer);

    if (!pointer)
        return;
    if (is_page(pointer)) {
        *(void **)pointer = arena->free_page;
        arena->free_page = pointer;
    } else {
        put_block(block_of(pointer), size);
    }
    state->malloc_count--;
    state->malloc_size -= size;
}

static void *arena_realloc(JSMallocState *state, void *pointer, size_t size)
{
    void *moved;

    if (!pointer)
        return arena_malloc(state, size);
    if (size == 0)
        return arena_free(state, pointer), NULL;
    if (size <= arena_usable_size(pointer))
        return pointer;
    moved = take(state, size, 1);
    if (moved) {
        memcpy(moved, pointer, arena_usable_size(pointer));
        arena_free(state, pointer);
    }
    return moved;
}

const JSMallocFunctions arena_functions = { arena_malloc, arena_free, arena_realloc,
                                            arena_usable_size };

/* The image holds the region up to its top, or one empty mapped page; the rest is asked for here. */
struct roots *arena_open(void)
{
    char *rest = arena->top ? arena->top : (char *)ARENA_BASE + MAPPED_PAGE;

    if (mmap(rest, arena_end - rest, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return NULL;
    if (!arena->top) {
        arena->top = arena->blocks.end = rest;
        arena->blocks.next = (char *)(((uintptr_t)(arena + 1) + UNIT - 1) & ~(uintptr_t)(UNIT - 1));
        arena->far = arena_end;
    }
    return &arena->roots;
}

size_t arena_pages(void)
{
    return arena->page_count;
}

/* Wipes what is free; gives the far end back, and tells how many of its blocks are still in use. */
static int clear_free(void)
{
    for (int class = 0; class < CLASSES; class++)
        for (struct block **link = &arena->free_blocks[class]; *link;)
            if ((char *)*link < arena->far)
                memset(*link + 1, 0, (*link)->size), link = &(*link)->next;
            else
                *link = (*link)->next, arena->far_blocks--;
    arena->far = arena_end;
    return arena->far_blocks;
}

static void trim(struct pool *pool)
{
    if (pool->end == arena->top)
        arena->top = pool->end = page_after(pool->next, PAGE);
}

/* Pages that were set apart last, and not taken, are given back. */
size_t arena_trim(void)
{
    if (clear_free())
        return 0;
    trim(&arena->blocks);
    trim(&arena->pages);
    trim(&arena->blocks);
    arena->top = page_after(arena->top, MAPPED_PAGE);
    return arena->top - (char *)ARENA_BASE;
}
