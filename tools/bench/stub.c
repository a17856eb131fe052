// A stub upstream that costs next to nothing: one thread, epoll, answers made to measure (answers.h tells how to ask).
//
//     stub PORT
//
// POST /v1/chat/completions and POST /api/chat answer; GET /_stats tells what was seen: requests, streams, open
// connections, the most answers at a time since the last look, and every abort as [tag, monotonic ns, chunks sent].
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answers.h"

enum { MAX_EVENTS = 1024, MAX_REQUEST = 64 * 1024, MAX_UNSENT = 64 * 1024, MAX_ABORTS = 4096 };

struct connection {
    int fd;
    struct buffer in, out;
    bool is_answering, is_closing, wants_write, is_dead;
    struct ask ask;
    int sent;        // chunks of the answer so far
    int64_t due_ns;  // when the next one goes; NEVER while a slow reader holds us up
    int place;       // in `answering`
    struct connection *next_dead;
};

#define NEVER INT64_MAX

static int poll_fd, listener;
static struct connection **answering;
static int answering_count, answering_capacity;
static struct connection *dead;
static struct { long requests, streams, aborts, accepted, open, most_answering; } seen;
static struct { int tag, sent; int64_t at_ns; } aborts[MAX_ABORTS];

// -- connections ------------------------------------------------------------------------------------------------------

static void stop_answering(struct connection *connection) {
    connection->is_answering = false;
    struct connection *last = answering[--answering_count];
    answering[connection->place] = last;
    last->place = connection->place;
}

static void start_answering(struct connection *connection) {
    if (answering_count == answering_capacity) {
        answering_capacity = answering_capacity ? answering_capacity * 2 : 1024;
        answering = must(realloc(answering, sizeof *answering * (size_t)answering_capacity));
    }
    connection->is_answering = true;
    connection->place = answering_count;
    answering[answering_count++] = connection;
    if (answering_count > seen.most_answering) seen.most_answering = answering_count;
}

// Memory goes at the end of a turn: the caller may still be looking at it.
static void hang_up(struct connection *connection) {
    if (connection->is_dead) return;
    if (connection->is_answering) {
        long entry = seen.aborts++ % MAX_ABORTS;
        aborts[entry].tag = connection->ask.tag;
        aborts[entry].sent = connection->sent;
        aborts[entry].at_ns = now_ns();
        stop_answering(connection);
    }
    close(connection->fd);
    connection->is_dead = true;
    connection->next_dead = dead;
    dead = connection;
    seen.open--;
}

static void bury(void) {
    while (dead) {
        struct connection *connection = dead;
        dead = connection->next_dead;
        buffer_free(&connection->in);
        buffer_free(&connection->out);
        free(connection);
    }
}

static void accept_all(void) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = must(calloc(1, sizeof *connection));
        connection->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = connection};
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
        seen.accepted++;
        seen.open++;
    }
}

static void flush(struct connection *connection) {
    ssize_t sent = send(connection->fd, connection->out.bytes, connection->out.length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        hang_up(connection);
        return;
    }
    if (sent > 0) buffer_drop(&connection->out, (size_t)sent);
    bool wants_write = connection->out.length > 0;
    if (wants_write != connection->wants_write) {
        connection->wants_write = wants_write;
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants_write ? EPOLLOUT : 0), .data.ptr = connection};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, connection->fd, &event);
    }
    if (!wants_write && connection->is_closing && !connection->is_answering) hang_up(connection);
}

// -- answers ----------------------------------------------------------------------------------------------------------

// Add to `out` what is due now, and say when to come again. The last text, the finish and the end leave together.
static void continue_answer(struct connection *connection, int64_t now) {
    struct ask *ask = &connection->ask;
    if (!ask->is_stream) {
        answer_whole(&connection->out, ask);
        stop_answering(connection);
        return;
    }
    if (connection->sent == 0) answer_head(&connection->out, ask);
    answer_chunk(&connection->out, ask, connection->sent++);
    if (connection->sent == ask->chunks) {
        answer_tail(&connection->out, ask);
        stop_answering(connection);
    } else if (connection->out.length > MAX_UNSENT) {
        connection->due_ns = NEVER;
    } else {
        // From when it was due, not from when it left: a late chunk must not slow the stream down.
        connection->due_ns = ask->interval_ms ? connection->due_ns + ask->interval_ms * MILLISECOND : now;
    }
}

static void begin_answer(struct connection *connection, enum dialect dialect, const char *body) {
    int64_t now = now_ns();
    struct ask ask = ask_read(dialect, body);
    int64_t wait_ms = ask.first_ms + (ask.is_stream ? 0 : (int64_t)(ask.chunks - 1) * ask.interval_ms);
    connection->ask = ask;
    connection->sent = 0;
    connection->due_ns = now + wait_ms * MILLISECOND;
    seen.requests++;
    seen.streams += ask.is_stream;
    start_answering(connection);
    if (!wait_ms) continue_answer(connection, now);
}

