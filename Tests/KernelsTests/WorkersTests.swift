import Foundation
import Kernels
import Synchronization
import Testing

@Suite struct WorkersTests {
    /// Many short jobs, on more threads than there are processors, and with pauses in which the threads fall asleep.
    @Test(arguments: [1, 2, 7]) func everyPartIsDoneOnce(_ threads: Int) {
        let workers = Workers(count: threads)
        for round in 0..<2000 {
            let done = (0..<threads * 3).map { _ in Counter() }
            let n = round % done.count + 1
            if round % 2 == 0 {
                workers.split(n) { for index in $0 { done[index].value.add(1, ordering: .relaxed) } }
            } else {
                workers.share(n) { item, worker in done[item].value.add(worker < threads ? 1 : 2, ordering: .relaxed) }
            }
            #expect(done.prefix(n).allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
            #expect(done.dropFirst(n).allSatisfy { $0.value.load(ordering: .relaxed) == 0 })
            if round % 500 == 0 { usleep(2000) }
        }
    }

    /// An atomic number that an array can hold.
    private final class Counter: Sendable { let value = Atomic(0) }
}
