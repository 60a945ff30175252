/*
 * host-local's reservations, thousands of small files, read by one call: a file is named by an IPv4
 * address and holds its owner's name. What they say becomes the hash table that the index of a network
 * consists of (ipam/host-local/index-pages.ts); whatever is out of the ordinary is left to the caller.
 */
#define _GNU_SOURCE
#include "arguments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PAGE = 4096,           /* the first page is the caller's */
    RECORD = 32,           /* kind u8, length u8, key at 4 and 8, address at 16 */
    LONGEST_OWNER = 1024,  /* of those that are read here */
    MOST_RECORDS = 1 << 17,
    OWNER = 1,             /* kinds of records */
    USED = 2,
};

struct key {
    uint32_t low, high;
};

struct reservation {
    uint8_t address[4];
    struct key owner, name;
};

struct reservations {
    struct reservation *list;
    uint32_t count, room;
    JSValue others; /* names that are left to the caller */
    uint32_t other_count;
};

static uint32_t mixed(uint32_t h)
{
    h = (h ^ h >> 16) * 0x85ebca6b;
    h = (h ^ h >> 13) * 0xc2b2ae35;
    return h ^ h >> 16;
}

/* As hash64 of lib/bytes/hash.ts, of ASCII. */
static struct key key_of(const char *text, size_t length)
{
    uint32_t low = 0x811c9dc5, high = 0x811c9dc4;

    for (size_t i = 0; i < length; i++) {
        low = (low ^ (uint8_t)text[i]) * 0x01000193;
        high = (high ^ (uint8_t)text[i]) * 0x01000193;
    }
    return (struct key){ mixed(low), mixed(high) };
}