static void tell_stats(struct connection *connection) {
    struct buffer json = {0};
    buffer_print(&json, "{\"requests\":%ld,\"streams\":%ld,\"accepted\":%ld,\"open\":%ld,\"answering\":%d,\"most_answering\":%d,"
                        "\"aborted\":%ld,\"aborts\":[",
                 seen.requests, seen.streams, seen.accepted, seen.open, answering_count, (int)seen.most_answering, seen.aborts);
    long known = seen.aborts < MAX_ABORTS ? seen.aborts : MAX_ABORTS;
    for (long abort = 0; abort < known; abort++)
        buffer_print(&json, "%s[%d,%lld,%d]", abort ? "," : "", aborts[abort].tag, (long long)aborts[abort].at_ns,
                     aborts[abort].sent);
    buffer_print(&json, "]}");
    json.bytes[json.length] = 0;
    answer_json(&connection->out, "200 OK", json.bytes);
    buffer_free(&json);
    seen.most_answering = answering_count;
}

static void route(struct connection *connection, const char *method, const char *path, const char *body) {
    const char *page = page_at(path);
    if (!strcmp(method, "POST") && !strcmp(path, "/v1/chat/completions")) begin_answer(connection, OPENAI, body);
    else if (!strcmp(method, "POST") && !strcmp(path, "/api/chat")) begin_answer(connection, OLLAMA, body);
    else if (!strcmp(path, "/_stats")) tell_stats(connection);
    else if (page) answer_json(&connection->out, "200 OK", page);
    else answer_json(&connection->out, "404 Not Found", "{\"error\":\"the stub has no such page\"}");
}

// -- requests ---------------------------------------------------------------------------------------------------------

// Take one whole request off `in`; false where none is complete. Every client here sends a Content-Length.
static bool take_request(struct connection *connection) {
    struct buffer *in = &connection->in;
    if (!in->length) return false;
    in->bytes[in->length] = 0;
    char *end = strstr(in->bytes, "\r\n\r\n");
    if (!end) return false;
    char *body = end + 4, method[8] = "", path[256] = "";
    end[2] = 0;
    char *length_header = strcasestr(in->bytes, "\r\nContent-Length:");
    size_t length = length_header ? strtoul(length_header + strlen("\r\nContent-Length:"), NULL, 10) : 0;
    bool is_closing = strcasestr(in->bytes, "\r\nConnection: close") != NULL;
    sscanf(in->bytes, "%7s %255s", method, path);
    end[2] = '\r';
    size_t total = (size_t)(body - in->bytes) + length;
    if (in->length < total) return false;
    char next = in->bytes[total];
    in->bytes[total] = 0;
    connection->is_closing = is_closing;
    route(connection, method, path, body);
    in->bytes[total] = next;
    buffer_drop(in, total);
    return true;
}

static void serve(struct connection *connection) {
    while (!connection->is_answering && take_request(connection)) continue;
    if (connection->out.length) flush(connection);
}

static void on_readable(struct connection *connection) {
    struct buffer *in = &connection->in;
    buffer_reserve(in, 8 * 1024);
    ssize_t got = recv(connection->fd, in->bytes + in->length, in->capacity - in->length - 1, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || in->length + (size_t)got > MAX_REQUEST) {
        hang_up(connection);
        return;
    }
    in->length += (size_t)got;
    if (!connection->is_answering) serve(connection);
}

static void on_writable(struct connection *connection) {
    flush(connection);
    if (!connection->is_dead && !connection->wants_write && connection->is_answering && connection->due_ns == NEVER)
        connection->due_ns = now_ns();
}

// -- the loop ---------------------------------------------------------------------------------------------------------

// Looking at every answer each turn is cheap for some thousands of them, and saves a heap of timers.
static void send_due(void) {
    int64_t now = now_ns();
    for (int place = answering_count - 1; place >= 0; place--) {
        if (place >= answering_count) continue;  // several left at once
        struct connection *connection = answering[place];
        if (connection->due_ns > now) continue;
        continue_answer(connection, now);
        flush(connection);
        if (!connection->is_dead && !connection->is_answering) serve(connection);
    }
}

static int wait_ms(void) {
    int64_t next = NEVER;
    for (int place = 0; place < answering_count; place++)
        if (answering[place]->due_ns < next) next = answering[place]->due_ns;
    if (next == NEVER) return -1;
    int64_t left = next - now_ns();
    return left <= 0 ? 0 : (int)((left + MILLISECOND - 1) / MILLISECOND);
}

static void listen_on(int port) {
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) die("listen");
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event)) die("epoll_ctl");
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: stub PORT\n");
        return 2;
    }
    static struct epoll_event events[MAX_EVENTS];
    signal(SIGPIPE, SIG_IGN);
    listen_on(atoi(arguments[1]));
    for (;;) {
        int ready = epoll_wait(poll_fd, events, MAX_EVENTS, wait_ms());
        for (int place = 0; place < ready; place++) {
            struct connection *connection = events[place].data.ptr;
            if (!connection) {
                accept_all();
                continue;
            }
            if (events[place].events & EPOLLOUT) on_writable(connection);
            if (!connection->is_dead && events[place].events & ~(uint32_t)EPOLLOUT) on_readable(connection);
        }
        send_due();
        bury();
    }
}
