/// The labels of a text as they are printed: a name, or where there can be several, a list of names.
struct LabelNames: Encodable {
    private let names: [String]
    private let isList: Bool

    /// - Parameters:
    ///   - ids: of the labels
    ///   - all: the names of all labels, by id
    init(_ ids: [Int], _ all: [String], isList: Bool) {
        names = ids.map { all[$0] }
        self.isList = isList
    }

    /// Between `|`, as in a table of training data.
    var text: String { names.joined(separator: "|") }

    func encode(to encoder: any Encoder) throws {
        if isList { try names.encode(to: encoder) } else { try names[0].encode(to: encoder) }
    }
}
