import CKernels
import Dispatch
import Foundation
import Synchronization

/// What computes: the threads that share the work of a kernel, and the library that multiplies matrices on them.
///
/// A kernel splits its rows, or its columns, into one range per worker, or hands out items one by one.
package struct Workers: Sendable {
    /// The number of threads, at least 1.
    package let count: Int
    /// How many more were asked for than the system would start.
    private let missing: Int
    /// What multiplies matrices on each of the threads.
    package private(set) var products: Products
    /// What multiplies those of 8 bits.
    package let int8Products: Int8Products
    /// Whether those of 16 bits are multiplied without the processor's own instruction, to the same bits. Where it has none, they always are.
    package let emulatesBFloat16: Bool
    /// The threads besides the calling one; nil if there are none.
    private let team: Team?

    /// More threads than any machine has would only take time.
    package static let mostThreads = 4096

    /// Creates workers on `count` threads, or as many as the system starts; by default one for each of the ``AvailableProcessors``. The threads
    /// end with the last copy.
    package init(
        count: Int? = nil, products: Products = .chosen, int8Products: Int8Products = .chosen,
        emulatesBFloat16: Bool = false
    ) {
        self.init(
            count: count ?? AvailableProcessors.here.count, products: products, int8Products: int8Products,
            emulatesBFloat16: emulatesBFloat16, start: startThread)
    }

    /// - Parameter start: starts a thread; false if it cannot
    package init(
        count asked: Int, products: Products = .chosen, int8Products: Int8Products = .chosen,
        emulatesBFloat16: Bool = false, start: (@escaping @Sendable () -> Void) -> Bool
    ) {
        precondition(asked >= 1, "at least one thread is needed")
        var others = asked - 1
        var team: Team?
        while others > 0, team == nil { team = Team(&others, start: start) }
        (self.team, self.products, self.int8Products) = (team, products, int8Products)
        self.emulatesBFloat16 = emulatesBFloat16 || ck_has_bfloat16() == 0
        (count, missing) = (others + 1, asked - others - 1)
    }

    /// What to tell if there are fewer threads than were asked for.
    package var notice: String? {
        missing == 0
            ? nil
            : "only \(count) of \(count + missing) threads can be started: the system allows no more (see 'ulimit -u', or the limit of the"
                + " container)"
    }

    /// The same threads, with other products.
    package func with(_ products: Products) -> Workers {
        var workers = self
        workers.products = products
        return workers
    }

    /// Of fewer rows than that, not each thread has enough.
    package var fewRows: Int { count == 1 ? 0 : 64 * count }

    /// Splits `0 ..< n` into contiguous ranges and calls `body` with each, on all threads at once. The ranges depend on
    /// `n` and the number of threads only. `body` must not split again.
    ///
    /// - Parameter grain: the smallest range that is worth a thread.
    package func split(_ n: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
        split(n, grain: grain) { _, range in body(range) }
    }

    /// Splits `0 ..< n` in the same way, for a `body` that needs memory of its own: it is told the number of the thread, which is
    /// below ``count``.
    func split(_ n: Int, grain: Int = 1, _ body: (_ worker: Int, Range<Int>) -> Void) {
        let parts = min(count, n / max(grain, 1))
        guard parts > 1, let team else {
            if n > 0 { body(0, 0..<n) }
            return
        }
        team.run { part in
            if part < parts { body(part, n * part / parts..<n * (part + 1) / parts) }
        }
    }

    /// Calls `body` with every item of `0 ..< n` and the number of the thread, which is below ``count``. Each thread takes the next
    /// item when it is done with one, so that items may take unequal time. `body` must not split again.
    package func share(_ n: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
        guard n > 1, let team else {
            for item in 0..<n { body(item, 0) }
            return
        }
        let next = Atomic(0)
        team.run { worker in
            while true {
                let item = next.add(1, ordering: .relaxed).oldValue
                if item >= n { return }
                body(item, worker)
            }
        }
    }
}

