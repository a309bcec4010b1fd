/* A GPU backend for machines without a GPU: ggml sees a card, and the CPU's own backend computes.
 *
 * Compiled by stand_in.Dockerfile into a libggml-cuda.so. The types repeat what ggml's plugin
 * API lays down (ggml-backend-impl.h, API version 2), as far as it is used: the rest is left NULL.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef CARDS
#define CARDS 1
#endif
#define DEVICE "CUDA0"
#define NODE "/dev/nvidia0"

enum { API_VERSION = 2, TYPE_GPU = 1, FAILED = -1 };

typedef struct registry registry;
typedef struct device device;
typedef struct backend backend;

struct props {
    const char *name, *description;
    size_t memory_free, memory_total;
    int type;
    const char *device_id;
    struct { bool async, host_buffer, buffer_from_host_ptr, events, mmap_support; } caps;
};

struct device {
    const char *(*get_name)(device *);
    const char *(*get_description)(device *);
    void (*get_memory)(device *, size_t *, size_t *);
    int (*get_type)(device *);
    void (*get_props)(device *, struct props *);
    backend *(*init_backend)(device *, const char *);
    void *(*get_buffer_type)(device *);
    void *(*get_host_buffer_type)(device *);
    void *(*buffer_from_host_ptr)(device *, void *, size_t, size_t);
    bool (*supports_op)(device *, const void *);
    bool (*supports_buft)(device *, void *);
    void *optional[4]; /* offload_op, event_new, event_free, event_synchronize */
    registry *reg;
    void *context;
};

struct registry {
    int api_version;
    const char *(*get_name)(registry *);
    size_t (*get_device_count)(registry *);
    device *(*get_device)(registry *, size_t);
    void *(*get_proc_address)(registry *, const char *);
    void *context;
};

struct backend {
    void *guid;
    const char *(*get_name)(backend *);
    void (*free)(backend *);
    void *unused[10]; /* asynchronous copies, synchronize, plans: all optional */
    int (*graph_compute)(backend *, void *);
    void *events[3];
    device *device;
    void *context;
};

struct buffer_type {
    void *functions[6];
    device *device;
    void *context;
};

static const size_t memory = (size_t)8 << 30;
static bool had_node; /* a card whose node was there computes as long as it is */
static struct buffer_type host;
static device card;
static registry entry;
static backend stream;

static int find_cpu(struct dl_phdr_info *library, size_t size, void *path)
{
    (void)size;
    if (strstr(library->dlpi_name, "/libggml-cpu-") == NULL) {
        return 0;
    }
    *(const char **)path = library->dlpi_name;
    return 1;
}

/* The CPU backend's registry, which ggml has loaded before. */
static registry *cpu_registry(void)
{
    const char *path = NULL;
    dl_iterate_phdr(find_cpu, &path);
    void *library = path == NULL ? NULL : dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    registry *(*init)(void) = library == NULL ? NULL : dlsym(library, "ggml_backend_init");
    return init == NULL ? NULL : init();
}

static device *cpu(void) { return cpu_registry()->get_device(cpu_registry(), 0); }

static const char *name(device *d) { (void)d; return DEVICE; }
static const char *description(device *d) { (void)d; return "Stand-in Card"; }
static int type(device *d) { (void)d; return TYPE_GPU; }

static void get_memory(device *d, size_t *free, size_t *total)
{
    (void)d;
    *free = *total = memory;
}

static void get_props(device *d, struct props *props)
{
    memset(props, 0, sizeof *props);
    props->name = name(d);
    props->description = description(d);
    props->memory_free = props->memory_total = memory;
    props->type = TYPE_GPU;
}

/* The CPU's, but for the device that it names. */
static void *buffer_type(device *d)
{
    if (host.device == NULL) {
        host = *(struct buffer_type *)cpu()->get_buffer_type(cpu());
        host.device = d;
    }
    return &host;
}

static bool supports_op(device *d, const void *op) { (void)d; return cpu()->supports_op(cpu(), op); }
static bool supports_buft(device *d, void *t) { (void)d; return cpu()->supports_buft(cpu(), t); }

static const char *stream_name(backend *b) { (void)b; return DEVICE; }
static void stream_free(backend *b) { (void)b; }

static int compute(backend *b, void *graph)
{
    backend *inner = b->context;
    if (had_node && access(NODE, F_OK) != 0) {
        return FAILED;
    }
    return inner->graph_compute(inner, graph);
}

static backend *init_backend(device *d, const char *parameters)
{
    static uint8_t guid[16] = "mentator standin";
    stream.guid = guid;
    stream.get_name = stream_name;
    stream.free = stream_free;
    stream.graph_compute = compute;
    stream.device = d;
    stream.context = cpu()->init_backend(cpu(), parameters);
    /* By default it spins on as many threads as the machine has cores, and more. */
    void (*set_threads)(void *, int) =
        cpu_registry()->get_proc_address(cpu_registry(), "ggml_backend_set_n_threads");
    if (set_threads != NULL) {
        set_threads(stream.context, 1);
    }
    return &stream;
}

static const char *registry_name(registry *r) { (void)r; return "CUDA"; }
static size_t count(registry *r) { (void)r; return CARDS; }
static device *get(registry *r, size_t i) { (void)r; (void)i; return &card; }
static void *no_address(registry *r, const char *n) { (void)r; (void)n; return NULL; }

registry *ggml_backend_init(void)
{
    card = (device){name, description, get_memory, type, get_props, init_backend, buffer_type,
                    NULL, NULL, supports_op, supports_buft, {NULL}, &entry, NULL};
    had_node = access(NODE, F_OK) == 0;
    entry = (registry){API_VERSION, registry_name, count, get, no_address, NULL};
    /* What ggml's CUDA backend says of each card. */
    printf("  Device 0: Stand-in Card, compute capability 9.0, VMM: no, VRAM: 8192 MiB\n");
    fflush(stdout);
    return &entry;
}
