import CKernels
import Foundation

/// How many processors a process may use, and so how many threads it takes where nobody says how many. A job of a cluster and a container often have
/// a part of their machine: more threads than that would only be in each other's way.
package struct AvailableProcessors: Sendable {
    /// At least 1.
    package let count: Int
    /// What to tell of the environment, or nil.
    package let notice: String?

    /// Those of this process.
    package static let here = AvailableProcessors(
        affinity: ck_affinity() > 0 ? Int(ck_affinity()) : ProcessInfo.processInfo.activeProcessorCount,
        quota: (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)).flatMap { groups in
            quota(ofGroups: groups) { try? String(contentsOfFile: $0, encoding: .utf8) }
        },
        openMP: ProcessInfo.processInfo.environment["OMP_NUM_THREADS"])

    /// - Parameters:
    ///   - affinity: the number of processors that the process may run on
    ///   - quota: the processor time that it may take, in seconds per second; nil: as much as there is
    ///   - openMP: what `OMP_NUM_THREADS` is; it counts where it asks for less, as `--threads` can ask for more
    package init(affinity: Int, quota: Double? = nil, openMP: String? = nil) {
        // Up: a quota of 1.5 is more than one thread can take.
        let usable = max(1, Int(min(Double(affinity), quota ?? .infinity).rounded(.up)))
        guard let openMP, !openMP.isEmpty else {
            (count, notice) = (usable, nil)
            return
        }
        // A number for each level of nested threads, of which we have one.
        let levels = openMP.split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0.trimmingCharacters(in: .whitespaces)) ?? 0
        }
        let isValid = levels.allSatisfy { $0 > 0 }
        count = isValid ? min(usable, levels[0]) : usable
        notice = isValid ? nil : "OMP_NUM_THREADS is '\(openMP)', which is no number of threads: it is ignored"
    }

    /// The least processor time that control groups allow a process, in seconds per second; nil: as much as there is. What a group may take, all groups in it
    /// share: see cgroups(7), and `cpu.max` and `cpu.cfs_quota_us` in the kernel's documentation.
    ///
    /// - Parameters:
    ///   - groups: what stands in `/proc/self/cgroup`
    ///   - text: what stands in a file; nil if there is none
    package static func quota(ofGroups groups: String, text: (String) -> String?) -> Double? {
        groups.split(separator: "\n").flatMap { (line: Substring) -> [Double] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            let isVersion2 = fields[1].isEmpty
            guard isVersion2 || fields[1].split(separator: ",").contains(where: { $0 == "cpu" }) else { return [] }
            // A container that sees the path of the machine has its own group at the top.
            let names = fields[2].split(separator: "/").filter { $0 != ".." }
            return (0...names.count).compactMap { depth in
                let top = isVersion2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"
                let folder = names.prefix(depth).reduce(top) { "\($0)/\($1)" }
                let files = isVersion2 ? ["cpu.max"] : ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
                let numbers = files.compactMap { text("\(folder)/\($0)") }.joined(separator: " ").split(
                    whereSeparator: \.isWhitespace)
                // Without a limit, the first is 'max' or -1.
                guard numbers.count == 2, let quota = Double(numbers[0]), let period = Double(numbers[1]),
                    quota > 0, period > 0
                else { return nil }
                return quota / period
            }
        }.min()
    }
}
