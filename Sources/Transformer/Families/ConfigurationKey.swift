/// A key of `config.json`, and the property that it stands for.
struct ConfigurationKey<Root> {
    let name: JSONName
    /// Whether its values are fractions, also where they are whole numbers.
    let isFraction: Bool
    let read: (KeyedDecodingContainer<JSONName>, inout Root) throws -> Void
    let write: (Root, inout KeyedEncodingContainer<JSONName>) throws -> Void

    /// Creates a key that is read and written in a way of its own.
    init(
        name: JSONName, read: @escaping (KeyedDecodingContainer<JSONName>, inout Root) throws -> Void,
        write: @escaping (Root, inout KeyedEncodingContainer<JSONName>) throws -> Void
    ) {
        (self.name, isFraction, self.read, self.write) = (name, false, read, write)
    }

    /// Creates a key without which a file is no configuration.
    init<Value: Codable>(required name: JSONName, _ property: WritableKeyPath<Root, Value>) {
        (self.name, isFraction) = (name, Self.isFraction(Value.self))
        read = { $1[keyPath: property] = try $0.decode(Value.self, forKey: name) }
        write = { try $1.encode($0[keyPath: property], forKey: name) }
    }

    /// Creates a key that can be missing: then the property keeps its default.
    init<Value: Codable>(_ name: JSONName, _ property: WritableKeyPath<Root, Value>) {
        (self.name, isFraction) = (name, Self.isFraction(Value.self))
        read = { if let value = try $0.decodeIfPresent(Value.self, forKey: name) { $1[keyPath: property] = value } }
        write = { try $1.encode($0[keyPath: property], forKey: name) }
    }

    /// Creates a key that can be missing: then the property is nil.
    init<Value: Codable>(optional name: JSONName, _ property: WritableKeyPath<Root, Value?>) {
        (self.name, isFraction) = (name, Self.isFraction(Value.self))
        read = { $1[keyPath: property] = try $0.decodeIfPresent(Value.self, forKey: name) }
        write = { try $1.encodeIfPresent($0[keyPath: property], forKey: name) }
    }

    /// Creates a key whose values are names, and which can be missing.
    ///
    /// - Parameter names: of the values; the first of each value is the one that is written
    init<Value: Equatable>(
        _ name: JSONName, _ property: WritableKeyPath<Root, Value>, names: KeyValuePairs<String, Value>
    ) {
        (self.name, isFraction) = (name, false)
        read = { container, root in
            guard let found = try container.decodeIfPresent(String.self, forKey: name) else { return }
            guard let value = names.first(where: { $0.key == found })?.value else {
                let known = names.map(\.key).joined(separator: ", ")
                throw ModelError("\(name.stringValue) is '\(found)'; known are \(known)")
            }
            root[keyPath: property] = value
        }
        write = { root, container in
            let value = root[keyPath: property]
            try container.encodeIfPresent(names.first { $0.value == value }?.key, forKey: name)
        }
    }

    private static func isFraction<Value>(_ type: Value.Type) -> Bool {
        [Float.self, Double.self, Float?.self, Double?.self].contains { $0 == type }
    }
}
