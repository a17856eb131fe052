// Reads an HTTP/1.1 answer off a socket's bytes, cut anywhere, and hands on its body. Knows nothing of the body.
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stdbool.h>

#include "buffer.h"

enum framing { IN_HEAD, IN_SIZE, IN_DATA, AFTER_DATA, IN_TRAILER, IN_LENGTH, UNTIL_CLOSE };

struct response {
    enum framing framing;
    struct buffer line;  // the head, or a chunk's size line
    int status;
    bool keeps_alive;
    long left;  // bytes of the chunk or the body still to come
};

typedef void body_reader(void *reader, const char *bytes, size_t length);

enum progress { MORE, COMPLETE, BROKEN };

// BROKEN: what came is no HTTP. COMPLETE: the answer ended by its own framing.
enum progress response_feed(struct response *response, const char *bytes, size_t length, body_reader *read, void *reader);

// What the end of the connection means for an answer that is not complete.
enum progress response_end(const struct response *response);

void response_reset(struct response *response);

#endif
