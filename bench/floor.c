/*
 * The floor: only the netlink calls that no bridge plugin can do without.
 *
 *   CNI_COMMAND=ADD   find the bridge; make a veth pair, one end in CNI_NETNS, the other up and in the
 *                     bridge; find the container's end; give it an address, set it up, add a default route
 *   CNI_COMMAND=DEL   delete the container's end, and so the pair
 *
 * No configuration, no lock, no address management, no checks, no answer.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

enum { UP = 1 /* IFF_UP, whose header clashes with the C library's */, PREFIX_LENGTH = 16 };

static const uint8_t ADDRESS[4] = { 10, 1, 0, 2 }, GATEWAY[4] = { 10, 1, 0, 1 };
static const char IF_NAME[] = "eth0", BRIDGE[] = "bench0";

/* Messages under construction; more than one may be sent at once. */
static _Alignas(NLMSG_ALIGNTO) char buffer[4096];
static size_t used;
static struct nlmsghdr *current;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *append(const void *data, size_t size)
{
    void *place = buffer + used;

    memset(place, 0, NLMSG_ALIGN(size));
    if (data)
        memcpy(place, data, size);
    used += NLMSG_ALIGN(size);
    current->nlmsg_len = buffer + used - (char *)current;
    return place;
}

static void message(uint16_t type, uint16_t flags)
{
    current = (struct nlmsghdr *)(void *)(buffer + used);
    append(NULL, sizeof *current);
    current->nlmsg_type = type;
    current->nlmsg_flags = NLM_F_REQUEST | flags;
}

static struct rtattr *attribute(uint16_t type, const void *data, size_t size)
{
    struct rtattr header = { .rta_len = RTA_LENGTH(size), .rta_type = type };
    struct rtattr *place = append(&header, sizeof header);

    if (size)
        append(data, size);
    return place;
}

static void end_nest(struct rtattr *nest)
{
    nest->rta_len = buffer + used - (char *)nest;
}

static int open_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        fail("socket");
    return fd;
}

/* Sends what is in the buffer, and reads until each of its messages is acknowledged. */
static void request(int fd, int acknowledgements)
{
    static _Alignas(NLMSG_ALIGNTO) char reply[8192];

    if (send(fd, buffer, used, 0) < 0)
        fail("send");
    used = 0;
    while (acknowledgements) {
        int left = recv(fd, reply, sizeof reply, 0);
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)reply;

        if (left < 0)
            fail("recv");
        for (; NLMSG_OK(header, (unsigned)left); header = NLMSG_NEXT(header, left)) {
            struct nlmsgerr *answer = NLMSG_DATA(header);

            if (header->nlmsg_type != NLMSG_ERROR || answer->error) {
                fprintf(stderr, "netlink: %s\n", strerror(-answer->error));
                exit(1);
            }
            acknowledgements--;
        }
    }
}

/* A lookup is answered by the link itself, without acknowledgement. */
static int find_link(int fd, const char *name)
{
    static _Alignas(NLMSG_ALIGNTO) char reply[8192];
    struct nlmsghdr *header = (struct nlmsghdr *)(void *)reply;

    message(RTM_GETLINK, 0);
    append(&(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
    attribute(IFLA_IFNAME, name, strlen(name) + 1);
    if (send(fd, buffer, used, 0) < 0 || recv(fd, reply, sizeof reply, 0) < 0)
        fail("find link");
    used = 0;
    if (header->nlmsg_type != RTM_NEWLINK) {
        fprintf(stderr, "no link %s\n", name);
        exit(1);
    }
    return ((struct ifinfomsg *)NLMSG_DATA(header))->ifi_index;
}

static void add_pair(int fd, uint32_t bridge, int netns)
{
    struct rtattr *info, *data, *peer;

    message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    append(&(struct ifinfomsg){ .ifi_flags = UP, .ifi_change = UP }, sizeof(struct ifinfomsg));
    attribute(IFLA_MASTER, &bridge, sizeof bridge);
    info = attribute(IFLA_LINKINFO, NULL, 0);
    attribute(IFLA_INFO_KIND, "veth", 4);
    data = attribute(IFLA_INFO_DATA, NULL, 0);
    peer = attribute(VETH_INFO_PEER, NULL, 0);
    append(&(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
    attribute(IFLA_IFNAME, IF_NAME, sizeof IF_NAME);
    attribute(IFLA_NET_NS_FD, &netns, sizeof netns);
    end_nest(peer);
    end_nest(data);
    end_nest(info);
    request(fd, 1);
}

static void configure(int fd, int index)
{
    message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    append(&(struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = PREFIX_LENGTH,
                                .ifa_index = index }, sizeof(struct ifaddrmsg));
    attribute(IFA_LOCAL, ADDRESS, sizeof ADDRESS);
    attribute(IFA_ADDRESS, ADDRESS, sizeof ADDRESS);
    message(RTM_NEWLINK, NLM_F_ACK);
    append(&(struct ifinfomsg){ .ifi_index = index, .ifi_flags = UP, .ifi_change = UP },
           sizeof(struct ifinfomsg));
    message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    append(&(struct rtmsg){ .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN,
                            .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST },
           sizeof(struct rtmsg));
    attribute(RTA_GATEWAY, GATEWAY, sizeof GATEWAY);
    attribute(RTA_OIF, &index, sizeof index);
    request(fd, 3);
}

static void delete_link(int fd)
{
    message(RTM_DELLINK, NLM_F_ACK);
    append(&(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
    attribute(IFLA_IFNAME, IF_NAME, sizeof IF_NAME);
    request(fd, 1);
}

int main(void)
{
    const char *command = getenv("CNI_COMMAND"), *path = getenv("CNI_NETNS");
    int netns = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    int fd;

    if (netns < 0 || !command)
        fail("CNI_NETNS");
    if (!strcmp(command, "ADD")) {
        fd = open_netlink();
        add_pair(fd, find_link(fd, BRIDGE), netns);
    }
    if (setns(netns, CLONE_NEWNET))
        fail("setns");
    fd = open_netlink();
    if (!strcmp(command, "ADD"))
        configure(fd, find_link(fd, IF_NAME));
    else
        delete_link(fd);
    return 0;
}
