import Kernels

extension SequenceClassifier {
    /// The same function without an adapter: W + (α / r) · B A in place of W.
    ///
    /// - Throws: ``ModelError`` if there is no memory for a second model.
    package func merged(on workers: Workers) throws -> SequenceClassifier {
        guard let lora = configuration.lora else { return self }
        var configuration = configuration
        configuration.lora = nil
        var merged = try withParameters(for: configuration)
        let places = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name, $0.block) })
        let weights = Dictionary(uniqueKeysWithValues: merged.layout.parameters.map { ($0.name, $0.block) })
        var update = Matrix()
        for path in lora.targets.flatMap({ $0.paths(layers: configuration.layers) }) {
            guard let weight = weights["\(path).weight"],
                let a = places["\(path).\(LowRankUpdate.inputName).weight"],
                let b = places["\(path).\(LowRankUpdate.outputName).weight"]
            else { preconditionFailure("an update of a layer that is not there") }
            linearBackward(parameters[b], weight: parameters[a], into: &update, on: workers)
            merged.parameters.add(update, times: lora.scale, to: weight)
        }
        return merged
    }
}
