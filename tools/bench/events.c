// Checks a stream of OpenAI's server-sent events as the stub's answers must arrive. Knows no sockets.
#include "events.h"

// Every "@number:time@" of a line; a gateway may put several chunks into one event, as long as none is lost.
static void read_chunks(struct events *events, const char *line, chunk_seen *seen, void *watcher) {
    int index;
    long long sent_ns;
    for (const char *at = strchr(line, '@'); at; at = strchr(at + 1, '@')) {
        if (sscanf(at, "@%d:%lld@", &index, &sent_ns) != 2) continue;
        if (index != events->expected) events->is_misplaced = true;
        events->expected++;
        seen(watcher, sent_ns);
        at = strchr(at + 1, '@');
    }
}

static void read_event(struct events *events, chunk_seen *seen, void *watcher) {
    const char *line = events->line.bytes;
    if (strncmp(line, "data:", 5)) return;  // an empty line, a comment, an event's name
    if (events->terminators) events->is_misplaced = true;
    if (!strcmp(line, "data: [DONE]")) events->terminators++;
    else if (strstr(line, "\"error\"")) events->is_error = true;
    else {
        const char *reason = strstr(line, "\"finish_reason\":\"");
        events->finishes += reason != NULL;
        read_chunks(events, line, seen, watcher);
    }
}

void events_feed(struct events *events, const char *bytes, size_t length, chunk_seen *seen, void *watcher) {
    while (length) {
        const char *newline = memchr(bytes, '\n', length);
        size_t taken = newline ? (size_t)(newline - bytes) : length;
        buffer_add(&events->line, bytes, taken);
        if (!newline) return;
        size_t end = events->line.length;
        if (end && events->line.bytes[end - 1] == '\r') end--;
        events->line.bytes[end] = 0;
        read_event(events, seen, watcher);
        events->line.length = 0;
        bytes += taken + 1;
        length -= taken + 1;
    }
}

const char *events_fault(const struct events *events, int chunks) {
    if (events->is_error) return "error_event";
    if (events->is_misplaced) return "order";
    if (events->expected != chunks) return "chunks";
    if (events->finishes != 1) return "finish";
    if (events->terminators != 1) return "done";
    return NULL;
}

void events_reset(struct events *events) {
    struct buffer line = events->line;
    line.length = 0;
    *events = (struct events){.line = line};
}
