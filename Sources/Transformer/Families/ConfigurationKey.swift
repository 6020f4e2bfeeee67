/// A key of `config.json`, and the property of a configuration that it stands for.
struct ConfigurationKey {
    let read: (KeyedDecodingContainer<JSONName>, inout Configuration) throws -> Void
    let write: (Configuration, inout KeyedEncodingContainer<JSONName>) throws -> Void

    /// Creates a key without which a file is no configuration.
    init<Value: Codable>(required name: JSONName, _ property: WritableKeyPath<Configuration, Value>) {
        read = { $1[keyPath: property] = try $0.decode(Value.self, forKey: name) }
        write = { try $1.encode($0[keyPath: property], forKey: name) }
    }

    /// Creates a key that can be missing: then the property keeps its default.
    init<Value: Codable>(_ name: JSONName, _ property: WritableKeyPath<Configuration, Value>) {
        read = { if let value = try $0.decodeIfPresent(Value.self, forKey: name) { $1[keyPath: property] = value } }
        write = { try $1.encode($0[keyPath: property], forKey: name) }
    }

    /// Creates a key that can be missing: then the property is nil.
    init<Value: Codable>(optional name: JSONName, _ property: WritableKeyPath<Configuration, Value?>) {
        read = { $1[keyPath: property] = try $0.decodeIfPresent(Value.self, forKey: name) }
        write = { try $1.encodeIfPresent($0[keyPath: property], forKey: name) }
    }

    /// Creates a key whose values are names, and which can be missing.
    ///
    /// - Parameter names: of the values; the first of each value is the one that is written
    init<Value: Equatable>(
        _ name: JSONName, _ property: WritableKeyPath<Configuration, Value>, names: KeyValuePairs<String, Value>
    ) {
        read = { container, configuration in
            guard let found = try container.decodeIfPresent(String.self, forKey: name) else { return }
            guard let value = names.first(where: { $0.key == found })?.value else {
                let known = names.map(\.key).joined(separator: ", ")
                throw ModelError("\(name.stringValue) is '\(found)'; known are \(known)")
            }
            configuration[keyPath: property] = value
        }
        write = { configuration, container in
            let value = configuration[keyPath: property]
            try container.encodeIfPresent(names.first { $0.value == value }?.key, forKey: name)
        }
    }
}
