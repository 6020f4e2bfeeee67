import Foundation
import Synchronization

/// Ctrl-C, SIGTERM and a closed terminal: the first signal asks for a clean end, another one two
/// seconds later, or more, ends the process at once. (Wrappers send one signal twice, to the process and to its group.)
enum Interrupt {
    /// When the first signal came, in seconds since 1970; 0: none has.
    private static let first = Atomic(0)

    static var isRaised: Bool { first.load(ordering: .relaxed) != 0 }

    /// Takes over the signals from here on.
    static func watch() {
        // Read once here, so that the handler finds it initialised: a signal handler must not wait.
        _ = isRaised
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            sigaddset(&set, number)
            let previous = signal(number) { _ in
                let now = time(nil)
                let (wasFirst, earlier) = Interrupt.first.compareExchange(expected: 0, desired: now, ordering: .relaxed)
                if !wasFirst && now - earlier > 1 { _exit(130) }
            }
            // nohup has asked that a closed terminal be ignored.
            if number == SIGHUP, unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
                signal(SIGHUP, SIG_IGN)
            }
        }
        // A parent can have left them blocked, as threads of a pool do that start a process.
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
