import ArgumentParser
import Datasets
import Foundation

/// Which part of the work is this process's, where several share it.
struct ShardOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Do part I of N of the files, I from 0; /N leaves I to the job. (default: in a job of several, its own part, by SLURM_ARRAY_TASK_ID and \
            SLURM_ARRAY_TASK_COUNT, JOB_COMPLETION_INDEX (with /N), or OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE; else all)
            """, valueName: "i/n"))
    var shard: WantedShard?

    /// The part of this process; nil: all.
    ///
    /// - Throws: an error if the environment says which part it is, but not of how many, or what it says is no part.
    func shard(
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Shard? {
        if case .exactly(let shard) = shard { return shard }
        let wanted: Int? = if case .of(let count) = shard { count } else { nil }
        guard let job = Job.all.first(where: { environment[$0.index] != nil }) else {
            guard let wanted else { return nil }
            let names = Job.all.map(\.index).joined(separator: ", ")
            throw ValidationError("--shard /\(wanted): none of \(names) says which part of \(wanted) it is.")
        }
        if wanted == nil && job.count.flatMap({ environment[$0] }) == nil {
            throw ValidationError(
                "\(job.index) says which part this is, and nothing of how many: give --shard /N, or 0/1 for all.")
        }
        let shard = try job.shard(in: environment, of: wanted)
        Output.warn("shard \(shard), by \(job.index)")
        return shard
    }
}

/// A part as a user writes it: I/N, or /N.
enum WantedShard: ExpressibleByArgument {
    case exactly(Shard)
    case of(Int)

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[1]), let first = Shard(0, of: count) else { return nil }
        if parts[0].isEmpty {
            self = .of(first.count)
        } else {
            guard let index = Int(parts[0]), let shard = Shard(index, of: count) else { return nil }
            self = .exactly(shard)
        }
    }
}

/// How an engine tells a process its part, by variables of the environment.
private struct Job {
    let index: String
    var count: String?
    /// The first index, and how far one is from the next.
    var first, step: String?

    static let all = [
        Job(
            index: "SLURM_ARRAY_TASK_ID", count: "SLURM_ARRAY_TASK_COUNT", first: "SLURM_ARRAY_TASK_MIN",
            step: "SLURM_ARRAY_TASK_STEP"),
        Job(index: "JOB_COMPLETION_INDEX"),
        Job(index: "OMPI_COMM_WORLD_RANK", count: "OMPI_COMM_WORLD_SIZE"),
    ]

    func shard(in environment: [String: String], of wanted: Int?) throws -> Shard {
        func number(_ name: String?) -> Int? { name.flatMap { environment[$0] }.flatMap { Int($0) } }
        // With a count that was given, others can be parts of the same work: nothing is counted from the first of these.
        let (first, step) = wanted == nil ? (number(first) ?? 0, max(1, number(step) ?? 1)) : (0, 1)
        guard let index = number(index), let count = wanted ?? number(count), index >= first, first >= 0,
            (index - first).isMultiple(of: step), let shard = Shard((index - first) / step, of: count)
        else {
            let found = [self.index, wanted == nil ? count : nil].compactMap { $0 }
                .map { "\($0)=\(environment[$0] ?? "")" }.joined(separator: " ")
            throw ValidationError(
                "\(found) is no part\(wanted.map { " of \($0)" } ?? ""): give --shard I/N, with I from 0 to N - 1.")
        }
        return shard
    }
}
