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

    /// A system that starts two threads and no more, as in a container with a limit.
    @Test func threadsThatCannotBeStartedAreDoneWithout() {
        var (alive, asked) = (0, 0)
        let workers = Workers(count: 8) { body in
            asked += 1
            // Those of a first attempt have ended by the second.
            if asked == 4 { alive = 0 }
            guard alive < 2, startThread(body) else { return false }
            alive += 1
            return true
        }
        #expect(workers.count == 3)
        #expect(workers.notice?.contains("only 3 of 8 threads") == true)
        let done = (0..<100).map { _ in Counter() }
        workers.share(100) { item, worker in done[item].value.add(worker < 3 ? 1 : 2, ordering: .relaxed) }
        #expect(done.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
        #expect(Workers(count: 8) { _ in false }.count == 1)
        #expect(Workers(count: 2).notice == nil)
    }

    /// An atomic number that an array can hold.
    private final class Counter: Sendable { let value = Atomic(0) }
}
