// A load generator for streams: asks for stub answers through whatever listens on a port, and checks every one of them.
//
//     load --port 8089 --streams 100 --chunks 100 --interval 20
//
// Prints one JSON object: how many streams were whole, what was wrong with the others, and times in milliseconds.
// Aborts: --abort-after 3 leaves after three chunks; --leave-after 150 leaves so many milliseconds after asking. Each
// stream has a tag, which the stub tells back with the time of its abort: `left` has [tag, monotonic ns] to compare.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"
#include "response.h"

enum { MAX_EVENTS = 1024 };

struct options {
    int port, streams, total, chunks, interval, first, abort_after, leave_after, seconds;
    int is_plain, is_reusing, wants_usage;
    const char *path, *model;
};

struct stream {
    int fd, tag;
    bool is_connected, has_answered;
    int64_t begun_ns, asked_ns;
    struct response response;
    struct events events;
};

// Why a stream did not count..
static const char *const faults[] = {"connect", "no_answer", "cut",   "broken_http", "status", "timeout",
                                     "early",   "error_event", "order", "chunks",      "finish", "done"};
enum { FAULTS = sizeof faults / sizeof *faults };

static struct options options = {.streams = 1, .chunks = 100, .abort_after = -1, .leave_after = -1, .seconds = 20,
                                 .path = "/v1/chat/completions", .model = "stub-model"};
static int poll_fd, started, finished, whole, reused;
static long errors[FAULTS], chunks_seen;
static struct stream *streams;
static struct samples { double *values; long count; } first_chunks, latencies;
static struct { int tag; int64_t at_ns; } *left;
static int left_count;
static int64_t received_ns;  // when the bytes in hand were read

static void begin(struct stream *stream);

// -- one stream -------------------------------------------------------------------------------------------------------

static void count_fault(const char *fault) {
    for (int kind = 0; kind < FAULTS; kind++)
        if (!strcmp(fault, faults[kind])) errors[kind]++;
}

