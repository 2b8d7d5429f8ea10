import CEmanateKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The one thread pool: compute blocks first, loading jobs in what is left.
///
/// `forEach` cuts work into blocks whose sizes depend on the problem's shape only; threads take blocks in any
/// order, so results never depend on how many threads there are. Loading jobs (`submit`) run when no block is
/// open, on workers and on a training thread that waits for a batch (`work(until:)`).
///
/// `@unchecked Sendable`: every mutable field is guarded by `lock` or is atomic; `body` and `count` are
/// written only while no worker is inside the job (`inside == 0`) and published by `generation`; `workers` belongs
/// to whoever holds `isTaken`.
public final class ThreadPool: @unchecked Sendable {
  /// The process's pool. One thread a core until `resize(to:)` says otherwise.
  public static let shared = ThreadPool(threads: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  /// Threads that take blocks, the calling one included.
  public var threads: Int { threadCount.load(ordering: .relaxed) }

  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let progress = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  private var body: UnsafePointer<(Int) -> Void>?
  private var count = 0
  private var isOpen = false
  private var sleepers = 0
  private var inside = 0
  /// Queued from `firstJob` on; a job that was taken is let go at once, with the memory it holds.
  private var jobs: [(@Sendable () -> Void)?] = []
  private var firstJob = 0
  private var workers: [pthread_t] = []
  private var isStopping = false

  private let threadCount: Atomic<Int>
  private let isTaken = Atomic<Bool>(false)
  private let next = Atomic<Int>(0)
  private let generation = Atomic<Int>(0)
  private let insideCount = Atomic<Int>(0)

  /// A pool of its own, for tests; `resize(to: 1)` ends its threads.
  package init(threads: Int) {
    threadCount = Atomic(threads)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wake, nil)
    pthread_cond_init(progress, nil)
    start()
  }

  /// Changes the number of threads. Waits for a `forEach` that is running.
  public func resize(to threads: Int) {
    precondition(threads >= 1, "ThreadPool.resize: \(threads) threads; at least 1 is needed")
    // Holds the place of a `forEach`, so that none runs meanwhile and resizes follow one another.
    while isTaken.exchange(true, ordering: .acquiringAndReleasing) { sched_yield() }
    defer { isTaken.store(false, ordering: .releasing) }
    guard threads != self.threads else { return }
    pthread_mutex_lock(lock)
    isStopping = true
    generation.add(1, ordering: .releasing)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(lock)
    for worker in workers { pthread_join(worker, nil) }
    workers = []
    isStopping = false
    threadCount.store(threads, ordering: .relaxed)
    start()
  }

  /// Runs `body(0)`, ..., `body(count - 1)`, each once, on all threads; returns when all are done.
  ///
  /// Inside another `forEach` it runs in place, one after the other.
  public func forEach(_ count: Int, _ body: (Int) -> Void) {
    if count <= 0 { return }
    if count == 1 || threads == 1 || isTaken.exchange(true, ordering: .acquiringAndReleasing) {
      for index in 0..<count { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { body in
        pthread_mutex_lock(lock)
        self.body = body
        self.count = count
        next.store(0, ordering: .relaxed)
        isOpen = true
        generation.add(1, ordering: .releasing)
        if sleepers > 0 { pthread_cond_broadcast(wake) }
        pthread_mutex_unlock(lock)

        take(body, count)

        pthread_mutex_lock(lock)
        isOpen = false
        pthread_mutex_unlock(lock)
        var spins = 0
        while insideCount.load(ordering: .acquiring) > 0 && spins < Self.spinLimit {
          spins += 1
          pause()
        }
        pthread_mutex_lock(lock)
        while inside > 0 { pthread_cond_wait(progress, lock) }
        self.body = nil
        pthread_mutex_unlock(lock)
      }
    }
    isTaken.store(false, ordering: .releasing)
  }

  /// Runs `body(chain, link)` for every link of every chain, each once, on all threads; a chain's links run one after
  /// the other, in order, and the first links of all chains come before the second ones.
  ///
  /// For sums whose order must not depend on the threads: long first links keep a sum in cache, short last ones let
  /// threads finish together.
  public func forEach(_ chains: Int, links: Int, _ body: (_ chain: Int, _ link: Int) -> Void) {
    let done = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: chains)
    for chain in 0..<chains { (done + chain).initialize(to: Atomic(0)) }
    defer {
      done.deinitialize(count: chains)
      done.deallocate()
    }
    // Indices are taken in order, so whoever has the link before this one has begun it.
    forEach(chains * links) { index in
      let (link, chain) = index.quotientAndRemainder(dividingBy: chains)
      while done[chain].load(ordering: .acquiring) < link { pause() }
      body(chain, link)
      done[chain].store(link + 1, ordering: .releasing)
    }
  }

