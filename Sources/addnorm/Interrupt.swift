import Foundation
import Synchronization

/// Ctrl-C and SIGTERM: the first asks for a clean end, the second ends the process at once.
enum Interrupt {
    private static let flag = Atomic(false)

    static var isRaised: Bool { flag.load(ordering: .relaxed) }

    /// Takes over the two signals from here on.
    static func watch() {
        // Read once here, so that the handler finds it initialised: a signal handler must not wait.
        _ = isRaised
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&set, number)
            signal(number) { _ in
                if Interrupt.flag.exchange(true, ordering: .relaxed) { _exit(130) }
            }
        }
        // A parent can have left them blocked, as threads of a pool do that start a process.
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
