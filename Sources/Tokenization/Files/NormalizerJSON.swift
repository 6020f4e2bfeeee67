import Foundation
import JSON

extension Normalizer {
    /// Reads the normaliser of a `tokenizer.json`.
    ///
    /// - Throws: ``TokenizationError`` that names what cannot be read.
    init(_ value: JSONValue) throws {
        switch value["type"].string {
        case nil where value.isNull: self = .sequence([])
        case "BertNormalizer":
            self = .bert(
                BERTNormalizer(
                    cleans: value["clean_text"].bool ?? true, lowercases: value["lowercase"].bool ?? true,
                    stripsAccents: value["strip_accents"].bool,
                    splitsIdeographs: value["handle_chinese_chars"].bool ?? true))
        case let name? where UnicodeForm(rawValue: name) != nil: self = .unicode(UnicodeForm(rawValue: name)!)
        case "Lowercase": self = .lowercase
        case "StripAccents": self = .stripAccents
        case "Nmt": self = .nmt
        case "ByteLevel": self = .byteLevel
        case "Strip": self = .strip(left: value["strip_left"].bool ?? true, right: value["strip_right"].bool ?? true)
        case "Prepend": self = .prepend(try value.requiredString("prepend", of: "Prepend"))
        case "Replace":
            self = .replace(
                try Pattern(value["pattern"], of: "Replace"), by: try value.requiredString("content", of: "Replace"))
        case "Precompiled":
            let text = try value.requiredString("precompiled_charsmap", of: "Precompiled")
            guard let data = Data(base64Encoded: text), let map = CharacterMap(data) else {
                throw TokenizationError("precompiled_charsmap of the normalizer is damaged")
            }
            self = .characterMap(map)
        case "Sequence":
            guard let values = value["normalizers"].array else {
                throw TokenizationError("the normalizer 'Sequence' has no normalizers")
            }
            self = .sequence(try values.map { try Normalizer($0) })
            guard growth <= Self.mostGrowth else {
                throw TokenizationError(
                    "the normalizer could make a text more than \(Self.mostGrowth) times as long, which is not a normaliser's work"
                )
            }
        case let type: throw TokenizationError("normalizer is '\(type ?? "null")', which is not computed here")
        }
        if growth > Self.mostGrowth {
            throw TokenizationError("the normalizer replaces characters by texts of thousands")
        }
    }
}

extension Pattern {
    /// Reads the pattern of a step, a text or a regular expression.
    ///
    /// - Throws: ``TokenizationError`` that names what cannot be read.
    init(_ value: JSONValue, of step: String) throws {
        if let text = value["String"].string ?? value.string, !text.isEmpty {
            self.init(literal: text)
        } else if let expression = value["Regex"].string {
            try self.init(parsing: expression)
        } else {
            throw TokenizationError("'\(step)' has no pattern, or an empty one")
        }
    }
}

extension JSONValue {
    /// The text of a key of a step.
    ///
    /// - Throws: ``TokenizationError`` if there is none.
    func requiredString(_ key: String, of step: String) throws -> String {
        guard let text = self[key].string else { throw TokenizationError("'\(step)' has no text for '\(key)'") }
        return text
    }
}
