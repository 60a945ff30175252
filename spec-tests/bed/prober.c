/*
 * Asks at once who reaches whom (reach.ts). Standard input has
 *
 *   end PATH                      a network namespace, by its path
 *   ask FROM SOURCE TO ADDRESS PROTOCOL SPORT DPORT
 *
 * FROM and TO are numbers of ends, SOURCE and ADDRESS addresses that they have, PROTOCOL is tcp, udp or
 * sctp. Printed is a sign for each ask: `+` it came and its answer came back, `-` it did not come,
 * `?` it came without its answer coming back, `!` it was refused.
 *
 * Nothing is waited for that may not come. All packets are sent on one processor, whose queues the kernel
 * works off in order: so what has been sent before a fence (a packet to this process itself, several
 * times over, as packets pass several queues on their way) has come before the fence has, or never does.
 * TCP and UDP are the kernel's own. SCTP is written here, an INIT and its INIT ACK with their checksums, so that
 * no kernel has to have it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ENDS 64
#define MAX_ASKS 20000
#define MAX_SOCKETS 8000
/* Packets that may be on their way at once: far fewer than a queue of the kernel's holds. */
#define AT_ONCE 64
/* More than there are queues on the longest way and back. */
#define ROUNDS 16
#define COOKIE 0x77656674

enum use { LISTENS, GETS, SENDS };

struct ask {
    int from, to, protocol, fd;
    struct sockaddr_in6 source, target;
    char came, answered, refused;
};

struct endpoint {
    int end, protocol, fd;
    enum use use;
    struct sockaddr_in6 at;
};

static int ends[MAX_ENDS], end_count, ask_count, socket_count, here = -1;
static struct ask asks[MAX_ASKS];
static struct endpoint sockets[MAX_SOCKETS];

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- addresses: of IPv4 as of IPv6, so that one type is enough ---- */

static struct sockaddr_in6 address_of(const char *text, int port)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    struct sockaddr_in *four = (struct sockaddr_in *)&at;

    if (inet_pton(AF_INET6, text, &at.sin6_addr) == 1)
        return at;
    memset(&at, 0, sizeof at);
    *four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
    if (inet_pton(AF_INET, text, &four->sin_addr) != 1)
        errno = EINVAL, fail(text);
    return at;
}

static socklen_t size_of(const struct sockaddr_in6 *at)
{
    return at->sin6_family == AF_INET6 ? sizeof *at : sizeof(struct sockaddr_in);
}

/* ---- sockets, made once for each end and use ---- */

static void enter(int end)
{
    if (end == here)
        return;
    if (setns(ends[end], CLONE_NEWNET) < 0)
        fail("setns");
    here = end;
}

static void set(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        fail("setsockopt");
}

