// A byte buffer that grows, and the clock that stub and load share. Header only: both programs are small.
#ifndef BUFFER_H
#define BUFFER_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MILLISECOND 1000000LL

// CLOCK_MONOTONIC is the same for every process of a machine, so that times of both programs compare.
static inline int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline void *must(void *memory) {
    if (!memory) die("memory");
    return memory;
}

struct buffer {
    char *bytes;
    size_t length, capacity;
};

// Always leaves room for one byte more, so that text can be ended with a zero in place.
static inline void buffer_reserve(struct buffer *buffer, size_t more) {
    size_t wanted = buffer->length + more + 1;
    if (wanted <= buffer->capacity) return;
    while (buffer->capacity < wanted) buffer->capacity = buffer->capacity ? buffer->capacity * 2 : 1024;
    buffer->bytes = must(realloc(buffer->bytes, buffer->capacity));
}

static inline void buffer_add(struct buffer *buffer, const char *bytes, size_t length) {
    buffer_reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

__attribute__((format(printf, 2, 3))) static inline void buffer_print(struct buffer *buffer, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int length = vsnprintf(NULL, 0, format, values);
    va_end(values);
    buffer_reserve(buffer, (size_t)length);
    va_start(values, format);
    vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, values);
    va_end(values);
    buffer->length += (size_t)length;
}

static inline void buffer_drop(struct buffer *buffer, size_t length) {
    buffer->length -= length;
    memmove(buffer->bytes, buffer->bytes + length, buffer->length);
}

static inline void buffer_free(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

#endif
