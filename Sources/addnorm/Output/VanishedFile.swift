import Foundation

/// Models and data are read from memory-mapped files. If one of them is cut off by another program meanwhile, or its disk fails,
/// the system says so by a signal; this makes an error for a person of it.
enum VanishedFile {
    private static let message: StaticString =
        "addnorm: a file was cut off by another program while it was being read, or its disk failed\n"

    /// Takes over the signal from here on.
    static func watch() {
        // Read once here, so that the handler finds it initialised: a signal handler must not wait.
        _ = message
        signal(SIGBUS) { _ in
            write(STDERR_FILENO, VanishedFile.message.utf8Start, VanishedFile.message.utf8CodeUnitCount)
            _exit(1)
        }
    }
}
