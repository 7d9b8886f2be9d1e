// Depthwise convolution of bfloat16 images laid out (N, H, W, C), C a multiple of 16, with the
// padding of TensorFlow's SAME: what the stock CPU kernels do slowly when training.
#include <immintrin.h>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

typedef uint16_t half;  // the upper half of a float32

static inline __m512 load(const half* p) {
    __m256i h = _mm256_loadu_si256((const __m256i*)p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

static inline void store(half* p, __m512 v) {
    __m512i i = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(i, 16), _mm512_set1_epi32(1));
    i = _mm512_add_epi32(i, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    _mm256_storeu_si256((__m256i*)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(i, 16)));
}

template <class Work> static void share(int n, int threads, Work work) {
    std::vector<std::thread> pool;
    for (int t = 1; t < threads; t++)
        pool.emplace_back([=] { work(t, n * t / threads, n * (t + 1) / threads); });
    work(0, 0, n / threads);
    for (auto& thread : pool) thread.join();
}

template <int K, int S> static void forward_(const half* x, const float* w, const float* b,
                                             half* y, int n, int h, int c, int threads) {
    const int o = h / S, pad = (K - S) / 2;
    share(n, threads, [=](int, int from, int to) {
        for (int i = from; i < to; i++) for (int oy = 0; oy < o; oy++) for (int ox = 0; ox < o; ox++)
            for (int q = 0; q < c; q += 16) {
                __m512 sum = _mm512_loadu_ps(b + q);
                for (int ky = 0; ky < K; ky++) {
                    int iy = oy * S + ky - pad;
                    if (iy < 0 || iy >= h) continue;
                    for (int kx = 0; kx < K; kx++) {
                        int ix = ox * S + kx - pad;
                        if (ix < 0 || ix >= h) continue;
                        sum = _mm512_fmadd_ps(load(x + (((size_t)i * h + iy) * h + ix) * c + q),
                                              _mm512_loadu_ps(w + (ky * K + kx) * c + q), sum);
                    }
                }
                store(y + (((size_t)i * o + oy) * o + ox) * c + q, sum);
            }
    });
}

template <int K, int S> static void images_(const half* g, const float* w, half* dx,
                                            int n, int h, int c, int threads) {
    const int o = h / S, pad = (K - S) / 2;
    share(n, threads, [=](int, int from, int to) {
        for (int i = from; i < to; i++) for (int iy = 0; iy < h; iy++) for (int ix = 0; ix < h; ix++)
            for (int q = 0; q < c; q += 16) {
                __m512 sum = _mm512_setzero_ps();
                for (int ky = (iy + pad) % S; ky < K; ky += S) {
                    int oy = (iy + pad - ky) / S;
                    if (iy + pad < ky || oy >= o) continue;
                    for (int kx = (ix + pad) % S; kx < K; kx += S) {
                        int ox = (ix + pad - kx) / S;
                        if (ix + pad < kx || ox >= o) continue;
                        sum = _mm512_fmadd_ps(load(g + (((size_t)i * o + oy) * o + ox) * c + q),
                                              _mm512_loadu_ps(w + (ky * K + kx) * c + q), sum);
                    }
                }
                store(dx + (((size_t)i * h + iy) * h + ix) * c + q, sum);
            }
    });
}

template <int K, int S> static void kernel_(const half* x, const half* g, float* dw, float* db,
                                            int n, int h, int c, int threads) {
    const int o = h / S, pad = (K - S) / 2;
    const size_t size = (size_t)(K * K + 1) * c;  // the kernel, then the bias
    std::vector<float> parts(threads * size, 0.0f);
    float* all = parts.data();
    share(n, threads, [=](int t, int from, int to) {
        float* mine = all + t * size;
        for (int i = from; i < to; i++) for (int q = 0; q < c; q += 16) for (int ky = 0; ky < K; ky++) {
            __m512 sum[K];
            for (int kx = 0; kx < K; kx++) sum[kx] = _mm512_loadu_ps(mine + (ky * K + kx) * c + q);
            __m512 bias = _mm512_loadu_ps(mine + K * K * c + q);
            for (int oy = 0; oy < o; oy++) {
                int iy = oy * S + ky - pad;
                if (iy < 0 || iy >= h) continue;
                const half* row = x + (((size_t)i * h + iy) * h) * c + q;
                const half* out = g + (((size_t)i * o + oy) * o) * c + q;
                for (int ox = 0; ox < o; ox++) {
                    __m512 v = load(out + (size_t)ox * c);
                    if (ky == pad) bias = _mm512_add_ps(bias, v);  // a row that is always inside
                    int left = ox * S - pad;
                    if (left >= 0 && left + K <= h) {
#pragma GCC unroll 5
                        for (int kx = 0; kx < K; kx++)
                            sum[kx] = _mm512_fmadd_ps(v, load(row + (size_t)(left + kx) * c), sum[kx]);
                    } else {
#pragma GCC unroll 5
                        for (int kx = 0; kx < K; kx++)
                            if (left + kx >= 0 && left + kx < h)
                                sum[kx] = _mm512_fmadd_ps(v, load(row + (size_t)(left + kx) * c), sum[kx]);
                    }
                }
            }
            _mm512_storeu_ps(mine + K * K * c + q, bias);
            for (int kx = 0; kx < K; kx++) _mm512_storeu_ps(mine + (ky * K + kx) * c + q, sum[kx]);
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

extern "C" {
void forward(const half* x, const float* w, const float* b, half* y, int n, int h, int c, int k, int s, int t) {
#define CALL(K, S) forward_<K, S>(x, w, b, y, n, h, c, t)
    EACH(CALL)
#undef CALL
}
void images(const half* g, const float* w, half* dx, int n, int h, int c, int k, int s, int t) {
#define CALL(K, S) images_<K, S>(g, w, dx, n, h, c, t)
    EACH(CALL)
#undef CALL
}
void kernel(const half* x, const half* g, float* dw, float* db, int n, int h, int c, int k, int s, int t) {
#define CALL(K, S) kernel_<K, S>(x, g, dw, db, n, h, c, t)
    EACH(CALL)
#undef CALL
}
}
