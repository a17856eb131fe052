// What the stub says, in OpenAI's dialect and in Ollama's. Knows no sockets.
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stdbool.h>

#include "buffer.h"

enum dialect { OPENAI, OLLAMA };

// What a prompt asks for with its marker "STUB n=100 i=20 f=0 t=7": `chunks` pieces of text, `interval_ms` apart, the
// first after `first_ms`. `tag` is the asker's own number, so that an abort can be told from another.
struct ask {
    enum dialect dialect;
    bool is_stream, wants_usage;
    int chunks, interval_ms, first_ms, tag;
};

struct ask ask_read(enum dialect dialect, const char *body);

void answer_head(struct buffer *out, const struct ask *ask);
void answer_chunk(struct buffer *out, const struct ask *ask, int index);
void answer_tail(struct buffer *out, const struct ask *ask);
void answer_whole(struct buffer *out, const struct ask *ask);
void answer_json(struct buffer *out, const char *status, const char *json);

// The JSON of a listing, a version and the like, or NULL where the stub has no such page.
const char *page_at(const char *path);

#endif
