import JSON

extension Splitter {
    /// Reads the pre-tokenizer of a `tokenizer.json`.
    ///
    /// - Parameter mapsBytes: whether the last step has to make characters of bytes if it is one that does
    /// - Throws: ``TokenizationError`` that names what cannot be read.
    init(_ value: JSONValue, mapsBytes: Bool) throws {
        switch value["type"].string {
        case nil where value.isNull: self = .sequence([])
        case "BertPreTokenizer": self = .bert
        case "WhitespaceSplit": self = .whiteSpace
        case "Whitespace": self = .pattern(.words, .removed, isInverted: true)
        case "Punctuation": self = .punctuation(try Behavior(value["behavior"], default: .isolated))
        case "Digits":
            self = .digits(value["individual_digits"].bool == true ? .isolated : .contiguous)
        case "Split":
            self = .pattern(
                try Pattern(value["pattern"], of: "Split"), try Behavior(value["behavior"]),
                isInverted: value["invert"].bool ?? false)
        case "CharDelimiterSplit":
            self = .pattern(
                Pattern(literal: try value.requiredString("delimiter", of: "CharDelimiterSplit")), .removed,
                isInverted: false)
        case "FixedLength":
            guard let length = value["length"].isNull ? 5 : value["length"].int, length > 0 else {
                throw TokenizationError("the length of the pre_tokenizer 'FixedLength' is no length")
            }
            self = .length(length)
        case "Metaspace": self = .metaspace(try Metaspace(value))
        case "ByteLevel":
            self = .byteLevel(
                ByteLevel(
                    addsPrefix: value["add_prefix_space"].bool ?? true, splits: value["use_regex"].bool ?? true,
                    maps: mapsBytes))
        case "Sequence":
            guard let values = value["pretokenizers"].array else {
                throw TokenizationError("the pre_tokenizer 'Sequence' has no pretokenizers")
            }
            self = .sequence(
                try values.enumerated().map { try Splitter($1, mapsBytes: mapsBytes || $0 < values.count - 1) })
        case let type: throw TokenizationError("pre_tokenizer is '\(type ?? "null")', which is not computed here")
        }
    }

    /// Whether the last step of a `tokenizer.json`'s pre-tokenizer makes characters of bytes.
    static func endsWithBytes(_ value: JSONValue) -> Bool {
        switch value["type"].string {
        case "ByteLevel": true
        case "Sequence": value["pretokenizers"].array?.last.map(endsWithBytes) ?? false
        default: false
        }
    }
}

extension Splitter.Behavior {
    fileprivate init(_ value: JSONValue, default behavior: Splitter.Behavior? = nil) throws {
        guard let behavior = value.isNull ? behavior : value.string.flatMap(Self.init) else {
            throw TokenizationError(
                "the pre_tokenizer has the behavior '\(value.string ?? "null")', which is not computed here")
        }
        self = behavior
    }
}

extension Splitter.Metaspace {
    fileprivate init(_ value: JSONValue) throws {
        let text = try value.requiredString("replacement", of: "Metaspace")
        guard let replacement = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
            throw TokenizationError("the replacement of 'Metaspace' is '\(text)', and not one character")
        }
        let name = value["prepend_scheme"].string
        guard let prefix = value["prepend_scheme"].isNull ? .always : name.flatMap(Prefix.init) else {
            throw TokenizationError("the prepend_scheme of 'Metaspace' is '\(name ?? "")', which is not computed here")
        }
        let addsNone = value["add_prefix_space"].bool == false
        // Hugging Face's tokenizers refuse this too.
        if addsNone && prefix != .never {
            throw TokenizationError("add_prefix_space and prepend_scheme of 'Metaspace' contradict each other")
        }
        self.init(replacement: replacement, prefix: prefix, splits: value["split"].bool ?? true)
    }
}
