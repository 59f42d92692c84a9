// What the Glibc module lacks: Linux calls that are macros, variadic, or whose headers it does
// not cover. Thin static inline wrappers only; policy (retries, what an errno means) is Swift's.
//
// Every wrapper returns what its system call returns; errors stay in errno unless said otherwise.
#ifndef CLINUX_H
#define CLINUX_H

// Without _GNU_SOURCE: with it the C library's types differ from those in Swift's Glibc module,
// and importing both fails. What only it would reveal is declared below.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "CRC32C.h"

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int sched_getaffinity(pid_t, size_t, cpu_set_t *);

// An IPv4 or IPv6 address with a port, in host byte order.
// IPv4: family AF_INET, the address in the lower half of `low`.
struct clinux_address {
    uint16_t family;
    uint16_t port;
    uint32_t scope;
    uint64_t high;
    uint64_t low;
};

static inline socklen_t clinux_address_to_sockaddr(
    const struct clinux_address *address, struct sockaddr_storage *storage
) {
    memset(storage, 0, sizeof *storage);
    if (address->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        in->sin_addr.s_addr = htonl((uint32_t)address->low);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
    uint64_t halves[2] = {__builtin_bswap64(address->high), __builtin_bswap64(address->low)};
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    in6->sin6_scope_id = address->scope;
    memcpy(&in6->sin6_addr, halves, sizeof halves);
    return sizeof *in6;
}

static inline void clinux_address_from_sockaddr(
    const struct sockaddr_storage *storage, struct clinux_address *address
) {
    memset(address, 0, sizeof *address);
    address->family = storage->ss_family;
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
        address->port = ntohs(in->sin_port);
        address->low = ntohl(in->sin_addr.s_addr);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
        uint64_t halves[2];
        memcpy(halves, &in6->sin6_addr, sizeof halves);
        address->port = ntohs(in6->sin6_port);
        address->scope = in6->sin6_scope_id;
        address->high = __builtin_bswap64(halves[0]);
        address->low = __builtin_bswap64(halves[1]);
    }
}

// Writes the address without its port; `text` holds INET6_ADDRSTRLEN octets.
static inline void clinux_address_text(const struct clinux_address *address, char *text) {
    struct sockaddr_storage storage;
    clinux_address_to_sockaddr(address, &storage);
    const void *octets = address->family == AF_INET
        ? (const void *)&((struct sockaddr_in *)&storage)->sin_addr
        : (const void *)&((struct sockaddr_in6 *)&storage)->sin6_addr;
    if (!inet_ntop(address->family, octets, text, INET6_ADDRSTRLEN)) text[0] = '\0';
}

// Resolves a host; at most `max` addresses go to `out`. Returns their number; when it is 0,
// `error` holds the EAI_ code for gai_strerror.
static inline int clinux_resolve(
    const char *host, uint16_t port, struct clinux_address *out, int max, int *error
) {
    struct addrinfo hints, *found = NULL;
    int count = 0;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    *error = getaddrinfo(host, NULL, &hints, &found);
    if (*error) return 0;
    for (struct addrinfo *each = found; each && count < max; each = each->ai_next) {
        if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
        struct sockaddr_storage storage;
        memset(&storage, 0, sizeof storage);
        memcpy(&storage, each->ai_addr, each->ai_addrlen);
        clinux_address_from_sockaddr(&storage, &out[count]);
        out[count++].port = port;
    }
    freeaddrinfo(found);
    return count;
}

static inline int clinux_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static inline int clinux_bind(int descriptor, const struct clinux_address *address) {
    struct sockaddr_storage storage;
    socklen_t length = clinux_address_to_sockaddr(address, &storage);
    return bind(descriptor, (const struct sockaddr *)&storage, length);
}

static inline int clinux_connect(int descriptor, const struct clinux_address *address) {
    struct sockaddr_storage storage;
    socklen_t length = clinux_address_to_sockaddr(address, &storage);
    return connect(descriptor, (const struct sockaddr *)&storage, length);
}

static inline int clinux_accept(int descriptor, struct clinux_address *peer) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    int accepted = accept4(
        descriptor, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC
    );
    if (accepted >= 0) clinux_address_from_sockaddr(&storage, peer);
    return accepted;
}

static inline int clinux_local_address(int descriptor, struct clinux_address *address) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    int result = getsockname(descriptor, (struct sockaddr *)&storage, &length);
    if (result == 0) clinux_address_from_sockaddr(&storage, address);
    return result;
}

static inline int clinux_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

static inline ssize_t clinux_receive(int descriptor, void *buffer, size_t length) {
    return recv(descriptor, buffer, length, 0);
}

static inline ssize_t clinux_send(int descriptor, const void *buffer, size_t length) {
    return send(descriptor, buffer, length, MSG_NOSIGNAL);
}

static inline ssize_t clinux_send_vector(int descriptor, const struct iovec *parts, size_t count) {
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = (struct iovec *)parts;
    message.msg_iovlen = count;
    return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

static inline int clinux_epoll_add(int poller, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.u64 = token;
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int clinux_epoll_remove(int poller, int descriptor) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    return epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event);
}

// Macro constants with casts or shifts do not reach Swift.
static const uint32_t clinux_readable = EPOLLIN;
static const uint32_t clinux_writable = EPOLLOUT;
static const uint32_t clinux_peer_closed = EPOLLRDHUP;
static const uint32_t clinux_hung_up = EPOLLHUP | EPOLLERR;
static const uint32_t clinux_edge_triggered = EPOLLET;

static inline int clinux_open_null(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static inline int clinux_open_read(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

// Takes the whole file without waiting; EWOULDBLOCK when another open file has it.
static inline int clinux_lock_file(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }

// The same together with others that share it; so it fails only when somebody has it alone.
static inline int clinux_share_file(int descriptor) { return flock(descriptor, LOCK_SH | LOCK_NB); }

static inline int clinux_event_descriptor(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

// Blocks `count` signals in the calling thread (threads started later inherit the mask) and
// opens a descriptor that reads them.
static inline int clinux_signal_descriptor(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error) {
        errno = error;
        return -1;
    }
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static inline void clinux_ignore_signal(int number) { signal(number, SIG_IGN); }

static inline int clinux_raise_descriptor_limit(uint64_t *limit) {
    struct rlimit limits;
    if (getrlimit(RLIMIT_NOFILE, &limits)) return -1;
    *limit = limits.rlim_cur;
    if (limits.rlim_cur == limits.rlim_max) return 0;
    limits.rlim_cur = limits.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limits)) return -1;
    *limit = limits.rlim_cur;
    return 0;
}

// Processors this process may run on, or -1.
static inline int clinux_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return -1;
    return __CPU_COUNT_S(sizeof set, &set);
}

// Tells the processor that this is a loop that waits.
static inline void clinux_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline int64_t clinux_nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// At most `count` allocator arenas: each costs resident memory that is never given back.
static inline int clinux_set_arena_max(int count) { return mallopt(M_ARENA_MAX, count); }

// The thread-safe message of an errno; 0 when it fits.
static inline int clinux_error_text(int error, char *buffer, size_t length) {
    return strerror_r(error, buffer, length);
}

/* Gives free memory back to the system, as far as there is any; the C library may have none. */
static inline void clinux_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static inline void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

#endif
