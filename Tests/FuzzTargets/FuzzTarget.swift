/// A format of files that strangers may write, with a function that reads bytes as such a file.
///
/// Nothing is read from the disk or written to it. Every invariant that does not hold ends the process, as a crash does.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case tsv, csv, jsonl, lines, gzip, json, tokenizer, config, safetensors, pytorch, pickle, checkpoint

    /// Reads bytes as a file of the format. Returns if they are refused by an error, or read as they should be.
    package func run(_ bytes: [UInt8]) {
        switch self {
        case .tsv: fuzzTable(bytes, .tsv)
        case .csv: fuzzTable(bytes, .csv)
        case .jsonl: fuzzTable(bytes, .jsonl)
        case .lines: fuzzLines(bytes)
        case .gzip: fuzzGzip(bytes)
        case .json: fuzzJSON(bytes)
        case .tokenizer: fuzzTokenizer(bytes)
        case .config: fuzzConfiguration(bytes)
        case .safetensors: fuzzSafeTensors(bytes)
        case .pytorch: fuzzPickledTensors(bytes)
        case .pickle: fuzzPickle(bytes)
        case .checkpoint: fuzzCheckpoint(bytes)
        }
    }
}
