// A parallel loop that waits for nobody who has not begun.
//
// A decode step is some two hundred loops of a few microseconds each. OpenMP waits at the end of each until all of its
// threads have done their share: with a browser on the same two cores a step then takes ten times as long. Here every thread
// has a share of its own too, which it reads from its beginning to its end as the processor likes it, but in pieces, and
// who is done takes pieces of the others'. The share of a helper that is not running is done by the caller.

#pragma once

#include "common.h"

#include <atomic>
#include <mutex>
#include <thread>

// OpenMP's, if torch was built with it; it sets the number of threads for the calling thread alone.
extern "C" {
__attribute__((weak)) void omp_set_num_threads(int);
__attribute__((weak)) int omp_get_max_threads();
}

namespace refreshkv {

// The threads OpenMP had before `hold_openmp`, or 0 while it is not held.
inline thread_local int held_threads = 0;

// Keep OpenMP to the calling thread and let this pool have the others, or give them back. After a parallel loop OpenMP's
// threads look for the next one for some milliseconds, on the processors that the helpers need.
inline void hold_openmp(bool hold) {
  if (!omp_set_num_threads || !omp_get_max_threads || hold == (held_threads > 0)) return;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(hold ? 1 : held_threads);
  held_threads = hold ? threads : 0;
}

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

class Pool {
 public:
  // Lives as long as the process, and so do its helpers, which hold nothing.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  template <typename F>
  void run(int64_t count, int64_t grain, const F& function) {
    const int64_t pieces = std::min<int64_t>(kMostPieces, (count + grain - 1) / grain);
    const int64_t threads = std::min<int64_t>({kMostThreads, held_threads, pieces});
    const std::unique_lock<std::mutex> alone(running_, std::try_to_lock);
    if (threads < 2 || !alone) {
      if (count > 0) function(int64_t{0}, count);
      return;
    }
    for (; helpers_ < threads - 1; ++helpers_) std::thread([this, own = helpers_ + 1] { help(own); }).detach();
    call_ = [](const void* data, int64_t begin, int64_t end) { (*static_cast<const F*>(data))(begin, end); };
    data_ = &function;
    count_ = count;
    pieces_ = pieces;
    done_.store(0, std::memory_order_relaxed);
    ++loop_;
    for (int64_t i = 0; i < threads; ++i)
      shares_[i].ticket.store(loop_ << kLoopShift | pieces * (i + 1) / threads << kEndShift | pieces * i / threads,
                              std::memory_order_release);
    threads_.store(threads);
    if (sleeping_.load() > 0) {
      loops_.fetch_add(1);
      loops_.notify_all();
    }
    work(0);
    while (done_.load(std::memory_order_acquire) < pieces) pause();
  }

 private:
  // A share's ticket holds the loop's number, where the share ends, and its next piece, so that one atomic addition takes a
  // piece and tells whether there was one. What belongs to the loop is read only by who has taken a piece: it stays until
  // that is done.
  static constexpr int kEndShift = 20, kLoopShift = 40, kMostThreads = 64;
  static constexpr uint64_t kMask = (1 << kEndShift) - 1;
  static constexpr int64_t kMostPieces = 1 << 12;
  static constexpr int kSpins = 50000;  // some 3 ms: longer than what happens between two loops, and between two steps

  static bool has_piece(uint64_t ticket) { return (ticket & kMask) < (ticket >> kEndShift & kMask); }

  // Do pieces of the share `own` and then of the others', as long as there are any; returns whether there were.
  bool work(int64_t own) {
    const int64_t threads = threads_.load(std::memory_order_acquire);
    int64_t done = 0;
    for (int64_t i = 0; i < threads; ++i) {
      std::atomic<uint64_t>& share = shares_[own + i < threads ? own + i : own + i - threads].ticket;
      while (has_piece(share.load(std::memory_order_acquire))) {
        const uint64_t ticket = share.fetch_add(1, std::memory_order_acq_rel);
        if (!has_piece(ticket)) break;
        const int64_t piece = ticket & kMask;
        call_(data_, piece * count_ / pieces_, (piece + 1) * count_ / pieces_);
        ++done;
      }
    }
    if (done) done_.fetch_add(done, std::memory_order_release);
    return done > 0;
  }

  void help(int64_t own) {
    while (true) {
      for (int spin = 0; spin < kSpins; ++spin) {
        if (work(own)) spin = 0;
        pause();
      }
      const uint32_t loops = loops_.load();
      ++sleeping_;
      if (!work(own)) loops_.wait(loops);
      --sleeping_;
    }
  }

  struct alignas(64) Share {  // apart, so that who takes a piece does not take another's ticket out of its cache
    std::atomic<uint64_t> ticket{0};
  };

  std::mutex running_;
  int64_t helpers_ = 0;
  uint64_t loop_ = 0;
  void (*call_)(const void*, int64_t, int64_t) = nullptr;
  const void* data_ = nullptr;
  int64_t count_ = 0, pieces_ = 0;
  Share shares_[kMostThreads];
  alignas(64) std::atomic<int64_t> threads_{0};
  alignas(64) std::atomic<int64_t> done_{0};
  alignas(64) std::atomic<uint32_t> loops_{0};
  std::atomic<int> sleeping_{0};
};

// Call `function(begin, end)` for all of [0, count), in pieces of about `grain`: in the pool while OpenMP is held, else in
// OpenMP's threads, which would otherwise be looking for work beside the pool's.
template <typename F>
void parallel_for(int64_t count, int64_t grain, const F& function) {
  if (held_threads) {
    Pool::instance().run(count, grain, function);
  } else {
    torch::stable::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) { function(begin, end); });
  }
}

}  // namespace refreshkv
