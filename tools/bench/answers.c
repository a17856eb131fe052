// What the stub says, in OpenAI's dialect and in Ollama's: streams as the real servers send them, one HTTP chunk an event.
#include "answers.h"

#include <ctype.h>

#define ID "\"id\":\"chatcmpl-0123456789abcdef\","
#define MODEL "\"model\":\"stub-model\""
#define CHUNK ID "\"object\":\"chat.completion.chunk\",\"created\":1760000000," MODEL
#define DETAILS                                                                                    \
    "\"details\":{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"stub\",\"families\":[\"stub\"]," \
    "\"parameter_size\":\"1B\",\"quantization_level\":\"Q4_0\"}"
#define OLLAMA_MODEL                                                                                \
    "\"name\":\"stub-model:latest\",\"model\":\"stub-model:latest\",\"size\":1000000000,"           \
    "\"digest\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"," DETAILS

enum { PROMPT_TOKENS = 12, DEFAULT_CHUNKS = 100 };

static const struct { const char *path, *json; } pages[] = {
    {"/health", "{\"ok\":true}"},
    {"/v1/models", "{\"object\":\"list\",\"data\":[{\"id\":\"stub-model\",\"object\":\"model\",\"created\":1760000000,"
                   "\"owned_by\":\"stub\"}]}"},
    {"/api/version", "{\"version\":\"0.33.0\"}"},
    {"/api/tags", "{\"models\":[{" OLLAMA_MODEL ",\"modified_at\":\"2026-01-01T00:00:00Z\","
                  "\"capabilities\":[\"completion\"]}]}"},
    // The model is always loaded: no gateway has a reason to fear that leaving would abort a load.
    {"/api/ps", "{\"models\":[{" OLLAMA_MODEL ",\"size_vram\":0,\"expires_at\":\"2318-01-01T00:00:00Z\","
                "\"context_length\":4096}]}"},
};

const char *page_at(const char *path) {
    for (size_t page = 0; page < sizeof pages / sizeof *pages; page++)
        if (!strcmp(path, pages[page].path)) return pages[page].json;
    return NULL;
}

// Whether `"name": value` stands in a request; enough JSON for requests whose prompts never hold such text.
static bool says(const char *body, const char *name, const char *value) {
    for (const char *at = body; (at = strstr(at, name)); at++) {
        const char *rest = at + strlen(name);
        while (isspace((unsigned char)*rest)) rest++;
        if (*rest++ != ':') continue;
        while (isspace((unsigned char)*rest)) rest++;
        if (!strncmp(rest, value, strlen(value))) return true;
    }
    return false;
}

struct ask ask_read(enum dialect dialect, const char *body) {
    struct ask ask = {.dialect = dialect, .chunks = DEFAULT_CHUNKS};
    // Ollama streams unless told not to, OpenAI only when told.
    ask.is_stream = dialect == OLLAMA ? !says(body, "\"stream\"", "false") : says(body, "\"stream\"", "true");
    ask.wants_usage = says(body, "\"include_usage\"", "true");
    const char *marker = strstr(body, "STUB n=");
    if (marker) sscanf(marker, "STUB n=%d i=%d f=%d t=%d", &ask.chunks, &ask.interval_ms, &ask.first_ms, &ask.tag);
    if (ask.chunks < 1) ask.chunks = 1;
    return ask;
}

void answer_head(struct buffer *out, const struct ask *ask) {
    buffer_print(out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n",
                 ask->dialect == OPENAI ? "text/event-stream" : "application/x-ndjson");
}

static void http_chunk(struct buffer *out, const char *bytes, int length) {
    buffer_print(out, "%x\r\n", length);
    buffer_add(out, bytes, (size_t)length);
    buffer_add(out, "\r\n", 2);
}

static void say(struct buffer *out, const char *event) { http_chunk(out, event, (int)strlen(event)); }

// The text of a chunk is its number and the time at which it was sent.
void answer_chunk(struct buffer *out, const struct ask *ask, int index) {
    char event[512];
    long long sent_at = now_ns();
    if (ask->dialect == OLLAMA) {
        int length = snprintf(event, sizeof event,
                              "{" MODEL ",\"created_at\":\"2026-01-01T00:00:00.000000Z\","
                              "\"message\":{\"role\":\"assistant\",\"content\":\"@%d:%lld@ \"},\"done\":false}\n",
                              index, sent_at);
        http_chunk(out, event, length);
        return;
    }
    if (index == 0)
        say(out, "data: {" CHUNK ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                 "\"finish_reason\":null}]}\n\n");
    int length = snprintf(event, sizeof event,
                          "data: {" CHUNK ",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@%d:%lld@ \"},"
                          "\"finish_reason\":null}]}\n\n",
                          index, sent_at);
    http_chunk(out, event, length);
}

static void openai_tail(struct buffer *out, const struct ask *ask) {
    char usage[512];
    say(out, "data: {" CHUNK ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    if (ask->wants_usage) {
        int length = snprintf(usage, sizeof usage,
                              "data: {" CHUNK ",\"choices\":[],\"usage\":{\"prompt_tokens\":%d,"
                              "\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n",
                              PROMPT_TOKENS, ask->chunks, PROMPT_TOKENS + ask->chunks);
        http_chunk(out, usage, length);
    }
    say(out, "data: [DONE]\n\n");
}

static void ollama_end(struct buffer *out, const struct ask *ask) {
    buffer_print(out,
                 "\"done\":true,\"done_reason\":\"stop\",\"total_duration\":2000000000,\"load_duration\":1000000,"
                 "\"prompt_eval_count\":%d,\"prompt_eval_duration\":10000000,\"eval_count\":%d,"
                 "\"eval_duration\":1900000000}\n",
                 PROMPT_TOKENS, ask->chunks);
}

void answer_tail(struct buffer *out, const struct ask *ask) {
    if (ask->dialect == OPENAI) {
        openai_tail(out, ask);
    } else {
        struct buffer line = {0};
        buffer_print(&line, "{" MODEL ",\"created_at\":\"2026-01-01T00:00:02.000000Z\","
                            "\"message\":{\"role\":\"assistant\",\"content\":\"\"},");
        ollama_end(&line, ask);
        http_chunk(out, line.bytes, (int)line.length);
        buffer_free(&line);
    }
    buffer_add(out, "0\r\n\r\n", 5);
}

void answer_json(struct buffer *out, const char *status, const char *json) {
    buffer_print(out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
                 strlen(json), json);
}

// The same text as a stream of so many chunks would make, in one piece.
void answer_whole(struct buffer *out, const struct ask *ask) {
    struct buffer json = {0};
    buffer_print(&json, ask->dialect == OPENAI
                            ? "{" ID "\"object\":\"chat.completion\",\"created\":1760000000," MODEL ",\"choices\":[{\"index\":0,"
                              "\"message\":{\"role\":\"assistant\",\"content\":\""
                            : "{" MODEL ",\"created_at\":\"2026-01-01T00:00:02.000000Z\",\"message\":{\"role\":\"assistant\","
                              "\"content\":\"");
    for (int index = 0; index < ask->chunks; index++) buffer_print(&json, "@%d:%lld@ ", index, (long long)now_ns());
    if (ask->dialect == OLLAMA) {
        buffer_print(&json, "\"},");
        ollama_end(&json, ask);
    } else {
        buffer_print(&json, "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,"
                            "\"total_tokens\":%d}}",
                     PROMPT_TOKENS, ask->chunks, PROMPT_TOKENS + ask->chunks);
    }
    json.bytes[json.length] = 0;
    answer_json(out, "200 OK", json.bytes);
    buffer_free(&json);
}