/* True if a name is an IPv4 address as it is written: without leading zeros. */
static int is_address(const char *name, uint8_t address[4])
{
    for (int octet = 0; octet < 4; octet++) {
        int value = 0, digits = 0;

        for (; *name >= '0' && *name <= '9'; name++) {
            if (digits > 0 && value == 0)
                return 0;
            value = 10 * value + (*name - '0');
            if (++digits > 3 || value > 255)
                return 0;
        }
        if (digits == 0 || *name++ != (octet < 3 ? '.' : 0))
            return 0;
        address[octet] = (uint8_t)value;
    }
    return 1;
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* True for printable characters, which a line's end may part in two. */
static int is_owner(const char *text, size_t length)
{
    size_t line = 0;
    int lines = 1;

    for (size_t i = 0; i < length; i++) {
        if (text[i] >= ' ' && text[i] <= '~')
            line++;
        else if (lines++ == 1 && line > 0 && length - i > 2 && text[i] == '\r' && text[i + 1] == '\n')
            i++, line = 0;
        else
            return 0;
    }
    return line > 0;
}

/* Reads an ordinary record; false if it is none, or cannot be read. */
static int read_owner(int folder, const char *name, int64_t oldest, struct key *owner)
{
    char text[LONGEST_OWNER + 1], *start = text;
    struct stat status;
    ssize_t length;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return 0;
    length = read(fd, text, sizeof text);
    if (oldest > 0 && (fstat(fd, &status) || status.st_mtime < oldest))
        length = -1;
    close(fd);
    if (length < 0 || length > LONGEST_OWNER)
        return 0;
    while (length > 0 && is_space(start[length - 1]))
        length--;
    while (length > 0 && is_space(*start))
        start++, length--;
    if (!is_owner(start, (size_t)length))
        return 0;
    *owner = key_of(start, (size_t)length);
    return 1;
}

/* Notes what a name of the directory is; true with an exception pending if there is no memory. */
static int take_entry(JSContext *ctx, struct reservations *all, int folder, const char *name, int64_t oldest)
{
    struct reservation found;
    size_t length = strlen(name);

    if (all->count < MOST_RECORDS && is_address(name, found.address) &&
        read_owner(folder, name, oldest, &found.owner)) {
        if (all->count == all->room) {
            uint32_t room = all->room ? 2 * all->room : 1024;
            void *list = js_realloc(ctx, all->list, room * sizeof found);

            if (!list)
                return 1;
            all->list = list;
            all->room = room;
        }
        found.name = key_of(name, length);
        all->list[all->count++] = found;
        return 0;
    }
    if (!strcmp(name, ".") || !strcmp(name, "..") ||
        !is_utf8((const uint8_t *)name, (const uint8_t *)name + length))
        return 0;
    return JS_SetPropertyUint32(ctx, all->others, all->other_count++,
                                JS_NewStringLen(ctx, name, length)) < 0;
}

/* All entries; -1 if the directory cannot be read, -2 with an exception pending. */
static int take_entries(JSContext *ctx, struct reservations *all, int folder, int64_t oldest)
{
    _Alignas(8) char entries[32768];
    long length;

    while ((length = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (char *at = entries; at < entries + length;) {
            struct dirent *entry = (struct dirent *)(void *)at;

            if (take_entry(ctx, all, folder, entry->d_name, oldest))
                return -2;
            at += entry->d_reclen;
        }
    return length < 0 ? -1 : 0;
}

/* Open addressing: the first free record from that on to which the key leads. */
static void insert(uint8_t *table, uint32_t capacity, uint8_t kind, struct key key, const uint8_t *address)
{
    uint32_t at = key.low % capacity;
    uint8_t *record;

    while (table[(size_t)at * RECORD])
        at = (at + 1) % capacity;
    record = table + (size_t)at * RECORD;
    record[0] = kind;
    record[1] = 4;
    memcpy(record + 4, &key.low, sizeof key.low);
    memcpy(record + 8, &key.high, sizeof key.high);
    memcpy(record + 16, address, 4);
}

static void free_bytes(JSRuntime *runtime, void *opaque, void *bytes)
{
    (void)opaque;
    js_free_rt(runtime, bytes);
}

/* A page, and a table with room for four times as many records as there are names. */
static JSValue table_of(JSContext *ctx, const struct reservations *all, uint32_t least)
{
    uint32_t capacity = least;
    uint8_t *bytes;
    size_t size;

    while (capacity < 4 * (all->count + all->other_count))
        capacity *= 2;
    size = PAGE + (size_t)capacity * RECORD;
    bytes = js_mallocz(ctx, size);
    if (!bytes)
        return JS_EXCEPTION;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct reservation *one = &all->list[i];

        insert(bytes + PAGE, capacity, OWNER, one->owner, one->address);
        insert(bytes + PAGE, capacity, USED, one->name, one->address);
    }
    return JS_NewArrayBuffer(ctx, bytes, size, free_bytes, NULL, 0);
}

static JSValue host_readRecords(ARGS)
{
    UNUSED;
    struct reservations all = { 0 };
    int64_t oldest;
    int folder, least, outcome;
    JSValue found;

    if (get_ints(ctx, argv, 1, (int *[]){ &folder }) || JS_ToInt64(ctx, &oldest, argv[1]) ||
        get_ints(ctx, argv + 2, 1, (int *[]){ &least }))
        return JS_EXCEPTION;
    all.others = JS_NewArray(ctx);
    outcome = take_entries(ctx, &all, folder, oldest);
    if (outcome == -1) {
        found = result(ctx, -1);
        JS_FreeValue(ctx, all.others);
    } else {
        JSValue bytes = outcome ? JS_EXCEPTION : table_of(ctx, &all, (uint32_t)least);

        found = JS_IsException(bytes) ? JS_EXCEPTION : JS_NewObject(ctx);
        if (JS_IsException(found)) {
            JS_FreeValue(ctx, bytes);
            JS_FreeValue(ctx, all.others);
        } else {
            JS_SetPropertyStr(ctx, found, "count", JS_NewInt32(ctx, (int32_t)all.count));
            JS_SetPropertyStr(ctx, found, "others", all.others);
            JS_SetPropertyStr(ctx, found, "bytes", bytes);
        }
    }
    js_free(ctx, all.list);
    return found;
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION(readRecords, 3),
};

const struct functions record_functions = { entries, sizeof entries / sizeof *entries };
