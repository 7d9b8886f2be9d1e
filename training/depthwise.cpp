// Depthwise convolution of bfloat16 or float32 images laid out (N, H, W, C), C a multiple of 16, with
// the padding of TensorFlow's SAME: what the stock CPU kernels do slowly when training.
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

typedef uint16_t half;  // the upper half of a float32
// Sixteen at once: one register with AVX-512, two with AVX2; the compiler sees to that.
typedef float vec __attribute__((vector_size(64)));
typedef uint32_t bits __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(32)));

template <class To, class From> static inline To as(From v) { To to; memcpy(&to, &v, sizeof to); return to; }

static inline vec load(const float* p) { vec v; memcpy(&v, p, sizeof v); return v; }
static inline void store(float* p, vec v) { memcpy(p, &v, sizeof v); }

static inline vec load(const half* p) {
    halves h;
    memcpy(&h, p, sizeof h);
    return as<vec>(__builtin_convertvector(h, bits) << 16);
}

static inline void store(half* p, vec v) {
    bits i = as<bits>(v);
    i += ((i >> 16) & 1) + 0x7fff;
    halves h = __builtin_convertvector(i >> 16, halves);
    memcpy(p, &h, sizeof h);
}

template <class Work> static void share(int n, int threads, Work work) {
    std::vector<std::thread> pool;
    for (int t = 1; t < threads; t++)
        pool.emplace_back([=] { work(t, n * t / threads, n * (t + 1) / threads); });
    work(0, 0, n / threads);
    for (auto& thread : pool) thread.join();
}

template <int K, int S, class T> static void forward_(const T* x, const float* w, const float* b,
                                             T* y, int n, int h, int c, int threads) {
    const int o = h / S, pad = (K - S) / 2;
    share(n, threads, [=](int, int from, int to) {
        for (int i = from; i < to; i++) for (int oy = 0; oy < o; oy++) for (int ox = 0; ox < o; ox++)
            for (int q = 0; q < c; q += 16) {
                vec sum = load(b + q);
                for (int ky = 0; ky < K; ky++) {
                    int iy = oy * S + ky - pad;
                    if (iy < 0 || iy >= h) continue;
                    for (int kx = 0; kx < K; kx++) {
                        int ix = ox * S + kx - pad;
                        if (ix < 0 || ix >= h) continue;
                        sum += load(x + (((size_t)i * h + iy) * h + ix) * c + q) * load(w + (ky * K + kx) * c + q);
                    }
                }
                store(y + (((size_t)i * o + oy) * o + ox) * c + q, sum);
            }
    });
}

template <int K, int S, class T> static void images_(const T* g, const float* w, T* dx,
                                            int n, int h, int c, int threads) {
    const int o = h / S, pad = (K - S) / 2;
    share(n, threads, [=](int, int from, int to) {
        for (int i = from; i < to; i++) for (int iy = 0; iy < h; iy++) for (int ix = 0; ix < h; ix++)
            for (int q = 0; q < c; q += 16) {
                vec sum = vec{};
                for (int ky = (iy + pad) % S; ky < K; ky += S) {
                    int oy = (iy + pad - ky) / S;
                    if (iy + pad < ky || oy >= o) continue;
                    for (int kx = (ix + pad) % S; kx < K; kx += S) {
                        int ox = (ix + pad - kx) / S;
                        if (ix + pad < kx || ox >= o) continue;
                        sum += load(g + (((size_t)i * o + oy) * o + ox) * c + q) * load(w + (ky * K + kx) * c + q);
                    }
                }
                store(dx + (((size_t)i * h + iy) * h + ix) * c + q, sum);
            }
    });
}

template <int K, int S, class T> static void kernel_(const T* x, const T* g, float* dw, float* db,
                                            int n, int h, int c, int threads) {
    const int o = h / S, pad = (K - S) / 2;
    const size_t size = (size_t)(K * K + 1) * c;  // the kernel, then the bias
    std::vector<float> parts(threads * size, 0.0f);
    float* all = parts.data();
    share(n, threads, [=](int t, int from, int to) {
        float* mine = all + t * size;
        // Row by row, so that what is read again is still in the nearest cache.
        for (int i = from; i < to; i++) for (int oy = 0; oy < o; oy++) for (int ky = 0; ky < K; ky++) {
            int iy = oy * S + ky - pad;
            if (iy < 0 || iy >= h) continue;
            for (int q = 0; q < c; q += 16) {
                vec sum[K];
                for (int kx = 0; kx < K; kx++) sum[kx] = load(mine + (ky * K + kx) * c + q);
                vec bias = load(mine + K * K * c + q);
                const T* row = x + (((size_t)i * h + iy) * h) * c + q;
                const T* out = g + (((size_t)i * o + oy) * o) * c + q;
                for (int ox = 0; ox < o; ox++) {
                    vec v = load(out + (size_t)ox * c);
                    if (ky == pad) bias = bias + v;  // a row that is always inside
                    int left = ox * S - pad;
                    if (left >= 0 && left + K <= h) {
#pragma GCC unroll 5
                        for (int kx = 0; kx < K; kx++) sum[kx] += v * load(row + (size_t)(left + kx) * c);
                    } else {
#pragma GCC unroll 5
                        for (int kx = 0; kx < K; kx++)
                            if (left + kx >= 0 && left + kx < h) sum[kx] += v * load(row + (size_t)(left + kx) * c);
                    }
                }
                store(mine + K * K * c + q, bias);
                for (int kx = 0; kx < K; kx++) store(mine + (ky * K + kx) * c + q, sum[kx]);
            }
        }
    });
    memset(dw, 0, sizeof(float) * K * K * c);
    memset(db, 0, sizeof(float) * c);
    for (int t = 0; t < threads; t++) {
        for (int j = 0; j < K * K * c; j++) dw[j] += all[t * size + j];
        for (int j = 0; j < c; j++) db[j] += all[t * size + K * K * c + j];
    }
}

#define EACH(call) \
    if (k == 3 && s == 1) call(3, 1); else if (k == 3) call(3, 2); \
    else if (s == 1) call(5, 1); else call(5, 2);

#define EXPORT(T, NAME) \
    void forward_##NAME(const T* x, const float* w, const float* b, T* y, int n, int h, int c, int k, int s, int t) { \
        EACH(FORWARD) \
    } \
    void images_##NAME(const T* g, const float* w, T* dx, int n, int h, int c, int k, int s, int t) { EACH(IMAGES) } \
    void kernel_##NAME(const T* x, const T* g, float* dw, float* db, int n, int h, int c, int k, int s, int t) { \
        EACH(KERNEL) \
    }
#define FORWARD(K, S) forward_<K, S>(x, w, b, y, n, h, c, t)
#define IMAGES(K, S) images_<K, S>(g, w, dx, n, h, c, t)
#define KERNEL(K, S) kernel_<K, S>(x, g, dw, db, n, h, c, t)

extern "C" {
EXPORT(half, bfloat16)
EXPORT(float, float32)
}