static int socket_at(int end, int protocol, const struct sockaddr_in6 *at)
{
    int type = protocol == IPPROTO_TCP ? SOCK_STREAM : protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_RAW;
    int fd;

    enter(end);
    fd = socket(at->sin6_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        fail("socket");
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (protocol != IPPROTO_TCP)
        set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
    if (bind(fd, (const struct sockaddr *)at, size_of(at)) < 0)
        fail("bind");
    return fd;
}

/* All of SCTP that an address gets comes to one socket. */
static int endpoint(int end, int protocol, enum use use, struct sockaddr_in6 at)
{
    struct endpoint *each;

    if (protocol == IPPROTO_SCTP)
        use = GETS, at.sin6_port = 0;
    for (each = sockets; each < sockets + socket_count; each++)
        if (each->end == end && each->protocol == protocol && each->use == use &&
            memcmp(&each->at, &at, sizeof at) == 0)
            return each->fd;
    if (socket_count == MAX_SOCKETS)
        errno = ENOSPC, fail("sockets");
    *each = (struct endpoint){ end, protocol, socket_at(end, protocol, &at), use, at };
    if (use == LISTENS && listen(each->fd, 4096) < 0)
        fail("listen");
    socket_count++;
    return each->fd;
}

static void open_sockets(void)
{
    for (struct ask *each = asks; each < asks + ask_count; each++)
        endpoint(each->to, each->protocol, each->protocol == IPPROTO_TCP ? LISTENS : GETS,
                 each->target);
    for (struct ask *each = asks; each < asks + ask_count; each++)
        each->fd = each->protocol == IPPROTO_TCP
                       ? socket_at(each->from, IPPROTO_TCP, &each->source)
                       : endpoint(each->from, each->protocol, SENDS, each->source);
}

/* ---- SCTP ---- */

struct sctp {
    uint16_t sport, dport;
    uint32_t tag, checksum;
    uint8_t type, flags;
    uint16_t length;
    uint32_t own_tag, window;
    uint16_t out, in;
    uint32_t first;
} __attribute__((packed));

enum { INIT = 1, INIT_ACK = 2 };

static uint32_t crc32c(const uint8_t *bytes, size_t length)
{
    uint32_t value = ~0u;

    while (length--) {
        value ^= *bytes++;
        for (int i = 0; i < 8; i++)
            value = value >> 1 ^ (value & 1 ? 0x82f63b78 : 0);
    }
    return ~value;
}

/* Tags are the ask's number, but never 0. */
static int send_sctp(int fd, const struct sockaddr_in6 *to, uint16_t sport, int type, uint32_t number)
{
    struct sockaddr_in6 target = *to;
    struct sctp packet = { .sport = sport,
                           .dport = to->sin6_port,
                           .tag = type == INIT ? 0 : htonl(number + 1),
                           .type = type,
                           .length = htons(20),
                           .own_tag = htonl(number + 1),
                           .window = htonl(65535),
                           .out = htons(1),
                           .in = htons(1) };
    /* The cookie that an INIT ACK has to have is left out: nobody here reads it. */
    packet.checksum = htole32(crc32c((uint8_t *)&packet, sizeof packet));
    target.sin6_port = 0;
    return sendto(fd, &packet, sizeof packet, 0, (struct sockaddr *)&target, size_of(&target)) < 0;
}

/* ---- fences ---- */

static int fence_fd = -1;
static struct sockaddr_in6 fence_at;

static void open_fence(void)
{
    socklen_t length = sizeof fence_at;
    struct sockaddr_in6 at = address_of("127.0.0.1", 0);
    struct timeval patience = { .tv_sec = 60 };
    cpu_set_t cpu;

    CPU_ZERO(&cpu);
    CPU_SET(sched_getcpu(), &cpu);
    if (sched_setaffinity(0, sizeof cpu, &cpu) < 0)
        fail("one processor");
    fence_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fence_fd < 0 || bind(fence_fd, (struct sockaddr *)&at, size_of(&at)) < 0 ||
        getsockname(fence_fd, (struct sockaddr *)&fence_at, &length) < 0 ||
        setsockopt(fence_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
        fail("fence");
}

static void fence(int rounds)
{
    char byte = 0;

    for (int i = 0; i < rounds; i++)
        if (sendto(fence_fd, &byte, 1, 0, (struct sockaddr *)&fence_at, size_of(&fence_at)) != 1 ||
            recv(fence_fd, &byte, 1, 0) != 1)
            fail("fence");
}

/* ---- asking ---- */

struct datagram {
    uint32_t cookie, number, is_answer;
};

static void ask(uint32_t number)
{
    struct ask *each = &asks[number];
    const struct sockaddr *to = (const struct sockaddr *)&each->target;
    struct datagram datagram = { COOKIE, number, 0 };
    int failed = 0;

    if (each->protocol == IPPROTO_SCTP)
        failed = send_sctp(each->fd, &each->target, each->source.sin6_port, INIT, number);
    else if (each->protocol == IPPROTO_TCP)
        failed = connect(each->fd, to, size_of(&each->target)) < 0 && errno != EINPROGRESS;
    else
        failed = sendto(each->fd, &datagram, sizeof datagram, 0, to, size_of(&each->target)) < 0;
    if (failed)
        each->refused = 1;
}

/* Whether it is a packet of ours. */
static int note(uint32_t number, int is_answer)
{
    if (number >= (uint32_t)ask_count)
        return 0;
    if (is_answer)
        asks[number].answered = 1;
    else
        asks[number].came = 1;
    return 1;
}

static void take_datagram(struct endpoint *at, struct datagram *got, ssize_t length, struct sockaddr_in6 *peer)
{
    if (length != sizeof *got || got->cookie != COOKIE)
        return;
    if (!note(got->number, got->is_answer) || got->is_answer)
        return;
    got->is_answer = 1;
    if (sendto(at->fd, got, sizeof *got, 0, (struct sockaddr *)peer, size_of(peer)) < 0)
        asks[got->number].refused = 1;
}

/* A raw socket of IPv4 also gets the header before the packet. */
static void take_sctp(struct endpoint *at, uint8_t *bytes, ssize_t length, struct sockaddr_in6 *peer)
{
    size_t head = at->at.sin6_family == AF_INET6 ? 0 : (bytes[0] & 15) * 4;
    struct sctp packet;
    uint32_t number;

    if (length < (ssize_t)(head + sizeof packet))
        return;
    memcpy(&packet, bytes + head, sizeof packet);
    number = ntohl(packet.type == INIT ? packet.own_tag : packet.tag) - 1;
    if (packet.type != INIT && packet.type != INIT_ACK)
        return;
    if (!note(number, packet.type == INIT_ACK) || packet.type == INIT_ACK)
        return;
    peer->sin6_port = packet.sport;
    if (send_sctp(at->fd, peer, packet.dport, INIT_ACK, number))
        asks[number].refused = 1;
}

/* Takes what has come, and answers. */
static void take(void)
{
    for (struct endpoint *each = sockets; each < sockets + socket_count; each++) {
        uint8_t bytes[2048];

        while (each->protocol != IPPROTO_TCP) {
            struct sockaddr_in6 peer = { 0 };
            socklen_t size = sizeof peer;
            ssize_t length = recvfrom(each->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&peer, &size);

            if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                break;
            if (length >= 0 && each->protocol == IPPROTO_UDP)
                take_datagram(each, (struct datagram *)bytes, length, &peer);
            else if (length >= 0)
                take_sctp(each, bytes, length, &peer);
        }
    }
}

/* A connection is there once its first packet was answered: neither comes without the other. */
static void look_at_connection(struct ask *each)
{
    struct tcp_info info = { 0 };
    struct linger at_once = { .l_onoff = 1 };
    socklen_t size = sizeof info, small = sizeof(int);
    int error = 0;

    if (getsockopt(each->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
        getsockopt(each->fd, SOL_SOCKET, SO_ERROR, &error, &small) < 0)
        fail("connection");
    if (error)
        each->refused = 1;
    each->came = each->answered = info.tcpi_state == TCP_ESTABLISHED;
    setsockopt(each->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(each->fd);
}

static char sign(const struct ask *each)
{
    return each->refused ? '!' : each->answered ? '+' : each->came ? '?' : '-';
}

/* ---- the plan ---- */

static void read_ask(const char *words)
{
    char source[64], target[64], protocol[8];
    int sport, dport;
    struct ask *new = &asks[ask_count++];

    if (ask_count == MAX_ASKS)
        errno = ENOSPC, fail("asks");
    if (sscanf(words, "%d %63s %d %63s %7s %d %d", &new->from, source, &new->to, target, protocol,
               &sport, &dport) != 7 ||
        new->from < 0 || new->from >= end_count || new->to < 0 || new->to >= end_count)
        errno = EINVAL, fail(words);
    new->source = address_of(source, sport);
    new->target = address_of(target, dport);
    new->protocol = protocol[0] == 't' ? IPPROTO_TCP : protocol[0] == 'u' ? IPPROTO_UDP : IPPROTO_SCTP;
}

static void read_plan(void)
{
    char line[512];

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "ask ", 4) == 0) {
            read_ask(line + 4);
            continue;
        }
        if (strncmp(line, "end ", 4) != 0 || end_count == MAX_ENDS)
            errno = EINVAL, fail(line);
        ends[end_count] = open(line + 4, O_RDONLY | O_CLOEXEC);
        if (ends[end_count++] < 0)
            fail(line);
    }
}

int main(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        fail("files");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        fail("files");
    read_plan();
    open_fence();
    open_sockets();
    for (int i = 0; i < ask_count; i++) {
        ask(i);
        if (i % AT_ONCE == 0)
            fence(1);
    }
    fence(ROUNDS);
    take();
    fence(ROUNDS);
    take();
    for (struct ask *each = asks; each < asks + ask_count; each++) {
        if (each->protocol == IPPROTO_TCP)
            look_at_connection(each);
        putchar(sign(each));
    }
    putchar('\n');
    return 0;
}
