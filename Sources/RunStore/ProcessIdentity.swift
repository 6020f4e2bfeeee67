import Foundation

/// A row of work that one process does, with the columns that tell which.
protocol ProcessRecord {
    /// The machine's name.
    var host: String { get set }
    var bootId: String? { get set }
    var processNamespace: String? { get set }
    var processId: Int? { get set }
    var processStart: Int? { get set }
}

extension ProcessRecord {
    /// The process that does the work, or nil in rows of earlier versions.
    var process: ProcessIdentity? {
        processId.map {
            ProcessIdentity(
                host: host, bootId: bootId, namespace: processNamespace, processId: $0, start: processStart)
        }
    }

    /// Makes this process the one that does the work.
    mutating func moveToThisProcess() {
        let process = ProcessIdentity.current
        (host, bootId, processNamespace) = (process.host, process.bootId, process.namespace)
        (processId, processStart) = (process.processId, process.start)
    }
}

/// What tells a process from every other one, also from a later one with the same id.
struct ProcessIdentity: Equatable, Sendable {
    /// The machine's name.
    let host: String
    /// A name that the kernel makes each time it starts, or nil on systems without one.
    let bootId: String?
    /// The kernel's name for the processes that see each other by their ids: a container has another one than its host.
    let namespace: String?
    let processId: Int
    /// When it started, in clock ticks since the boot, or nil if that is not known.
    let start: Int?

    /// The process that runs this code.
    static let current = ProcessIdentity(
        host: ProcessInfo.processInfo.hostName,
        bootId: (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines),
        namespace: try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid"),
        processId: Int(getpid()), start: status(of: Int(getpid()))?.start)

    /// Whether the process has certainly ended. Of a process on another machine or in another container, or one that was recorded
    /// before processes were, nothing is certain.
    var isGone: Bool {
        guard let bootId, let here = Self.current.bootId else { return false }
        // The machine has been started again, or it is another one.
        if bootId != here { return host == Self.current.host }
        return namespace == Self.current.namespace && !isThere
    }

    /// Whether the process is certainly there.
    var isAlive: Bool {
        bootId != nil && bootId == Self.current.bootId && namespace == Self.current.namespace && isThere
    }

    /// Whether this kernel has such a process, in this namespace.
    private var isThere: Bool {
        guard let status = Self.status(of: processId) else {
            // The files of another user's process may be hidden.
            return kill(pid_t(truncatingIfNeeded: processId), 0) == 0 || errno != ESRCH
        }
        return (start == nil || status.start == start) && !status.isZombie
    }

    /// What the kernel tells of a process: see proc_pid_stat(5).
    private static func status(of process: Int) -> (start: Int, isZombie: Bool)? {
        // The name in brackets may have brackets and blanks itself.
        guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = line.lastIndex(of: ")")
        else { return nil }
        let fields = line[line.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let start = Int(fields[19]) else { return nil }
        return (start, fields[0] == "Z" || fields[0] == "X")
    }
}
