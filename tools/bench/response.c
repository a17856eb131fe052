// Reads an HTTP/1.1 answer off a socket's bytes, cut anywhere, and hands on its body. Knows nothing of the body.
#define _GNU_SOURCE
#include "response.h"

#include <strings.h>

enum { MAX_HEAD = 16 * 1024 };

static const char *header(const char *head, const char *name) {
    const char *at = strcasestr(head, name);
    return at ? at + strlen(name) : NULL;
}

static enum progress read_head(struct response *response) {
    const char *head = response->line.bytes;
    int minor = 0;
    if (sscanf(head, "HTTP/1.%d %d", &minor, &response->status) != 2) return BROKEN;
    const char *connection = header(head, "\r\nConnection:");
    while (connection && *connection == ' ') connection++;
    response->keeps_alive = minor == 1 && !(connection && !strncasecmp(connection, "close", 5));
    const char *length = header(head, "\r\nContent-Length:");
    if (header(head, "\r\nTransfer-Encoding: chunked")) {
        response->framing = IN_SIZE;
    } else if (length) {
        response->framing = IN_LENGTH;
        response->left = atol(length);
    } else {
        response->framing = UNTIL_CLOSE;
        response->keeps_alive = false;
    }
    response->line.length = 0;
    return response->framing == IN_LENGTH && response->left == 0 ? COMPLETE : MORE;
}

// One line of framing: a chunk's size, the empty one after its data, or a trailer.
static enum progress read_line(struct response *response) {
    char *line = response->line.bytes, *end;
    bool is_empty = !strcmp(line, "\r\n");
    enum progress progress = MORE;
    if (response->framing == IN_SIZE) {
        response->left = strtol(line, &end, 16);
        if (end == line || response->left < 0) return BROKEN;
        response->framing = response->left ? IN_DATA : IN_TRAILER;
    } else if (response->framing == AFTER_DATA) {
        if (!is_empty) return BROKEN;
        response->framing = IN_SIZE;
    } else if (is_empty) {
        progress = COMPLETE;
    }
    response->line.length = 0;
    return progress;
}

// Gather up to the end of a line (or of the head); the number of bytes taken, 0 when there is no place for more.
static size_t gather(struct response *response, const char *bytes, size_t length, bool *is_whole) {
    struct buffer *line = &response->line;
    const char *newline = memchr(bytes, '\n', length);
    size_t taken = newline ? (size_t)(newline - bytes) + 1 : length;
    if (line->length + taken > MAX_HEAD) return 0;
    buffer_add(line, bytes, taken);
    line->bytes[line->length] = 0;
    *is_whole = newline && (response->framing != IN_HEAD ||
                            (line->length >= 4 && !memcmp(line->bytes + line->length - 4, "\r\n\r\n", 4)));
    return taken;
}

static bool is_data(const struct response *response) {
    return response->framing == IN_DATA || response->framing == IN_LENGTH || response->framing == UNTIL_CLOSE;
}

enum progress response_feed(struct response *response, const char *bytes, size_t length, body_reader *read, void *reader) {
    while (length) {
        size_t taken = length;
        enum progress progress = MORE;
        if (is_data(response)) {
            bool is_bounded = response->framing != UNTIL_CLOSE;
            if (is_bounded && taken > (size_t)response->left) taken = (size_t)response->left;
            read(reader, bytes, taken);
            if (is_bounded) response->left -= (long)taken;
            if (is_bounded && !response->left) {
                if (response->framing == IN_LENGTH) progress = COMPLETE;
                else response->framing = AFTER_DATA;
            }
        } else {
            bool is_whole = false;
            taken = gather(response, bytes, length, &is_whole);
            if (!taken) return BROKEN;
            if (is_whole) progress = response->framing == IN_HEAD ? read_head(response) : read_line(response);
        }
        if (progress != MORE) return progress;
        bytes += taken;
        length -= taken;
    }
    return MORE;
}

enum progress response_end(const struct response *response) {
    return response->framing == UNTIL_CLOSE ? COMPLETE : BROKEN;
}

void response_reset(struct response *response) {
    struct buffer line = response->line;
    line.length = 0;
    *response = (struct response){.line = line};
}
