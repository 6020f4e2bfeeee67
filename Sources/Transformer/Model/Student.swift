import Kernels

extension SequenceClassifier {
    /// A classifier with fewer layers, which begins with those of this one that lie evenly apart, the first among them, and with its embeddings and head: of six
    /// layers, the first, third and fifth make three.
    ///
    /// Sanh, Debut, Chaumond & Wolf, *DistilBERT, a Distilled Version of BERT*, 2019, section 3, take one layer out of two.
    ///
    /// - Parameter count: the number of layers, from 1 to that of this classifier
    package func student(layers count: Int) throws -> SequenceClassifier {
        precondition((1...configuration.layers).contains(count), "a student has no more layers than its teacher")
        var configuration = configuration
        configuration.layers = count
        if configuration.positions == .rotary {
            let alternation = configuration.alternation
            configuration.alternation.globalLayers = (0..<count).map {
                alternation.isGlobal($0 * self.configuration.layers / count)
            }
        }
        return try withParameters(for: configuration) { nameOfSource(of: $0, in: count) }
    }

    private func nameOfSource(of parameter: Parameter, in count: Int) -> String {
        guard case .layer(let index) = parameter.part, parameter.name.hasPrefix("layers.") else {
            return parameter.name
        }
        return parameter.name.replacing(
            "layers.\(index).", with: "layers.\(index * configuration.layers / count).", maxReplacements: 1)
    }

    /// A classifier of another shape, all of whose parameters are some of this one's.
    ///
    /// - Parameter source: the name here of a parameter there
    /// - Throws: ``ModelError`` if there is no memory for a second model.
    func withParameters(
        for configuration: Configuration, _ source: (Parameter) -> String = \.name
    ) throws -> SequenceClassifier {
        let places = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name, $0.block) })
        return try SequenceClassifier(configuration) { other in
            var values = FloatBuffer(count: other.count)
            for parameter in other.parameters {
                let name = source(parameter)
                guard let block = places[name] else { preconditionFailure("no parameter \(name)") }
                values.copy(parameters, block.range, to: parameter.block.offset)
            }
            return values
        }
    }
}
