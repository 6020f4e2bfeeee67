import Foundation
import Kernels
import Transformer

// What work needs at least is told before it is begun: memory that is not there ends a process without a word.

extension Configuration {
    /// Refuses texts for which this machine has not the memory.
    ///
    /// - Throws: ``ModelError`` that says how much is needed, and what lowers it.
    package func requireMemory(for sequences: TokenSequences, on workers: Workers) throws {
        let longest = sequences.indices.reduce(0) { max($0, sequences.length($1)) }
        try Self.requireMemory(
            floats: Double(sequences.count) * Double(2 * labels.count) + floats(forLongest: longest, on: workers),
            for: "classifying \(sequences.count) texts of up to \(longest) tokens",
            "lower --max-length, or give fewer texts at a time")
    }

    /// The same for explaining a text, in which each word is left out in turn.
    func requireMemory(forExplaining length: Int, words: Int, on workers: Workers) throws {
        try Self.requireMemory(
            floats: 3 * floats(forLongest: length, on: workers) + 2 * Double(words) * Double(length),
            for: "explaining a text of \(length) tokens", "lower --max-length")
    }

    /// What a pass over one text needs at least: attention probabilities of some rows of a head for each thread, and some rows of hidden states.
    package func floats(forLongest length: Int, on workers: Workers) -> Double {
        let rows = min(length, AttentionShape.mostRows(of: length))
        let perToken = 6 * hiddenSize + (isGated ? 2 : 1) * intermediateSize
        return Double(length) * Double(workers.count * rows + perToken)
    }

    /// - Throws: ``ModelError`` if this machine has less memory.
    package static func requireMemory(floats: Double, for work: String, _ remedy: String) throws {
        let (needed, available) = (4 * floats / 1e9, Double(ProcessInfo.processInfo.physicalMemory) / 1e9)
        guard needed > available else { return }
        throw ModelError(
            String(
                format: "\(work) needs at least %.0f GB of memory, and this machine has %.0f GB; \(remedy)", needed,
                available))
    }
}