  /// Queues a loading job; it runs when no block is open. Jobs must not call `forEach`.
  public func submit(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(lock)
    jobs.append(job)
    generation.add(1, ordering: .releasing)
    if sleepers > 0 { pthread_cond_signal(wake) }
    pthread_mutex_unlock(lock)
  }

  /// Runs loading jobs on the calling thread until `isDone()`; sleeps while there are none to take.
  ///
  /// `isDone` is asked again after each job that any thread finishes.
  public func work(until isDone: () -> Bool) {
    while !isDone() {
      if let job = popJob() {
        job()
        announce()
      } else {
        pthread_mutex_lock(lock)
        if jobs.count == firstJob && !isDone() { pthread_cond_wait(progress, lock) }
        pthread_mutex_unlock(lock)
      }
    }
  }

  // MARK: Workers

  /// Pauses before a thread sleeps: about 100 microseconds. A sleeping thread takes as long to wake, and there are some
  /// thousand calls a training step.
  private static let spinLimit = 6_000

  @inline(__always) private func pause() { em_spin_pause() }

  private func start() {
    for _ in 1..<max(threads, 1) {
      #if canImport(Glibc)
        var thread = pthread_t()
      #else
        var thread: pthread_t? = nil
      #endif
      let box = Unmanaged.passRetained(self)
      pthread_create(
        &thread, nil,
        { pointer in
          #if canImport(Glibc)
            let pool = Unmanaged<ThreadPool>.fromOpaque(pointer!).takeRetainedValue()
          #else
            let pool = Unmanaged<ThreadPool>.fromOpaque(pointer).takeRetainedValue()
          #endif
          pool.workerLoop()
          return nil
        }, box.toOpaque())
      #if canImport(Glibc)
        workers.append(thread)
      #else
        workers.append(thread!)
      #endif
    }
  }

  /// Not inlined, so that no reference to the closure outlives the call.
  @inline(never)
  private func take(_ body: UnsafePointer<(Int) -> Void>, _ count: Int) {
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      if index >= count { return }
      body.pointee(index)
    }
  }

  private func workerLoop() {
    var seen = generation.load(ordering: .acquiring)
    while true {
      pthread_mutex_lock(lock)
      if isStopping {
        pthread_mutex_unlock(lock)
        return
      }
      if isOpen, let body, next.load(ordering: .relaxed) < count {
        let count = count
        inside += 1
        insideCount.add(1, ordering: .relaxed)
        pthread_mutex_unlock(lock)
        take(body, count)
        pthread_mutex_lock(lock)
        inside -= 1
        insideCount.subtract(1, ordering: .releasing)
        if inside == 0 { pthread_cond_broadcast(progress) }
        pthread_mutex_unlock(lock)
        continue
      }
      if firstJob < jobs.count {
        let job = takeJobLocked()
        pthread_mutex_unlock(lock)
        job()
        announce()
        continue
      }
      seen = generation.load(ordering: .acquiring)
      pthread_mutex_unlock(lock)
      var spins = 0
      while generation.load(ordering: .acquiring) == seen && spins < Self.spinLimit {
        spins += 1
        pause()
      }
      if generation.load(ordering: .acquiring) != seen { continue }
      pthread_mutex_lock(lock)
      sleepers += 1
      while generation.load(ordering: .relaxed) == seen && !isStopping { pthread_cond_wait(wake, lock) }
      sleepers -= 1
      pthread_mutex_unlock(lock)
    }
  }

  private func popJob() -> (@Sendable () -> Void)? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return firstJob < jobs.count ? takeJobLocked() : nil
  }

  private func takeJobLocked() -> @Sendable () -> Void {
    let job = jobs[firstJob]!
    jobs[firstJob] = nil
    firstJob += 1
    if 2 * firstJob >= jobs.count {
      jobs.removeFirst(firstJob)
      firstJob = 0
    }
    return job
  }

  private func announce() {
    pthread_mutex_lock(lock)
    pthread_cond_broadcast(progress)
    pthread_mutex_unlock(lock)
  }
}
