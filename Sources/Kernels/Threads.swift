import CKernels
import Foundation

/// Starts a thread that ends with `body`.
///
/// Foundation and Dispatch do not say that the system would start no more threads, as it does where processes are limited: they wait for ever.
///
/// - Returns: false if it cannot be started
package func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let work = Unmanaged.passRetained(Work(body))
    #if canImport(Darwin)
        var thread: pthread_t?
    #else
        var thread = pthread_t()
    #endif
    let failure = pthread_create(&thread, nil, { perform($0) }, work.toOpaque())
    if failure != 0 {
        work.release()
        return false
    }
    #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
    #else
        pthread_detach(thread)
    #endif
    return true
}

private func perform(_ work: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
    return nil
}

private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Does something on this thread with numbers below 10⁻³⁸ taken for 0: a training that diverges is full of such numbers, and takes twenty
/// times as long with them.
package func withoutSubnormals<Result>(_ body: () throws -> Result) rethrows -> Result {
    ck_flush_subnormals(1)
    defer { ck_flush_subnormals(0) }
    return try body()
}
