// Checks a stream of OpenAI's server-sent events as the stub's answers must arrive. Knows no sockets.
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>

#include "buffer.h"

struct events {
    struct buffer line;
    int expected;      // number of the chunk that must come next, so also how many came
    int finishes;      // chunks with a finish_reason
    int terminators;   // [DONE]
    bool is_misplaced; // a chunk out of order or twice, or anything after [DONE]
    bool is_error;     // an in-band error
};

// Called for every chunk with the time at which the stub sent it.
typedef void chunk_seen(void *watcher, int64_t sent_ns);

void events_feed(struct events *events, const char *bytes, size_t length, chunk_seen *seen, void *watcher);

// NULL for a good stream, else the word for what is wrong with it.
const char *events_fault(const struct events *events, int chunks);

void events_reset(struct events *events);

#endif