static void ask(struct stream *stream) {
    struct buffer body = {0}, request = {0};
    stream->asked_ns = now_ns();
    buffer_print(&body, "{\"model\":\"%s\",\"stream\":%s,%s\"messages\":[{\"role\":\"user\",\"content\":\"STUB n=%d i=%d f=%d t=%d\"}]}",
                 options.model, options.is_plain ? "false" : "true",
                 options.wants_usage ? "\"stream_options\":{\"include_usage\":true}," : "", options.chunks,
                 options.interval, options.first, stream->tag);
    buffer_print(&request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nAccept: */*\r\n"
                           "Content-Length: %zu\r\n\r\n",
                 options.path, options.port, body.length);
    buffer_add(&request, body.bytes, body.length);
    // A fresh socket takes so few bytes at once.
    if (send(stream->fd, request.bytes, request.length, MSG_NOSIGNAL) != (ssize_t)request.length)
        shutdown(stream->fd, SHUT_RDWR);
    buffer_free(&body);
    buffer_free(&request);
}

static void connect_stream(struct stream *stream) {
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0) die("socket (raise ulimit -n)");
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connect(stream->fd, (struct sockaddr *)&address, sizeof address);  // its failure shows as an event
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = stream};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, stream->fd, &event)) die("epoll_ctl");
}

static void reset(struct stream *stream) {
    stream->tag = ++started;
    stream->begun_ns = now_ns();
    stream->has_answered = false;
    response_reset(&stream->response);
    events_reset(&stream->events);
}

static void begin(struct stream *stream) {
    reset(stream);
    stream->is_connected = false;
    connect_stream(stream);
}

// The answer is over, for better or worse; go on with the next one where some are left.
static void finish(struct stream *stream, const char *fault) {
    bool is_left = options.abort_after >= 0 || options.leave_after >= 0;
    if (fault) count_fault(fault);
    else whole++;
    finished++;
    if (options.is_reusing && !fault && !is_left && stream->response.keeps_alive && started < options.total) {
        reused++;
        reset(stream);
        ask(stream);
        return;
    }
    close(stream->fd);
    stream->fd = -1;
    if (started < options.total) begin(stream);
}

static void leave(struct stream *stream) {
    left[left_count].tag = stream->tag;
    left[left_count++].at_ns = now_ns();
    finish(stream, NULL);
}

static void on_chunk(void *watcher, int64_t sent_ns) {
    struct stream *stream = watcher;
    if (stream->events.expected == 1) first_chunks.values[first_chunks.count++] = (double)(received_ns - stream->begun_ns) / 1e6;
    if (stream->events.expected <= options.chunks) latencies.values[latencies.count++] = (double)(received_ns - sent_ns) / 1e6;
    chunks_seen++;
}

static void on_body(void *reader, const char *bytes, size_t length) {
    struct stream *stream = reader;
    if (!options.is_plain) events_feed(&stream->events, bytes, length, on_chunk, stream);
}

static const char *fault_of(const struct stream *stream) {
    if (stream->response.status != 200) return "status";
    if (options.abort_after >= 0 || options.leave_after >= 0) return "early";  // it was to be left, not to end
    return options.is_plain ? NULL : events_fault(&stream->events, options.chunks);
}

static void on_readable(struct stream *stream) {
    static char bytes[256 * 1024];
    ssize_t got = recv(stream->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN) return;
    received_ns = now_ns();
    if (got <= 0) {
        if (!stream->is_connected) finish(stream, "connect");
        else if (!stream->has_answered) finish(stream, "no_answer");
        else finish(stream, response_end(&stream->response) == COMPLETE ? fault_of(stream) : "cut");
        return;
    }
    stream->has_answered = true;
    enum progress progress = response_feed(&stream->response, bytes, (size_t)got, on_body, stream);
    if (progress != MORE) finish(stream, progress == COMPLETE ? fault_of(stream) : "broken_http");
    else if (options.abort_after > 0 && stream->events.expected >= options.abort_after) leave(stream);
}

static void on_event(struct stream *stream, uint32_t events) {
    if (!stream->is_connected && !(events & (EPOLLERR | EPOLLHUP))) {
        stream->is_connected = true;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, stream->fd, &event);
        ask(stream);
    }
    if (events & ~(uint32_t)EPOLLOUT) on_readable(stream);
}

// -- the run ----------------------------------------------------------------------------------------------------------

static void leave_due(void) {
    int64_t now = now_ns();
    for (int index = 0; index < options.streams; index++) {
        struct stream *stream = &streams[index];
        if (stream->fd >= 0 && stream->is_connected && now - stream->asked_ns >= options.leave_after * MILLISECOND) leave(stream);
    }
}

static void run(void) {
    static struct epoll_event events[MAX_EVENTS];
    int64_t deadline = now_ns() + options.seconds * 1000 * MILLISECOND;
    for (int index = 0; index < options.streams; index++) begin(&streams[index]);
    while (finished < options.total && now_ns() < deadline) {
        int ready = epoll_wait(poll_fd, events, MAX_EVENTS, options.leave_after >= 0 ? 1 : 100);
        // A stream has one event a turn, and its descriptor is opened anew only after that one is handled.
        for (int place = 0; place < ready; place++) on_event(events[place].data.ptr, events[place].events);
        if (options.leave_after >= 0) leave_due();
    }
    for (int missing = finished; missing < options.total; missing++) count_fault("timeout");
}

static int ascending(const void *left_value, const void *right_value) {
    double difference = *(const double *)left_value - *(const double *)right_value;
    return (difference > 0) - (difference < 0);
}

static void print_samples(const char *name, struct samples *samples) {
    qsort(samples->values, (size_t)samples->count, sizeof *samples->values, ascending);
    if (!samples->count) {
        printf("\"%s\":null,", name);
        return;
    }
    long last = samples->count - 1;
    printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name, samples->values[last / 2],
           samples->values[(long)((double)last * 0.99)], samples->values[last]);
}

static void report(double seconds) {
    printf("{\"streams\":%d,\"ok\":%d,\"reused\":%d,\"wall_s\":%.4f,\"chunks\":%ld,\"chunks_per_s\":%.0f,", options.total, whole,
           reused, seconds, chunks_seen, (double)chunks_seen / seconds);
    print_samples("ttft_ms", &first_chunks);
    print_samples("latency_ms", &latencies);
    printf("\"errors\":{");
    for (int kind = 0, shown = 0; kind < FAULTS; kind++)
        if (errors[kind]) printf("%s\"%s\":%ld", shown++ ? "," : "", faults[kind], errors[kind]);
    printf("},\"left\":[");
    for (int index = 0; index < left_count; index++)
        printf("%s[%d,%lld]", index ? "," : "", left[index].tag, (long long)left[index].at_ns);
    printf("]}\n");
}

static void read_options(int count, char **arguments) {
    const struct option known[] = {
        {"port", required_argument, NULL, 'p'},     {"path", required_argument, NULL, 'P'},
        {"streams", required_argument, NULL, 's'},  {"total", required_argument, NULL, 't'},
        {"chunks", required_argument, NULL, 'n'},   {"interval", required_argument, NULL, 'i'},
        {"first", required_argument, NULL, 'f'},    {"abort-after", required_argument, NULL, 'a'},
        {"leave-after", required_argument, NULL, 'l'}, {"seconds", required_argument, NULL, 'S'},
        {"model", required_argument, NULL, 'm'},    {"plain", no_argument, &options.is_plain, 1},
        {"reuse", no_argument, &options.is_reusing, 1}, {"usage", no_argument, &options.wants_usage, 1},
        {0},
    };
    for (int name; (name = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (name) {
            case 0: break;
            case 'p': options.port = atoi(optarg); break;
            case 'P': options.path = optarg; break;
            case 's': options.streams = atoi(optarg); break;
            case 't': options.total = atoi(optarg); break;
            case 'n': options.chunks = atoi(optarg); break;
            case 'i': options.interval = atoi(optarg); break;
            case 'f': options.first = atoi(optarg); break;
            case 'a': options.abort_after = atoi(optarg); break;
            case 'l': options.leave_after = atoi(optarg); break;
            case 'S': options.seconds = atoi(optarg); break;
            case 'm': options.model = optarg; break;
            default: exit(2);
        }
    }
    if (options.total < options.streams) options.total = options.streams;
    if (!options.port) {
        fprintf(stderr, "load: --port is needed\n");
        exit(2);
    }
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    size_t total = (size_t)options.total;
    streams = must(calloc((size_t)options.streams, sizeof *streams));
    left = must(calloc(total, sizeof *left));
    first_chunks.values = must(calloc(total, sizeof *first_chunks.values));
    latencies.values = must(calloc(total * (size_t)options.chunks, sizeof *latencies.values));
    int64_t begun = now_ns();
    run();
    report((double)(now_ns() - begun) / 1e9);
    return 0;
}
