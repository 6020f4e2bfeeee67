/// An object of JSON, its keys in writing. They are in snake case, which encoders that convert keys leave as it is.
package struct JSONObject: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let fields: [(key: Key, value: (any Encodable)?)]

    /// - Parameters:
    ///   - fields: null where there is no value
    ///   - optional: left out where there is none
    package init(
        _ fields: KeyValuePairs<String, (any Encodable)?>, optional: KeyValuePairs<String, (any Encodable)?> = [:]
    ) {
        self.fields =
            (fields.map { ($0, $1) } + optional.filter { $0.value != nil }.map { ($0, $1) })
            .map { (Key(stringValue: $0), $1) }
    }

    /// The fields of both, these first.
    package func adding(_ other: JSONObject) -> JSONObject { JSONObject(fields: fields + other.fields) }

    private init(fields: [(key: Key, value: (any Encodable)?)]) { self.fields = fields }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (key, value) in fields {
            if let value { try container.encode(value, forKey: key) } else { try container.encodeNil(forKey: key) }
        }
    }
}