extension Workers {
    /// The results of `transform` for `0 ..< n`, in their order. Each thread takes `chunk` of them at a time: 1 where each is a long
    /// piece of work. `transform` must not split.
    package func map<Result>(_ n: Int, chunk: Int = 64, _ transform: (Int) -> Result) -> [Result] {
        Array(unsafeUninitializedCapacity: n) { results, count in
            let first = results.baseAddress
            share((n + chunk - 1) / chunk) { item, _ in
                for index in item * chunk..<min((item + 1) * chunk, n) {
                    (first! + index).initialize(to: transform(index))
                }
            }
            count = n
        }
    }
}

/// Threads that wait for work. They spin for some microseconds before they sleep, because the kernels of a step follow each
/// other more closely than the kernel wakes a thread.
private final class Team: Sendable {
    private let shared: Shared

    /// - Parameter count: how many there are to be. If so many cannot be started, as many as could be, and there is no team.
    init?(_ count: inout Int, start: (@escaping @Sendable () -> Void) -> Bool) {
        shared = Shared(count: count)
        for index in 0..<count {
            guard start({ [shared] in shared.work(as: index) }) else {
                count = index
                return nil
            }
        }
    }

    deinit { shared.turn.withLock { shared.begin(nil) } }

    /// Calls `job` with 0 on the calling thread and with 1, 2, … on the others, and returns when all have returned.
    func run(_ job: (Int) -> Void) {
        shared.turn.withLock {
            withoutActuallyEscaping(job) { job in
                shared.begin(job)
                job(0)
                shared.waitForAll()
            }
        }
    }

    /// What the threads and their owner know of each other.
    private final class Shared: Sendable {
        private final class Seat: Sendable {
            let isAsleep = Atomic(false)
            let wake = DispatchSemaphore(value: 0)
        }

        /// Held by the thread that has given the others something to do, until they have done it. ThreadSanitizer knows locks of this kind, not `Mutex`.
        let turn = NSLock()
        private let seats: [Seat]
        /// Counts the jobs; a new number is the sign to begin.
        private let round = Atomic(0)
        private let running = Atomic(0)
        /// Written before `round` is raised, and read after it has been seen to rise: never both at once. The closures that
        /// the threads share write to the rows or columns of their range only, which the compiler cannot see either.
        nonisolated(unsafe) private var job: ((Int) -> Void)?

        /// About 50 µs on current processors.
        private static let spins = 2000

        init(count: Int) { seats = (0..<count).map { _ in Seat() } }

        /// - Parameter job: nil ends the threads
        func begin(_ job: ((Int) -> Void)?) {
            self.job = job
            running.store(seats.count, ordering: .relaxed)
            round.add(1, ordering: .sequentiallyConsistent)
            for seat in seats where seat.isAsleep.exchange(false, ordering: .sequentiallyConsistent) {
                seat.wake.signal()
            }
        }

        func waitForAll() {
            var turns = 0
            while running.load(ordering: .acquiring) > 0 {
                turns += 1
                // There may be more threads than processors.
                if turns < Self.spins { ck_pause() } else { sched_yield() }
            }
            job = nil
        }

        func work(as index: Int) {
            var seen = 0
            while true {
                seen = waitForRound(after: seen, seats[index])
                guard perform(index + 1) else { return }
                running.subtract(1, ordering: .releasing)
            }
        }

        /// A function of its own, so that nothing holds the job any more when it is reported as done: it must not escape.
        @inline(never)
        private func perform(_ part: Int) -> Bool {
            guard let job else { return false }
            job(part)
            return true
        }

        private func waitForRound(after seen: Int, _ seat: Seat) -> Int {
            // A thread that is done before all others have been woken can be woken once more for the same job.
            while true {
                for _ in 0..<Self.spins {
                    let round = round.load(ordering: .acquiring)
                    if round != seen { return round }
                    ck_pause()
                }
                seat.isAsleep.store(true, ordering: .sequentiallyConsistent)
                // A job that began before the line above has sent no signal, unless it saw that line.
                let isLate = round.load(ordering: .sequentiallyConsistent) != seen
                if !isLate || !seat.isAsleep.exchange(false, ordering: .sequentiallyConsistent) {
                    seat.wake.wait()
                }
            }
        }
    }
}
