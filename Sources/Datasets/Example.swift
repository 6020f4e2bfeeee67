/// One text and, where the data has one, its label.
package struct Example: Sendable, Equatable {
    /// As it stands in the file.
    package let text: String
    /// Nil in data that is read to be classified. Where examples can have several labels: these, sorted, with `|` between them;
    /// empty if there is none.
    package internal(set) var label: String?
    /// The value of ``Layout/groupColumn``; nil if there is none.
    package let group: String?
    /// The file, if it is one of a folder.
    package let file: String?
    /// The place of the file or folder in ``Dataset/sources``.
    package internal(set) var source = 0
    /// The line of the file that the example begins on, from 1.
    package let line: Int

    /// The names of the example's labels.
    ///
    /// - Parameter several: ``Dataset/hasSeveralLabels``
    package func labels(several: Bool) -> [String] {
        guard several else { return label.map { [$0] } ?? [] }
        return (label ?? "").split(at: UInt8(ascii: "|")).filter { !$0.isEmpty }.map(String.init)
    }

    /// An error about the row, of a file or folder.
    func error(_ cause: String, in path: String) -> DatasetError {
        if let file { DatasetError(file, cause) } else { DatasetError(path, line: line, cause) }
    }
}
