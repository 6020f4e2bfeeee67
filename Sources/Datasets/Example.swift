/// One text, or two that are read together, and, where the data has one, its label.
package struct Example: Sendable, Equatable {
    /// As it stands in the file.
    package let text: String
    /// The text that is read together with it; nil if there is none.
    package let textPair: String?
    /// Nil in data that is read to be classified. Where examples can have several labels: these, sorted, with `|` between them;
    /// empty if there is none.
    package internal(set) var label: String?
    /// The value of ``Layout/groupColumn``; nil if there is none.
    package let group: String?
    /// The values of ``Layout/keptColumns``; empty for a row that is wrong.
    package let kept: [String]
    /// The file, if it is one of a folder.
    package let file: String?
    /// The place of the file or folder in ``Dataset/sources``.
    package internal(set) var source = 0
    /// The line of the file that the example begins on, from 1.
    package let line: Int
    /// What is wrong with the row, if it is kept nevertheless; the text is empty then.
    package private(set) var problem: String?

    init(
        text: String, textPair: String? = nil, label: String?, group: String?, kept: [String] = [], file: String?,
        line: Int
    ) {
        (self.text, self.textPair) = (text, textPair)
        (self.label, self.group, self.kept, self.file, self.line) = (label, group, kept, file, line)
    }

    /// A text of no file, or two.
    package init(text: String, textPair: String? = nil) {
        self.init(text: text, textPair: textPair, label: nil, group: nil, file: nil, line: 1)
    }

    /// A row that is wrong.
    init(problem: DatasetError, line: Int) {
        self.init(text: "", label: nil, group: nil, file: nil, line: line)
        self.problem = problem.description
    }

    /// The number that ``label`` is; nil if it is none.
    package var number: Double? { label.flatMap { Double($0) } }

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
