import Foundation
import JSON

/// How many labels an example has.
package enum LabelReading: Sendable {
    /// None: the data is to be classified.
    case none
    /// Exactly one.
    case one
    /// Any number: between `|`, or in a JSON array of strings.
    case several
    /// ``several`` if a label of the data has a `|` or is an array, else ``one``.
    case detected
    /// Exactly one, which is a number.
    case number
}

/// Makes labels of the values in the data, in two steps, because only the end of the data may tell how many labels an example
/// can have.
struct Labels {
    let reading: LabelReading
    private let map: [String: String]
    /// Whether an example can have several, as far as is known.
    private(set) var areSeveral: Bool
    /// The results of the second step so far, nil where the example is left out: there are few labels, and many examples.
    private var known: [String: String?] = [:]
    private var usedKeys: Set<String> = []

    init(_ reading: LabelReading, map: [String: String]) {
        (self.reading, self.map) = (reading, map)
        areSeveral = reading == .several
    }

    /// The keys of the map that no label had.
    var unusedKeys: [String] { map.keys.filter { !usedKeys.contains($0) }.sorted() }

    /// The first step, for a cell of a table or the name of a folder.
    mutating func gather(_ cell: Substring) throws -> String? {
        if reading == .several || reading == .detected, cell.utf8.first == UInt8(ascii: "["),
            let array = JSONValue(parsing: cell.utf8, isLenient: true)
        {
            return try gather(array)
        }
        return try gather(.string(String(cell)))
    }

    /// The first step, for a value of a line of JSON. Several labels are then between `|`.
    mutating func gather(_ value: JSONValue) throws -> String? {
        switch value {
        case _ where reading == .none: return nil
        case .array(let parts) where reading == .several || reading == .detected:
            areSeveral = true
            return try parts.map { part in
                guard let text = part.text else { throw BadRow("the label is an array with \(part.kind) in it") }
                if text.utf8.contains(Self.separator) { throw BadRow("a label in an array contains a '|'") }
                return text
            }.joined(separator: "|")
        case .array: throw BadRow("the label is an array; expected one label")
        case .null: return ""
        default:
            guard let text = value.text else { throw BadRow("the label is \(value.kind)") }
            if reading == .detected && text.utf8.contains(Self.separator) { areSeveral = true }
            return text
        }
    }

    /// The second step, when all is gathered: the label, or the labels as ``Example/label`` has them. Nil if the map leaves the
    /// example out.
    ///
    /// - Throws: ``BadRow`` if the label is missing or has a control character.
    mutating func finish(_ gathered: String) throws -> String? {
        if let label = known[gathered] { return label }
        var label: String?
        if areSeveral {
            // A new name may be several.
            let names = try gathered.split(at: Self.separator).flatMap { try name($0).split(at: Self.separator) }
            label = Set(names).filter { !$0.isEmpty }.sorted().joined(separator: "|")
        } else {
            if gathered.trimmingCharacters(in: .whitespaces).isEmpty { throw BadRow("the label is empty") }
            let name = try name(gathered[...])
            label = name.isEmpty ? nil : name
            if let label, reading == .number, !(Float(label)?.isFinite ?? false) {
                throw BadRow("the label '\(label)' is no number; --label-column names the column that has them")
            }
        }
        known[gathered] = .some(label)
        return label
    }

    /// The name of a label after the map.
    private mutating func name(_ text: Substring) throws -> String {
        let name = text.trimmingCharacters(in: .whitespaces)
        if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw BadRow("the label contains a control character")
        }
        guard let new = map[name] else { return name }
        usedKeys.insert(name)
        return new
    }

    private static let separator = UInt8(ascii: "|")
}
