import EmanateKernels
import Synchronization
import Testing

/// Counts how often each index was seen.
private final class Counts: Sendable {
  private let counts: Mutex<[Int]>
  init(_ count: Int) { counts = Mutex(Array(repeating: 0, count: count)) }
  func note(_ index: Int) { counts.withLock { $0[index] += 1 } }
  var all: [Int] { counts.withLock { $0 } }
}

private func withPool(_ threads: Int, _ body: (ThreadPool) -> Void) {
  let pool = ThreadPool(threads: threads)
  body(pool)
  pool.resize(to: 1)  // workers hold their pool
}

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 7])
  func `every index runs once, whatever the number of threads`(threads: Int) {
    withPool(threads) { pool in
      for count in [0, 1, 2, 3, 5, 64, 1000] {
        let counts = Counts(count)
        pool.forEach(count) { counts.note($0) }
        #expect(counts.all.allSatisfy { $0 == 1 }, "\(count) blocks")
      }
    }
  }

  @Test(arguments: [1, 2, 3])
  func `a loop inside a loop runs in place`(threads: Int) {
    withPool(threads) { pool in
      let counts = Counts(60)
      pool.forEach(6) { outer in pool.forEach(10) { inner in counts.note(outer * 10 + inner) } }
      #expect(counts.all == Array(repeating: 1, count: 60))
    }
  }

  @Test(arguments: [1, 2, 3, 7])
  func `a chain's links run once and in order, whatever the number of threads`(threads: Int) {
    withPool(threads) { pool in
      for (chains, links) in [(0, 2), (1, 5), (3, 1), (2, 40), (8, 2)] {
        let seen = (0..<chains).map { _ in Counts(links) }
        let early = Counts(1)
        for _ in 0..<20 {
          let running = Mutex(Array(repeating: 0, count: chains))
          pool.forEach(chains, links: links) { chain, link in
            seen[chain].note(link)
            if running.withLock({ $0[chain] }) != link { early.note(0) }
            if chain == 0 && link == 0 { for _ in 0..<20_000 { _ = running.withLock { $0[0] } } }
            running.withLock { $0[chain] = link + 1 }
          }
        }
        #expect(early.all == [0], "\(chains) chains of \(links)")
        #expect(seen.allSatisfy { $0.all.allSatisfy { $0 == 20 } }, "\(chains) chains of \(links)")
      }
    }
  }

  @Test func `many short loops one after the other lose no block`() {
    withPool(3) { pool in
      let total = Atomic<Int>(0)
      for _ in 0..<2000 { pool.forEach(4) { _ in total.add(1, ordering: .relaxed) } }
      #expect(total.load(ordering: .relaxed) == 8000)
    }
  }

  @Test(arguments: [1, 2, 3])
  func `a waiting thread runs loading jobs until it has what it waits for`(threads: Int) {
    withPool(threads) { pool in
      let (done, counts) = (Counter(), Counts(50))
      for index in 0..<50 {
        pool.submit {
          counts.note(index)
          done.increase()
        }
      }
      pool.work(until: { done.value == 50 })
      #expect(counts.all == Array(repeating: 1, count: 50))
    }
  }

  @Test func `a job that has run is let go though others still wait`() {
    withPool(1) { pool in
      let (run, released) = (Counter(), Counter())
      for _ in 0..<30 {
        let load = Load(released)
        pool.submit { withExtendedLifetime(load) { run.increase() } }
      }
      for expected in [1, 7, 20, 29] {
        pool.work(until: { run.value == expected })
        #expect(released.value == expected)
      }
      pool.work(until: { run.value == 30 })
    }
  }

  @Test func `jobs and blocks run beside each other`() {
    withPool(2) { pool in
      let jobs = Counter()
      let blocks = Atomic<Int>(0)
      for _ in 0..<100 {
        pool.submit { jobs.increase() }
        pool.forEach(8) { _ in blocks.add(1, ordering: .relaxed) }
      }
      pool.work(until: { jobs.value == 100 })
      #expect(blocks.load(ordering: .relaxed) == 800)
    }
  }

  @Test func `a pool changes its size and keeps working, waiting jobs included`() {
    withPool(1) { pool in
      let jobs = Counter()
      for threads in [1, 3, 2, 1, 4] {
        for _ in 0..<10 { pool.submit { jobs.increase() } }
        pool.resize(to: threads)
        #expect(pool.threads == threads)
        let counts = Counts(20)
        pool.forEach(20) { counts.note($0) }
        #expect(counts.all == Array(repeating: 1, count: 20))
      }
      pool.work(until: { jobs.value == 50 })
      #expect(jobs.value == 50)
    }
  }
}

/// What a job holds; counts its own end.
private final class Load: Sendable {
  private let released: Counter
  init(_ released: Counter) { self.released = released }
  deinit { released.increase() }
}

private final class Counter: Sendable {
  private let count = Mutex(0)
  func increase() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
